/** Conv and BatchNormalization. */
import type { DilatedWindow, Layer } from '../../../network/network.ts';
import type { Roles } from './network-builder.ts';
import { channelDim, nchw } from './dims.ts';
import {
  activationAt,
  addLayer,
  neededWeightsAt,
  planeAt,
  surrounded,
  vectorAt,
  type Activation,
  type OpContext,
  type Value,
  type Weights,
} from './value.ts';
import { describeWindow, dilationOf, padded, squareOf, windowAttributes, windowOf, type Pair } from './window.ts';

/** The layer of a Conv with that square window. One group a channel that gives one channel is a depthwise convolution. */
function layerOf(op: OpContext, channels: number, { dims }: Weights, spatial: DilatedWindow, bias: boolean): Layer {
  const groups = op.attributes.int('group', 1);
  const [outputs = 0, inputs = 0] = dims;
  if (groups < 1 || channels % groups !== 0 || outputs % groups !== 0)
    throw op.fail(`${groups} groups do not fit ${channels} channels to read and ${outputs} to give`);
  if (inputs !== channels / groups)
    throw op.fail(
      groups === 1
        ? `its weights read ${inputs} channels, its input has ${channels}`
        : `its weights read ${inputs} channels a group, not ${channels / groups}`,
    );
  if (groups > 1 && groups === channels && groups === outputs) return { kind: 'depthwise', ...spatial, bias };
  return { kind: 'convolution', channels: outputs, ...spatial, bias, ...(groups === 1 ? {} : { groups }) };
}

export function conv(op: OpContext): Value {
  const input = planeAt(op, 0, true);
  const weights = neededWeightsAt(op, 1, 'weight');
  const [outputs = 0, inputs = 0, rows = 0, columns = 0] = weights.dims;
  if (weights.dims.length !== 4 || Math.min(...weights.dims) < 1)
    throw op.fail(`weights of ${weights.dims.join('×')} are not those of a two-dimensional convolution`);
  const bias = vectorAt(op, 2, 'bias', outputs);
  const { own, whole: window } = windowOf(op, input, [rows, columns] as Pair);
  const found = squareOf(window, input.shape);
  // A square kernel stays as it is: padding that differs between the sides becomes a layer.
  const dilation = dilationOf(op, [rows, columns]);
  const [reach] = window.kernel;
  const isPadded = rows === columns && window.stride[0] === window.stride[1] && found?.kernel !== reach;
  const square = isPadded ? { kernel: reach, stride: window.stride[0], padding: 0, row: 0, column: 0 } : found;
  if (square === null) throw op.fail(`${describeWindow(window, 'kernel')} cannot be made square`);
  const { stride, padding } = square;
  const kernel = dilation === undefined ? square.kernel : rows;
  if (rows !== kernel || columns !== kernel)
    op.note(`a kernel ${rows}×${columns} becomes ${kernel}×${kernel} with zeros, which are trained`);
  const data = dilation === undefined ? padded(op, weights.values, window.kernel, square, outputs * inputs) : weights.values;
  const spatial = { kernel, stride, padding, ...(dilation === undefined ? {} : { dilation }) };
  const layer = layerOf(op, input.shape.channels, weights, spatial, bias !== undefined);
  const tensors: Roles = {
    kernel: { shape: [outputs, inputs, kernel, kernel], data },
    ...(bias === undefined ? {} : { bias: { shape: [outputs], data: bias.values } }),
  };
  const tensor = op.rewritten.node('Conv', [input.tensor, weights.tensor(), ...(bias === undefined ? [] : [bias.tensor()])], {
    ...windowAttributes(own),
    kernel_shape: [rows, columns],
    ...(dilation === undefined ? {} : { dilations: [dilation, dilation] }),
    group: op.attributes.int('group', 1),
  });
  const read = isPadded ? surrounded(op, input, window, 'zero') : input;
  return addLayer(op, layer, [read], { dims: nchw, tensor }, tensors);
}

/** With running statistics, as for inference. */
export function batchNormalization(op: OpContext): Value {
  const { attributes, builder, rewritten } = op;
  const input: Activation = activationAt(op, 0);
  const shape = builder.shapeOf(input.node);
  if (channelDim(input.dims, shape) !== 1) throw op.fail('the second dimension of its input is not the channels');
  if (attributes.int('training_mode', 0) !== 0 || attributes.int('is_test', 1) !== 1)
    throw op.fail('it is in training mode; export the model for inference');
  if (attributes.int('spatial', 1) !== 1) throw op.fail('spatial 0 cannot be represented');
  attributes.ignore('momentum');
  const epsilon = attributes.float('epsilon', 1e-5);
  if (!(epsilon > 0)) throw op.fail(`epsilon ${epsilon} cannot be represented`);
  const vector = (index: number, name: string): Weights => {
    const weights = vectorAt(op, index, name, shape.channels);
    if (weights === undefined) throw op.fail(`it has no ${name}`);
    return weights;
  };
  const [scale, shift, mean, variance] = [vector(1, 'scale'), vector(2, 'B'), vector(3, 'mean'), vector(4, 'var')];
  if (variance.values.some((value) => value < 0)) throw op.fail('a variance is negative');
  const inputs = [input.tensor, ...[scale, shift, mean, variance].map((weights) => weights.tensor())];
  const tensor = rewritten.node('BatchNormalization', inputs, { epsilon: { float: epsilon } });
  const of = ({ values }: Weights): NonNullable<Roles['scale']> => ({ shape: [shape.channels], data: values });
  const tensors: Roles = { scale: of(scale), shift: of(shift), mean: of(mean), variance: of(variance) };
  return addLayer(op, { kind: 'batch-normalization', epsilon }, [input], { dims: input.dims, tensor }, tensors);
}

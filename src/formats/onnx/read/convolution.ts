/** Conv and BatchNormalization. */
import type { Layer } from '../../../network/network.ts';
import type { Roles } from './draft.ts';
import { channelDim, nchw } from './dims.ts';
import {
  activationAt,
  layerValue,
  neededWeightsAt,
  planeAt,
  vectorAt,
  type Activation,
  type Site,
  type Value,
  type Weights,
} from './value.ts';
import { padded, squareOf, windowAttributes, windowOf, type Pair } from './window.ts';

function groupsOf(site: Site, channels: number, { dims }: Weights): 'convolution' | 'depthwise' {
  const groups = site.attributes.int('group', 1);
  const [outputs, inputs] = dims;
  if (groups === 1) {
    if (inputs !== channels) throw site.fail(`its weights read ${inputs} channels, its input has ${channels}`);
    return 'convolution';
  }
  if (groups !== channels) throw site.fail(`group ${groups} of ${channels} channels cannot be represented`);
  if (inputs !== 1) throw site.fail(`its weights read ${inputs} channels a group, not 1`);
  if (outputs !== channels)
    throw site.fail(`group ${groups} with ${(outputs ?? 0) / channels} outputs a channel cannot be represented`);
  return 'depthwise';
}

export function conv(site: Site): Value {
  const input = planeAt(site, 0, true);
  const weights = neededWeightsAt(site, 1, 'weight');
  const [outputs = 0, inputs = 0, rows = 0, columns = 0] = weights.dims;
  if (weights.dims.length !== 4 || Math.min(...weights.dims) < 1)
    throw site.fail(`weights of ${weights.dims.join('×')} are not those of a two-dimensional convolution`);
  const kind = groupsOf(site, input.shape.channels, weights);
  const bias = vectorAt(site, 2, 'bias', outputs);
  const { own, whole: window } = windowOf(site, input, [rows, columns] as Pair);
  const square = squareOf(window, input.shape);
  if (square === null)
    throw site.fail(
      `a kernel of ${rows}×${columns} with strides ${window.stride.join(', ')} and pads ${[...window.before, ...window.behind].join(', ')} cannot be made square`,
    );
  const { kernel, stride, padding } = square;
  if (rows !== kernel || columns !== kernel)
    site.note(`a kernel ${rows}×${columns} becomes ${kernel}×${kernel} by zeros, which are trained from here on`);
  const data = padded(site, weights.values, window.kernel, square, outputs * inputs);
  const spatial = { kernel, stride, padding, bias: bias !== undefined };
  const layer: Layer = kind === 'convolution' ? { kind, channels: outputs, ...spatial } : { kind, ...spatial };
  const tensors: Roles = {
    kernel: { shape: [outputs, inputs, kernel, kernel], data },
    ...(bias === undefined ? {} : { bias: { shape: [outputs], data: bias.values } }),
  };
  const tensor = site.clean.node('Conv', [input.tensor, weights.tensor(), ...(bias === undefined ? [] : [bias.tensor()])], {
    ...windowAttributes(own),
    group: site.attributes.int('group', 1),
  });
  return layerValue(site, site.draft.add(layer, [input.node], tensors), nchw, tensor);
}

/** In its inference form: with the running statistics. */
export function batchNormalization(site: Site): Value {
  const { attributes, draft, clean } = site;
  const input: Activation = activationAt(site, 0);
  const shape = draft.shapeOf(input.node);
  if (channelDim(input.dims, shape) !== 1) throw site.fail('the second dimension of its input is not the channels');
  if (attributes.int('training_mode', 0) !== 0 || attributes.int('is_test', 1) !== 1)
    throw site.fail('it is in training mode; export the model for inference');
  if (attributes.int('spatial', 1) !== 1) throw site.fail('spatial 0 cannot be represented');
  attributes.ignore('momentum');
  const epsilon = attributes.float('epsilon', 1e-5);
  if (!(epsilon > 0)) throw site.fail(`epsilon ${epsilon} cannot be represented`);
  const vector = (index: number, name: string): Weights => {
    const weights = vectorAt(site, index, name, shape.channels);
    if (weights === undefined) throw site.fail(`it has no ${name}`);
    return weights;
  };
  const [scale, shift, mean, variance] = [vector(1, 'scale'), vector(2, 'B'), vector(3, 'mean'), vector(4, 'var')];
  if (variance.values.some((value) => value < 0)) throw site.fail('a variance is negative');
  const tensor = clean.node(
    'BatchNormalization',
    [input.tensor, scale.tensor(), shift.tensor(), mean.tensor(), variance.tensor()],
    { epsilon: { float: epsilon } },
  );
  const of = ({ values }: Weights): NonNullable<Roles['scale']> => ({ shape: [shape.channels], data: values });
  const tensors: Roles = { scale: of(scale), shift: of(shift), mean: of(mean), variance: of(variance) };
  return layerValue(site, draft.add({ kind: 'batch-normalization', epsilon }, [input.node], tensors), input.dims, tensor);
}

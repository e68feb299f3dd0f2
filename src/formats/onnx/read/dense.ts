/** Gemm and MatMul as dense layers, their weights' columns reordered to (C, H, W). */
import { channelDim, dimExtent, flatOrder, type Dim } from './dims.ts';
import type { Roles } from './network-builder.ts';
import {
  activationAt,
  addLayer,
  neededWeightsAt,
  newNumbers,
  weightsAt,
  type Activation,
  type OpContext,
  type Value,
  type Weights,
} from './value.ts';

interface Vector extends Activation {
  readonly columns: Dim;
  /** Numbers of an image. */
  readonly length: number;
}

function vectorInput(op: OpContext, input = activationAt(op, 0)): Vector {
  const [batch, columns, ...others] = input.dims;
  if (batch !== 'N' || columns === undefined || others.length > 0)
    throw op.fail(`its input has ${input.dims.length} dimensions; only (images, features) can be represented`);
  return { ...input, columns, length: dimExtent(columns, op.builder.shapeOf(input.node)) as number };
}

/** The kernel (features, columns) of a dense layer, times `factor`. `rows`: whether the weights are (columns, features). */
function kernelOf(op: OpContext, input: Vector, weights: Weights, features: number, rows: boolean, factor: number): Float32Array {
  const { length } = input;
  const positions = flatOrder(input.columns, op.builder.shapeOf(input.node));
  if (!rows && positions === null && factor === 1) return weights.values;
  const { values } = weights;
  const data = newNumbers(op, [features, length]);
  for (let feature = 0; feature < features; feature++)
    for (let column = 0; column < length; column++) {
      const from = rows ? column * features + feature : feature * length + column;
      data[feature * length + (positions === null ? column : (positions[column] as number))] = factor * (values[from] as number);
    }
  return data;
}

function dense(
  op: OpContext,
  input: Vector,
  weights: Weights,
  rows: boolean,
  factor: number,
  bias: Float32Array,
  tensor: string,
): Value {
  const [first = 0, second = 0] = weights.dims;
  const [columns, features] = rows ? [first, second] : [second, first];
  if (weights.dims.length !== 2 || Math.min(first, second) < 1)
    throw op.fail(`weights of ${weights.dims.join('×')} are not those of a dense layer`);
  if (columns !== input.length) throw op.fail(`its weights read ${columns} numbers an image, its input has ${input.length}`);
  const kernel = kernelOf(op, input, weights, features, rows, factor);
  const added = bias.length === features ? bias : new Float32Array(features).fill(bias[0] ?? 0);
  const tensors: Roles = { kernel: { shape: [features, columns], data: kernel }, bias: { shape: [features], data: added } };
  return addLayer(op, { kind: 'dense', features }, [input], { dims: ['N', ['C']], tensor }, tensors);
}

/** Each pixel of images whose channels come last, times weights (columns, features): a convolution 1×1. */
function pixelwise(op: OpContext, input: Activation, { dims, values }: Weights, tensor: string): Value {
  const shape = op.builder.shapeOf(input.node);
  const [columns = 0, features = 0] = dims;
  if (channelDim(input.dims, shape) !== input.dims.length - 1)
    throw op.fail(`its input has ${input.dims.length} dimensions, of which the last is not the channels`);
  if (dims.length !== 2 || columns !== shape.channels || features < 1)
    throw op.fail(`weights of ${dims.join('×')} do not fit ${shape.channels} channels`);
  const data = newNumbers(op, [features, columns]);
  for (let feature = 0; feature < features; feature++)
    for (let column = 0; column < columns; column++)
      data[feature * columns + column] = values[column * features + feature] as number;
  const layer = { kind: 'convolution', channels: features, kernel: 1, stride: 1, padding: 0, bias: false } as const;
  const tensors: Roles = { kernel: { shape: [features, columns, 1, 1], data } };
  return addLayer(op, layer, [input], { dims: input.dims, tensor }, tensors);
}

export function matMul(op: OpContext): Value {
  const weights = neededWeightsAt(op, 1, 'second factor');
  const given = activationAt(op, 0);
  const tensor = op.rewritten.node('MatMul', [given.tensor, weights.tensor()]);
  if (given.dims.length > 2) return pixelwise(op, given, weights, tensor);
  return dense(op, vectorInput(op, given), weights, true, 1, new Float32Array(1), tensor);
}

/** alpha·A·B + beta·C */
export function gemm(op: OpContext): Value {
  const { attributes, rewritten } = op;
  const input = vectorInput(op);
  const weights = neededWeightsAt(op, 1, 'weight');
  if (attributes.int('transA', 0) !== 0) throw op.fail('transA 1 cannot be represented');
  const rows = attributes.int('transB', 0) === 0;
  const [alpha, beta] = [attributes.float('alpha', 1), attributes.float('beta', 1)];
  const added = weightsAt(op, 2, 'bias');
  if (added === undefined && op.opset < 11) throw op.fail(`it has no bias, which operator set ${op.opset} wants`);
  const features = weights.dims[rows ? 1 : 0] ?? 0;
  const isBias = (dims: readonly number[]): boolean =>
    dims.length <= 2 && (dims.at(-1) ?? 1) === (dims.length === 0 ? 1 : features) && (dims.length < 2 || dims[0] === 1);
  const isOne = added?.values.length === 1;
  if (added !== undefined && !isOne && !isBias(added.dims))
    throw op.fail(`a bias of ${added.dims.join('×')} for ${features} features`);
  const bias = added === undefined ? new Float32Array(1) : added.values.map((value) => beta * value);
  const tensor = rewritten.node('Gemm', [input.tensor, weights.tensor(), ...(added === undefined ? [] : [added.tensor()])], {
    alpha: { float: alpha },
    beta: { float: beta },
    transB: rows ? 0 : 1,
  });
  return dense(op, input, weights, rows, alpha, bias, tensor);
}

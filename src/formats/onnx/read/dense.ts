/** Gemm and MatMul: dense layers. Their weights' columns are brought to the channel-major order that dense layers read. */
import { dimExtent, flatOrder, type Dim } from './dims.ts';
import {
  activationAt,
  layerValue,
  neededWeightsAt,
  newNumbers,
  weightsAt,
  type Activation,
  type Site,
  type Value,
  type Weights,
} from './value.ts';

interface Vector extends Activation {
  readonly columns: Dim;
  /** Numbers an image. */
  readonly length: number;
}

function vectorInput(site: Site): Vector {
  const input = activationAt(site, 0);
  const [batch, columns, ...others] = input.dims;
  if (batch !== 'N' || columns === undefined || others.length > 0)
    throw site.fail(`its input has ${input.dims.length} dimensions; only (images, features) can be represented`);
  return { ...input, columns, length: dimExtent(columns, site.draft.shapeOf(input.node)) as number };
}

/** (features, columns) in the order of a dense layer, times `factor`. `rows`: whether the weights are (columns, features). */
function kernelOf(site: Site, input: Vector, weights: Weights, features: number, rows: boolean, factor: number): Float32Array {
  const { length } = input;
  const positions = flatOrder(input.columns, site.draft.shapeOf(input.node));
  if (!rows && positions === null && factor === 1) return weights.values;
  const { values } = weights;
  const data = newNumbers(site, [features, length]);
  for (let feature = 0; feature < features; feature++)
    for (let column = 0; column < length; column++) {
      const from = rows ? column * features + feature : feature * length + column;
      data[feature * length + (positions === null ? column : (positions[column] as number))] = factor * (values[from] as number);
    }
  return data;
}

function dense(
  site: Site,
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
    throw site.fail(`weights of ${weights.dims.join('×')} are not those of a dense layer`);
  if (columns !== input.length) throw site.fail(`its weights read ${columns} numbers an image, its input has ${input.length}`);
  const kernel = kernelOf(site, input, weights, features, rows, factor);
  const put = site.draft.add({ kind: 'dense', features }, [input.node], {
    kernel: { shape: [features, columns], data: kernel },
    bias: { shape: [features], data: bias.length === features ? bias : new Float32Array(features).fill(bias[0] ?? 0) },
  });
  return layerValue(site, put, ['N', ['C']], tensor);
}

export function matMul(site: Site): Value {
  const input = vectorInput(site);
  const weights = neededWeightsAt(site, 1, 'second factor');
  const tensor = site.clean.node('MatMul', [input.tensor, weights.tensor()]);
  return dense(site, input, weights, true, 1, new Float32Array(1), tensor);
}

/** alpha·A·B + beta·C */
export function gemm(site: Site): Value {
  const { attributes, clean } = site;
  const input = vectorInput(site);
  const weights = neededWeightsAt(site, 1, 'weight');
  if (attributes.int('transA', 0) !== 0) throw site.fail('transA 1 cannot be represented');
  const rows = attributes.int('transB', 0) === 0;
  const [alpha, beta] = [attributes.float('alpha', 1), attributes.float('beta', 1)];
  const added = weightsAt(site, 2, 'bias');
  const features = weights.dims[rows ? 1 : 0] ?? 0;
  const isBias = (dims: readonly number[]): boolean =>
    dims.length <= 2 && (dims.at(-1) ?? 1) === (dims.length === 0 ? 1 : features) && (dims.length < 2 || dims[0] === 1);
  const isOne = added?.values.length === 1;
  if (added !== undefined && !isOne && !isBias(added.dims))
    throw site.fail(`a bias of ${added.dims.join('×')} for ${features} features`);
  const bias = added === undefined ? new Float32Array(1) : added.values.map((value) => beta * value);
  const tensor = clean.node('Gemm', [input.tensor, weights.tensor(), ...(added === undefined ? [] : [added.tensor()])], {
    alpha: { float: alpha },
    beta: { float: beta },
    transB: rows ? 0 : 1,
  });
  return dense(site, input, weights, rows, alpha, bias, tensor);
}

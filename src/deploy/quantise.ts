/**
 * A deployed network in bytes: real = scale·(byte − zero), from −128 to 127. Each value has one scale and one zero. Weights have a
 * scale for each filter and the zero 0; sums of products are of 32 bits, begin with the bias, and have the scale
 * input·weights (Jacob et al. 2018, arXiv 1712.05877, §2). Scales are numbers of f32, as files store them.
 */
import { must } from '../util/assert.ts';
import { UserError } from '../util/user-error.ts';
import type { Range } from './calibration.ts';
import type { Bounds, Deployed, OperationKind, OperationOf, Step, ValueId } from './deployed.ts';

/** real = scale·(byte − zero). */
export interface Quantisation {
  readonly scale: number;
  readonly zero: number;
}

/** Of a step with filters; `weights` in the order of the deployed network's. */
export interface QuantisedFilters {
  readonly weights: Int8Array;
  readonly scales: Float32Array;
  /** In units of input scale · `scales`. */
  readonly bias: Int32Array;
}

export interface Quantised {
  readonly deployed: Deployed;
  /** By value. */
  readonly values: readonly Quantisation[];
  readonly filters: ReadonlyMap<ValueId, QuantisedFilters>;
}

export const leastByte = -128;
export const mostByte = 127;

/** Half to even, as ONNX's QuantizeLinear. */
export function roundEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The byte of a number. */
export const byteOf = (value: number, { scale, zero }: Quantisation): number =>
  Math.max(leastByte, Math.min(mostByte, roundEven(value / scale) + zero));

/** The bytes of all 256 pixels of a channel, as the ONNX file computes them: in f32. */
export function pixelBytes(mean: number, std: number, quantisation: Quantisation): readonly number[] {
  const [scale, shift] = [Math.fround(1 / (255 * std)), Math.fround(-mean / std)];
  return Array.from({ length: 256 }, (_none, pixel) => byteOf(Math.fround(Math.fround(pixel * scale) + shift), quantisation));
}

/** Of what was always zero any scale does. Below 1e-30, products of scales become denormal. */
const scaleFor = (size: number): number => Math.fround(size === 0 ? 1 : Math.max(size, 1e-30));

/** `symmetric`: the zero is 0. */
export function quantisationOf({ least, most }: Range, symmetric: boolean): Quantisation {
  if (symmetric) return { scale: scaleFor(Math.max(-least, most) / mostByte), zero: 0 };
  const scale = scaleFor((most - least) / (mostByte - leastByte));
  return { scale, zero: Math.max(leastByte, Math.min(mostByte, roundEven(leastByte - least / scale))) };
}

/** The bytes within which a result is bounded. */
export function boundBytes(bounds: Bounds | null, quantisation: Quantisation): Bounds {
  if (bounds === null) return { least: leastByte, most: mostByte };
  return {
    least: bounds.least === -Infinity ? leastByte : byteOf(bounds.least, quantisation),
    most: bounds.most === Infinity ? mostByte : byteOf(bounds.most, quantisation),
  };
}

/** What gives bytes of its input: their scale and zero are the input's. */
export const passing: ReadonlySet<OperationKind> = new Set<OperationKind>(['max-pool', 'pad', 'select']);

/** A bias is at most so large; as much is left for the sum of products. */
const largestSum = 2 ** 30;

interface Filters {
  readonly weights: Float32Array;
  readonly bias: Float32Array | null;
  readonly count: number;
}

/** An affine operation as the depthwise convolution that it is. */
export const affineAsConvolution = ({ scale, mean, shift }: OperationOf<'affine'>): OperationOf<'convolution'> => ({
  kind: 'convolution',
  filters: scale.length,
  groups: scale.length,
  weights: scale,
  bias: shift.map((value, channel) => value - (scale[channel] as number) * (mean[channel] as number)),
  kernel: 1,
  stride: 1,
  dilation: 1,
  margins: { top: 0, left: 0, bottom: 0, right: 0 },
});

/** An operation that sums products; of an affine one each channel is a filter of one weight. Null for others. */
export function filtersOf({ operation }: Step): Filters | null {
  switch (operation.kind) {
    case 'convolution':
      return { weights: operation.weights, bias: operation.bias, count: operation.filters };
    case 'dense':
      return { weights: operation.weights, bias: operation.bias, count: operation.features };
    case 'affine': {
      const { weights, bias, filters } = affineAsConvolution(operation);
      return { weights, bias, count: filters };
    }
    case 'layer-normalization':
    case 'response-normalization':
    case 'bound':
    case 'activation':
    case 'max-pool':
    case 'average-pool':
    case 'pad':
    case 'global-average-pool':
    case 'select':
    case 'sum':
    case 'product':
    case 'concat':
      return null;
  }
}

function quantiseFilters(step: Step, { weights, bias, count }: Filters, input: Quantisation): QuantisedFilters {
  const size = weights.length / count;
  const result = { weights: new Int8Array(weights.length), scales: new Float32Array(count), bias: new Int32Array(count) };
  for (let filter = 0; filter < count; filter++) {
    const own = weights.subarray(filter * size, (filter + 1) * size);
    const most = own.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0);
    const offset = bias?.[filter] ?? 0;
    const scale = scaleFor(Math.max(most / mostByte, Math.abs(offset) / (input.scale * largestSum)));
    result.scales[filter] = scale;
    let sum = 0;
    own.forEach((weight, at) => {
      const byte = Math.max(-mostByte, Math.min(mostByte, roundEven(weight / scale)));
      result.weights[filter * size + at] = byte;
      sum += Math.abs(byte);
    });
    if (sum * 255 > largestSum)
      throw new UserError(
        `layer ${step.node} (${step.operation.kind}) cannot be deployed in bytes: a sum of ${size} products does not fit 32 bits`,
      );
    result.bias[filter] = roundEven(offset / Math.fround(input.scale * scale));
  }
  return result;
}

const within = ({ least, most }: Range, bounds: Bounds | null): Range =>
  bounds === null
    ? { least, most }
    : { least: Math.max(least, Math.min(0, bounds.least)), most: Math.min(most, Math.max(0, bounds.most)) };

/** `ranges`: of each value. `symmetric`: zeros are 0, as some targets want. */
export function quantise(deployed: Deployed, ranges: readonly Range[], symmetric: boolean): Quantised {
  const values: Quantisation[] = [quantisationOf(must(ranges[0], 'range of the image'), symmetric)];
  const filters = new Map<ValueId, QuantisedFilters>();
  for (const step of deployed.steps) {
    const { output, operation, inputs, bounds } = step;
    const input = must(values[inputs[0] ?? 0], 'input');
    values.push(passing.has(operation.kind) ? input : quantisationOf(within(must(ranges[output], 'range'), bounds), symmetric));
    const own = filtersOf(step);
    if (own !== null) filters.set(output, quantiseFilters(step, own, input));
  }
  return { deployed, values, filters };
}

/**
 * A deployed network in f64 with simple loops, over one image; in bytes too, where each value is rounded to its byte. It shares no code
 * with a writer. In bytes, results are rounded half up where C code does so, so that both are the same bytes.
 */
import { countOf, shapeOf, type Bounds, type Deployed, type OperationTable, type Step } from '../../src/deploy/deployed.ts';
import { boundBytes, roundEven, type Quantised } from '../../src/deploy/quantise.ts';
import { rowOf } from '../../src/network/activations.ts';
import type { Shape } from '../../src/network/network.ts';
import { must } from '../../src/util/assert.ts';

interface Context {
  readonly inputs: readonly Float64Array[];
  readonly inputShape: Shape;
  readonly shape: Shape;
  /** Instead of the operation's: those that bytes stand for. */
  readonly filters: { readonly weights: Float64Array; readonly bias: Float64Array } | null;
}

const at = (array: ArrayLike<number>, index: number): number => must(array[index], `number ${index}`);
const first = ({ inputs }: Context): Float64Array => must(inputs[0], 'input');

/** A result whose numbers are a function of channel, row and column. */
function make({ shape }: Context, value: (channel: number, row: number, column: number) => number): Float64Array {
  const { channels, height, width } = shape;
  const result = new Float64Array(channels * height * width);
  let index = 0;
  for (let channel = 0; channel < channels; channel++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) result[index++] = value(channel, row, column);
  return result;
}

/** The number there; undefined outside. */
function pixel(c: Context, channel: number, row: number, column: number): number | undefined {
  const { height, width } = c.inputShape;
  if (row < 0 || row >= height || column < 0 || column >= width) return undefined;
  return at(first(c), (channel * height + row) * width + column);
}

const elementwise = (c: Context, value: (...numbers: number[]) => number): Float64Array =>
  first(c).map((_none, index) => value(...c.inputs.map((input) => at(input, index % input.length))));

/** The numbers of a window without those outside. */
function windowOf(
  c: Context,
  { kernel, stride, margins: { top, left } }: { kernel: number; stride: number; margins: { top: number; left: number } },
  channel: number,
  row: number,
  column: number,
): number[] {
  const seen: number[] = [];
  for (let i = 0; i < kernel; i++)
    for (let j = 0; j < kernel; j++) {
      const value = pixel(c, channel, row * stride - top + i, column * stride - left + j);
      if (value !== undefined) seen.push(value);
    }
  return seen;
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

const operations: OperationTable<[context: Context], Float64Array> = {
  convolution(of, c) {
    const { weights, bias } = c.filters ?? of;
    const depth = c.inputShape.channels / of.groups;
    return make(c, (filter, row, column) => {
      let sum = bias === null ? 0 : at(bias, filter);
      const begin = Math.floor(filter / (of.filters / of.groups)) * depth;
      for (let channel = 0; channel < depth; channel++)
        for (let i = 0; i < of.kernel; i++)
          for (let j = 0; j < of.kernel; j++) {
            const y = row * of.stride - of.margins.top + i * of.dilation;
            const x = column * of.stride - of.margins.left + j * of.dilation;
            const weight = at(weights, ((filter * depth + channel) * of.kernel + i) * of.kernel + j);
            sum += weight * (pixel(c, begin + channel, y, x) ?? 0);
          }
      return sum;
    });
  },
  dense(of, c) {
    const { weights, bias } = c.filters ?? of;
    const input = first(c);
    return make(
      c,
      (feature) => at(bias, feature) + sumOf(Array.from(input, (value, k) => value * at(weights, feature * input.length + k))),
    );
  },
  affine({ scale, mean, shift }, c) {
    const { filters } = c;
    return make(c, (channel, row, column) => {
      const value = must(pixel(c, channel, row, column), 'pixel');
      if (filters !== null) return at(filters.weights, channel) * value + at(filters.bias, channel);
      return at(scale, channel) * (value - at(mean, channel)) + at(shift, channel);
    });
  },
  'layer-normalization'({ epsilon, scale, shift }, c) {
    const { channels } = c.shape;
    return make(c, (channel, row, column) => {
      const all = Array.from({ length: channels }, (_none, other) => must(pixel(c, other, row, column), 'pixel'));
      const mean = sumOf(all) / channels;
      const variance = sumOf(all.map((value) => (value - mean) ** 2)) / channels;
      return ((at(all, channel) - mean) / Math.sqrt(variance + epsilon)) * at(scale, channel) + at(shift, channel);
    });
  },
  'response-normalization': ({ size, alpha, beta, bias }, c) =>
    make(c, (channel, row, column) => {
      let sum = 0;
      for (let other = channel - (size - 1) / 2; other <= channel + (size - 1) / 2; other++)
        if (other >= 0 && other < c.shape.channels) sum += must(pixel(c, other, row, column), 'pixel') ** 2;
      return must(pixel(c, channel, row, column), 'pixel') / (bias + (alpha / size) * sum) ** beta;
    }),
  bound: ({ least, most }, c) => elementwise(c, (x) => Math.min(Math.max(x, least), most)),
  activation: ({ function: of }, c) => elementwise(c, rowOf(of).value),
  'max-pool': (of, c) => make(c, (...where) => Math.max(...windowOf(c, of, ...where))),
  'average-pool': (of, c) =>
    make(c, (...where) => {
      const seen = windowOf(c, of, ...where);
      return sumOf(seen) / (of.counted ? of.kernel ** 2 : seen.length);
    }),
  pad: ({ value, margins }, c) =>
    make(
      c,
      (channel, row, column) => pixel(c, channel, row - margins.top, column - margins.left) ?? (value === 'zero' ? 0 : -3.4e38),
    ),
  'global-average-pool'(_of, c) {
    const size = c.inputShape.height * c.inputShape.width;
    return make(c, (channel) => sumOf([...first(c).subarray(channel * size, (channel + 1) * size)]) / size);
  },
  select: ({ take }, c) => make(c, (channel, row, column) => must(pixel(c, at(take, channel), row, column), 'pixel')),
  sum: ({ shares }, c) => elementwise(c, (...numbers) => sumOf(numbers.map((value, term) => value * at(shares, term)))),
  product(_of, c) {
    const [one, other] = [first(c), must(c.inputs[1], 'second')];
    const size = c.shape.height * c.shape.width;
    return one.map((value, index) => value * at(other, other.length === one.length ? index : Math.floor(index / size)));
  },
  concat: (_of, c) => Float64Array.from(c.inputs.flatMap((input) => [...input])),
};

/** Whose bytes C code looks up or computes in f32, and rounds half to even. */
const even: ReadonlySet<string> = new Set(['bound', 'activation', 'layer-normalization', 'response-normalization']);

function valuesOf(
  deployed: Deployed,
  image: Float64Array,
  filtersOf: (step: Step) => Context['filters'],
  finish: (values: Float64Array, step: Step | null) => Float64Array,
  given?: readonly Float64Array[],
): readonly Float64Array[] {
  const values = [finish(image, null)];
  for (const step of deployed.steps) {
    const row = operations[step.operation.kind] as (operation: Step['operation'], context: Context) => Float64Array;
    const result = row(step.operation, {
      inputs: step.inputs.map((input) => must((given ?? values)[input], 'value')),
      inputShape: shapeOf(deployed, step.inputs[0] ?? 0),
      shape: step.shape,
      filters: filtersOf(step),
    });
    if (result.length !== countOf(step.shape)) throw new Error(`step ${step.output}: ${result.length} numbers`);
    values.push(finish(result, step));
  }
  return values;
}

const bounded = (bounds: Bounds | null, value: number): number =>
  bounds === null ? value : Math.min(Math.max(value, bounds.least), bounds.most);

/** `image`: normalised, (C, H, W). Gives the logits. */
export const deployedLogits = (deployed: Deployed, image: Float64Array): Float64Array =>
  must(
    valuesOf(
      deployed,
      image,
      () => null,
      (values, step) => values.map((value) => bounded(step?.bounds ?? null, value)),
    )[deployed.output],
    'logits',
  );

/**
 * The same in bytes: the numbers that the bytes of each value stand for. `image`: rounded to f32. `given`: those that each step reads,
 * in place of the results before it.
 */
export function quantisedValues(
  { deployed, values: quantisations, filters }: Quantised,
  image: Float64Array,
  given?: readonly Float64Array[],
): readonly Float64Array[] {
  const filtersOf = ({ output, inputs }: Step): Context['filters'] => {
    const found = filters.get(output);
    if (found === undefined) return null;
    const { scale } = must(quantisations[inputs[0] ?? 0], 'input');
    const size = found.weights.length / found.bias.length;
    return {
      weights: Float64Array.from(found.weights, (byte, index) => byte * at(found.scales, Math.floor(index / size))),
      bias: Float64Array.from(found.bias, (sum, filter) => sum * scale * at(found.scales, filter)),
    };
  };
  const finish = (values: Float64Array, step: Step | null): Float64Array => {
    const { scale, zero } = must(quantisations[step?.output ?? 0], 'quantisation');
    const { least, most } = boundBytes(step?.bounds ?? null, { scale, zero });
    const isEven = step === null || even.has(step.operation.kind);
    return values.map((value) => {
      // Sums in f64 are within 1e-12 of the exact ones, which decides on halves.
      const steps = Math.round((value / scale) * 2 ** 24) / 2 ** 24;
      const byte = (isEven ? roundEven(steps) : Math.floor(steps + 0.5)) + zero;
      return (Math.min(Math.max(byte, least), most) - zero) * scale;
    });
  };
  return valuesOf(deployed, image, filtersOf, finish, given);
}

/** The numbers that the bytes of the logits stand for. */
export const quantisedLogits = (quantised: Quantised, image: Float64Array): Float64Array =>
  must(quantisedValues(quantised, image)[quantised.deployed.output], 'logits');

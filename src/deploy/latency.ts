/**
 * How long a network takes for one image, predicted from times of its operations that were measured on a machine: ONNX Runtime, f32,
 * one thread. Convolutions are interpolated between measured ones, in logarithms of pixels and channels, as time a multiply-add; all
 * others are linear in their numbers. Pure.
 */
import { z } from 'zod';
import { must } from '../util/assert.ts';
import { askOperation, countOf, shapeOf, type Deployed, type OperationTable, type Step } from './deployed.ts';

/** Seconds of an operation: fixed, and for each number. */
const linearSchema = z.strictObject({ fixed: z.number().min(0), each: z.number().min(0) });
export type Linear = z.infer<typeof linearSchema>;

/** Kernels of measured convolutions; others count as the larger one. */
export const timedKernels = [1, 3] as const;
type TimedKernel = (typeof timedKernels)[number];

/** What is linear, and in which numbers: of the image, of the input, of the sum of products, of the weights, of the result. */
export const linearNames = ['image', 'depthwise', 'dense', 'max-pool', 'affine', 'sum', 'concat', 'other'] as const;
export type LinearName = (typeof linearNames)[number];

export const operatorTimesSchema = z.strictObject({
  /** On what: the runtime and the processor. */
  of: z.string(),
  /** The runtime pads channels to multiples of this. */
  block: z.int().min(1),
  /** Square images and numbers of channels that were measured, rising. */
  sides: z.array(z.int().min(1)).min(1),
  widths: z.array(z.int().min(1)).min(1),
  /** Seconds a multiply-add, by kernel, side, and the narrower and the wider of input and output. */
  convolutions: z.record(z.string(), z.array(z.array(z.array(z.number().positive())))),
  linear: z.record(z.enum(linearNames), linearSchema),
});
export type OperatorTimes = z.infer<typeof operatorTimesSchema>;

const roundedUp = (channels: number, block: number): number => Math.ceil(channels / block) * block;

/** Between which places of a rising list a number lies, in logarithms, and how far: at the ends the ends. */
function placeIn(list: readonly number[], value: number): { readonly at: number; readonly part: number } {
  const next = list.findIndex((each) => each >= value);
  if (next === 0) return { at: 0, part: 0 };
  if (next === -1) return { at: list.length - 1, part: 0 };
  const [low, high] = [must(list[next - 1], 'place'), must(list[next], 'place')];
  return { at: next - 1, part: Math.log(value / low) / Math.log(high / low) };
}

/** The geometric mean of neighbours, by how near they are. */
const between = (part: number, low: number, high: () => number): number =>
  part === 0 ? low : Math.exp((1 - part) * Math.log(low) + part * Math.log(high()));

const nearestKernel = (kernel: number): TimedKernel => (kernel === 1 ? 1 : 3);

/** Seconds of a convolution. */
function convolutionSeconds(times: OperatorTimes, kernel: number, pixels: number, input: number, output: number): number {
  // Fewer channels than a block are read as they are, such as those of the image.
  const [a, b] = [input < times.block ? input : roundedUp(input, times.block), roundedUp(output, times.block)];
  const rates = must(times.convolutions[nearestKernel(kernel)], 'times of a kernel');
  const side = placeIn(times.sides, Math.sqrt(pixels));
  const [narrow, wide] = [placeIn(times.widths, Math.min(a, b)), placeIn(times.widths, Math.max(a, b))];
  const rateAt = (s: number, n: number, w: number): number => must(rates[s]?.[Math.min(n, w)]?.[Math.max(n, w)], 'time');
  const ofWide = (s: number, n: number): number => between(wide.part, rateAt(s, n, wide.at), () => rateAt(s, n, wide.at + 1));
  const ofNarrow = (s: number): number => between(narrow.part, ofWide(s, narrow.at), () => ofWide(s, narrow.at + 1));
  const rate = between(side.part, ofNarrow(side.at), () => ofNarrow(side.at + 1));
  return rate * pixels * a * b * kernel ** 2;
}

const linear = (times: OperatorTimes, name: LinearName, numbers: number): number => {
  const { fixed, each } = times.linear[name];
  return fixed + each * numbers;
};

/** Numbers that an operation without weights reads. */
const readBy = (deployed: Deployed, { inputs }: Step): number =>
  inputs.reduce((sum, input) => sum + countOf(shapeOf(deployed, input)), 0);

type Question = readonly [times: OperatorTimes, deployed: Deployed, step: Step];

const reading =
  (name: LinearName) =>
  (_operation: unknown, ...[times, deployed, step]: Question): number =>
    linear(times, name, readBy(deployed, step));

const seconds: OperationTable<[...Question], number> = {
  convolution({ groups, kernel, filters }, times, deployed, { inputs, shape }) {
    const { channels } = shapeOf(deployed, inputs[0] ?? 0);
    const pixels = shape.height * shape.width;
    if (groups === channels) return linear(times, 'depthwise', pixels * roundedUp(filters, times.block) * kernel ** 2);
    return groups * convolutionSeconds(times, kernel, pixels, channels / groups, filters / groups);
  },
  dense: ({ weights }, times) => linear(times, 'dense', weights.length),
  affine: reading('affine'),
  'layer-normalization': reading('other'),
  'response-normalization': reading('other'),
  bound: reading('affine'),
  activation: reading('other'),
  'max-pool': ({ kernel }, times, _deployed, { shape }) => linear(times, 'max-pool', countOf(shape) * kernel ** 2),
  'average-pool': ({ kernel }, times, _deployed, { shape }) => linear(times, 'max-pool', countOf(shape) * kernel ** 2),
  pad: reading('concat'),
  'global-average-pool': reading('affine'),
  select: reading('concat'),
  sum: reading('sum'),
  product: reading('sum'),
  concat: reading('concat'),
};

/** Seconds for each step, behind those of reading the image. */
export const secondsByStep = (deployed: Deployed, times: OperatorTimes): readonly number[] => [
  linear(times, 'image', countOf(deployed.image)),
  ...deployed.steps.map((step) => askOperation(seconds, step.operation, times, deployed, step)),
];

/** Seconds for one image. */
export const secondsOf = (deployed: Deployed, times: OperatorTimes): number =>
  secondsByStep(deployed, times).reduce((sum, each) => sum + each, 0);

/** Convolutions, plain and depthwise: the library chooses all layouts. */
import { isRounded, type Precision } from '../../../program/precision.ts';
import type { BufferId, Geometry, StepOf } from '../../../program/program.ts';
import type { PrimitiveDescriptor, Window } from '../adapter.ts';
import { must } from '../../../util/assert.ts';
import type { Builder } from '../builder.ts';
import { argument, convolution as convolutionAlgorithm, pooling, query } from '../constants.ts';
import type { Layout } from '../native.ts';
import { key, type Rows } from './rows.ts';
import { pooledTensors } from './pooled.ts';
import { convolve, gradientToKernel as gradientByWinograd, isWinograd, type Operand } from './winograd.ts';

export const window = ({ stride, padding, dilation, margins }: Geometry): Window => ({
  strides: [stride, stride],
  ...(margins === undefined
    ? { padding: [padding, padding] }
    : { padding: [margins.top, margins.left], behind: [margins.bottom, margins.right] }),
  ...(dilation === undefined ? {} : { dilation }),
});

/**
 * Winograd convolutions pad channels to 16 and transform every tile; where there are few channels to sum over, direct ones
 * are faster (bench: 3 → 64 channels at 32² 2.8 against 19 ms forward, 3.6 against 10.6 to the kernel; 16 → 64 14 against 26).
 * The choice follows from the shape alone, so that results do not depend on timing.
 */
const algorithmFor = (b: Builder, summedChannels: number, few: number): number =>
  summedChannels <= few ? convolutionAlgorithm.direct : b.algorithm;

/** The precision of the operands of a convolution between tensors of those dimensions, and of its gradients. */
const precisionOf = (b: Builder, geometry: Geometry, from: readonly number[], to: readonly number[]): Precision =>
  b.precision === 'bf16' && isRounded(geometry, from, to) ? 'bf16' : 'f32';

/** A forward convolution that leaves all layouts to the library; also the hint of its gradients. */
function convolution(
  b: Builder,
  training: boolean,
  input: BufferId,
  kernel: BufferId,
  output: BufferId,
  geometry: Geometry,
  bias: boolean,
): PrimitiveDescriptor {
  const { native } = b;
  const [source, weights, destination] = [input, kernel, output].map((id) => b.dimensions(id)) as [number[], number[], number[]];
  const precision = precisionOf(b, geometry, source, destination);
  return b.once(key('convolution', training, source, weights, geometry, bias), () =>
    b.describe({
      kind: 'convolution',
      training,
      algorithm: precision === 'bf16' ? convolutionAlgorithm.direct : algorithmFor(b, source[1] as number, 16),
      source: native.any(source, precision),
      weights: native.any(weights, precision),
      bias: bias ? native.plain([destination[1] as number]).descriptor : null,
      destination: native.any(destination),
      ...window(geometry),
    }),
  );
}

type ToKernel = StepOf<'convolution-gradient-kernel'>;

interface Operands {
  readonly input: Operand;
  readonly output: Operand;
}

/** Input and output, or their gradients, of a convolution that kernels of our own compute, in the library's own layouts; otherwise null. */
function ownOperands(b: Builder, input: BufferId, kernel: BufferId, output: BufferId, geometry: Geometry): Operands | null {
  if (b.own?.winograd !== true) return null;
  const pooled = b.once('pooled tensors', () => pooledTensors(b.program)).get(output) ?? null;
  const channels = Math.min(b.dimensions(input)[1] as number, b.dimensions(output)[1] as number);
  if (!isWinograd(b, geometry, channels, pooled !== null)) return null;
  const primitive = convolution(b, b.training, input, kernel, output, geometry, false);
  const [from, to] = [b.wants(primitive, query.source, input), b.wants(primitive, query.destination, output)];
  if (from.lanes === null || from.lanes !== to.lanes) return null;
  const whole: Operands = {
    input: { buffer: input, layout: from, pooled: null },
    output: { buffer: output, layout: to, pooled: null },
  };
  if (pooled === null) return whole;
  const layout = b.wants(halvingPool(b, to, b.dimensions(pooled.buffer)), query.destination, pooled.buffer);
  if (layout.lanes !== to.lanes) return isWinograd(b, geometry, channels, false) ? whole : null;
  return { ...whole, output: { ...whole.output, pooled: { ...pooled, layout } } };
}

/** A pool of 2×2 that leaves the layout of its output to the library. */
const halvingPool = (b: Builder, source: Layout, output: readonly number[]): PrimitiveDescriptor =>
  b.once(key('halving', source.number), () =>
    b.describe({
      kind: 'pool',
      training: false,
      algorithm: pooling.max,
      source: source.descriptor,
      destination: b.native.any(output),
      kernel: [2, 2],
      strides: [2, 2],
      padding: [0, 0],
    }),
  );

/** Whether a pool, or its gradient, is computed together with the convolution whose output or its gradient this is. */
export function isPooledInConvolution(b: Builder, output: BufferId): boolean {
  if (b.own?.winograd !== true) return false;
  const of = b.once('pooled tensors', () => pooledTensors(b.program)).get(output);
  if (of === undefined) return false;
  const { input, kernel, geometry } = of.convolution;
  return (ownOperands(b, input, kernel, output, geometry)?.output.pooled ?? null) !== null;
}

/**
 * Whether the gradient to this kernel is computed by columns: the library's depthwise gradients end at kernels 3 wide, and what
 * it falls back to is slow (16 channels at 16², batch 128, 5×5, one thread with AVX-512: 13.5 ms; the two primitives by columns 0.25).
 */
const isByColumns = (b: Builder, { input, geometry: { kernel, stride, groups, dilation } }: ToKernel): boolean =>
  groups > 1 && dilation === undefined && groups === b.dimensions(input)[1] && kernel > widest && stride <= 2;

const widest = 3;

/** The layout in which the gradient to the kernel is written. */
export function kernelGradientLayout(b: Builder, s: ToKernel): Layout {
  if (ownOperands(b, s.input, s.kernelGradient, s.outputGradient, s.geometry) !== null) return b.plain(s.kernelGradient);
  if (!isByColumns(b, s)) return b.wants(gradientToKernel(b, s), query.weightsGradient, s.kernelGradient);
  const forward = convolution(b, true, s.input, s.kernelGradient, s.outputGradient, s.geometry, s.biasGradient !== null);
  const layout = b.wants(forward, query.weights, s.kernelGradient);
  const column = [...b.dimensions(s.kernelGradient).slice(0, -1), 1];
  return b.native.part(layout, column, [0, 0, 0, 0, 0]) === null ? b.plain(s.kernelGradient) : layout;
}

/** A reorder of a part of a tensor that is in a layout which may not be cut there: else of its row-major copy. */
function partOf(b: Builder, id: BufferId, dimensions: readonly number[], offsets: readonly number[]) {
  const home = b.home(id);
  const part = b.native.part(home, dimensions, offsets);
  const layout = part === null ? b.plain(id) : home;
  return { layout, part: part ?? must(b.native.part(layout, dimensions, offsets), 'part of a row-major tensor') };
}

/**
 * The gradient to a wide depthwise kernel, at most three columns at a time: each is that of a narrower kernel over the input moved
 * aside by as much, with the padding of the columns in memory; and with that of the rows, where the kernel is higher than the image.
 */
function gradientByColumns(b: Builder, s: ToKernel): void {
  const { native } = b;
  const { kernel, padding, stride } = s.geometry;
  const [batch, channels, height, width] = b.dimensions(s.input) as [number, number, number, number];
  const outputs = b.dimensions(s.outputGradient);
  const above = kernel > height ? padding : 0;
  const rows = above > 0 ? ((outputs[2] as number) - 1) * stride + kernel : height;
  const kernelLayout = kernelGradientLayout(b, s);
  const whole = b.write(s.kernelGradient, kernelLayout);
  for (let from = 0; from < kernel; from += widest) {
    const columns = Math.min(widest, kernel - from);
    const movedDimensions = [batch, channels, rows, ((outputs[3] as number) - 1) * stride + columns];
    const kernelDimensions = [...b.dimensions(s.kernelGradient).slice(0, -1), columns];
    // All columns have the same gradient to the bias.
    const bias = from === 0 ? s.biasGradient : null;
    const shapes = {
      algorithm: convolutionAlgorithm.direct,
      source: native.any(movedDimensions),
      strides: [stride, stride],
      padding: [padding - above, 0],
    } as const;
    const biasDescriptor = bias === null ? null : b.plain(bias).descriptor;
    const hint = b.describe({
      kind: 'convolution',
      training: true,
      weights: native.any(kernelDimensions),
      bias: biasDescriptor,
      destination: native.any(outputs),
      ...shapes,
    });
    const primitive = b.describe({
      kind: 'convolution-backward-weights',
      weightsGradient: native.any(kernelDimensions),
      biasGradient: biasDescriptor,
      destinationGradient: native.any(outputs),
      hint,
      ...shapes,
    });
    const source = must(native.layout(primitive, query.source, movedDimensions), 'layout of a moved input');
    const destination = b.wants(primitive, query.destinationGradient, s.outputGradient);
    const weights = must(native.layout(primitive, query.weightsGradient, kernelDimensions), 'layout of some columns');

    const moved = b.scratch(source.bytes);
    const [first, end] = [Math.max(0, from - padding), Math.min(width, from - padding + (movedDimensions[3] as number))];
    // Channels that only fill a block have to be zero, too.
    const isWhole = end - first === movedDimensions[3] && rows === height && channels % 16 === 0;
    if (!isWhole)
      b.script('clear', [moved], (view) => {
        const values = view(moved);
        return () => void values.fill(0);
      });
    if (end > first) {
      const dimensions = [batch, channels, Math.min(height, rows - above), end - first];
      const { layout, part } = partOf(b, s.input, dimensions, [0, 0, 0, first]);
      const place = must(native.part(source, dimensions, [0, 0, above, Math.max(0, padding - from)]), 'place of a moved input');
      b.run('move input', b.describe({ kind: 'reorder', source: part, destination: place }), [
        [argument.source, b.read(s.input, layout), part],
        [argument.destination, moved, place],
      ]);
    }
    const some = b.scratch(weights.bytes);
    b.run('convolution gradient kernel', primitive, [
      [argument.source, moved, source],
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.weightsGradient, some, weights],
      ...(bias === null ? [] : [[argument.biasGradient, b.write(bias, b.plain(bias)), b.plain(bias)] as const]),
    ]);
    const place = must(native.part(kernelLayout, kernelDimensions, [0, 0, 0, 0, from]), 'place of some columns');
    b.run('columns of a gradient', b.describe({ kind: 'reorder', source: weights.descriptor, destination: place }), [
      [argument.source, some, weights],
      [argument.destination, whole, place],
    ]);
  }
}

function gradientToKernel(b: Builder, s: ToKernel): PrimitiveDescriptor {
  const { native } = b;
  const [input, output] = [b.dimensions(s.input), b.dimensions(s.outputGradient)];
  const precision = precisionOf(b, s.geometry, input, output);
  return b.once(s, () =>
    b.describe({
      kind: 'convolution-backward-weights',
      algorithm: precision === 'bf16' ? convolutionAlgorithm.direct : algorithmFor(b, input[1] as number, 4),
      source: native.any(input, precision),
      weightsGradient: native.any(b.dimensions(s.kernelGradient)),
      biasGradient: s.biasGradient === null ? null : b.plain(s.biasGradient).descriptor,
      destinationGradient: native.any(output, precision),
      hint: convolution(b, true, s.input, s.kernelGradient, s.outputGradient, s.geometry, s.biasGradient !== null),
      ...window(s.geometry),
    }),
  );
}

export const convolutions = {
  convolution(s, b) {
    const own = ownOperands(b, s.input, s.kernel, s.output, s.geometry);
    if (own !== null) return convolve(b, 'convolution', [own.input, own.output], s.kernel, s.bias, s.geometry.padding, false);
    const primitive = convolution(b, b.training, s.input, s.kernel, s.output, s.geometry, s.bias !== null);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weights, s.kernel);
    const destination = b.wants(primitive, query.destination, s.output);
    b.run('convolution', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.weights, b.read(s.kernel, weights), weights],
      ...(s.bias === null ? [] : [[argument.bias, b.read(s.bias, b.plain(s.bias)), b.plain(s.bias)] as const]),
      [argument.destination, b.write(s.output, destination), destination],
    ]);
  },

  'convolution-gradient-input'(s, b) {
    const own = ownOperands(b, s.inputGradient, s.kernel, s.outputGradient, s.geometry);
    if (own !== null) {
      const label = 'convolution gradient input';
      return convolve(b, label, [own.output, own.input], s.kernel, null, 2 - s.geometry.padding, true);
    }
    const { native } = b;
    const [input, output] = [b.dimensions(s.inputGradient), b.dimensions(s.outputGradient)];
    const precision = precisionOf(b, s.geometry, input, output);
    const primitive = b.describe({
      kind: 'convolution-backward-data',
      algorithm: precision === 'bf16' ? convolutionAlgorithm.direct : algorithmFor(b, output[1] as number, 16),
      sourceGradient: native.any(input),
      weights: native.any(b.dimensions(s.kernel), precision),
      destinationGradient: native.any(output, precision),
      hint: convolution(b, true, s.inputGradient, s.kernel, s.outputGradient, s.geometry, false),
      ...window(s.geometry),
    });
    const source = b.wants(primitive, query.sourceGradient, s.inputGradient);
    const weights = b.wants(primitive, query.weights, s.kernel);
    const destination = b.wants(primitive, query.destinationGradient, s.outputGradient);
    b.run('convolution gradient input', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.weights, b.read(s.kernel, weights), weights],
      [argument.sourceGradient, b.write(s.inputGradient, source), source],
    ]);
  },

  'convolution-gradient-kernel'(s, b) {
    if (isByColumns(b, s)) return gradientByColumns(b, s);
    const own = ownOperands(b, s.input, s.kernelGradient, s.outputGradient, s.geometry);
    if (own !== null) {
      const label = 'convolution gradient kernel';
      return gradientByWinograd(b, label, [own.input, own.output], s.kernelGradient, s.biasGradient, s.geometry.padding);
    }
    const primitive = gradientToKernel(b, s);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weightsGradient, s.kernelGradient);
    const destination = b.wants(primitive, query.destinationGradient, s.outputGradient);
    const bias = s.biasGradient;
    b.run('convolution gradient kernel', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.weightsGradient, b.write(s.kernelGradient, weights), weights],
      ...(bias === null ? [] : [[argument.biasGradient, b.write(bias, b.plain(bias)), b.plain(bias)] as const]),
    ]);
  },
} satisfies Rows;

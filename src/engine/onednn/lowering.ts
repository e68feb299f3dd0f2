/**
 * One row a kind of step: the primitives that compute it, and the layouts in which it reads and writes. Convolutions and
 * dense layers have their layouts chosen by the library; everything else follows what it reads. It knows no memory.
 */
import { accessOf } from '../../program/access.ts';
import {
  bufferOf,
  type BufferId,
  type Geometry,
  type Program,
  type Step,
  type StepOf,
  type StepTable,
} from '../../program/program.ts';
import { must } from '../../util/assert.ts';
import type { PrimitiveDescriptor, Window } from './adapter.ts';
import type { Block, Builder } from './builder.ts';
import { argument, convolution as convolutionAlgorithm, pooling, query } from './constants.ts';
import { clamp, descend, follow, mixGradient, softmaxCrossEntropy } from './kernels.ts';
import type { Layout } from './native.ts';

const window = ({ stride, padding }: Geometry): Window => ({ strides: [stride, stride], padding: [padding, padding] });

/** The step of that kind for which `accepts` holds, the first in the program. */
function findStep<K extends Step['kind']>(
  program: Program,
  kind: K,
  accepts: (step: StepOf<K>) => boolean,
): StepOf<K> | undefined {
  return program.steps.find((step): step is StepOf<K> => step.kind === kind && accepts(step as StepOf<K>));
}

/**
 * Winograd convolutions pad channels to 16 and transform every tile; where there are few channels to sum over, direct ones
 * are faster (bench: 3 → 64 channels at 32² 2.8 against 19 ms forward, 3.6 against 10.6 to the kernel; 16 → 64 14 against 26).
 * The choice follows from the shape alone, so that results do not depend on timing.
 */
const algorithmFor = (b: Builder, summedChannels: number, few: number): number =>
  summedChannels <= few ? convolutionAlgorithm.direct : b.algorithm;

const key = (...parts: readonly unknown[]): string => JSON.stringify(parts);

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
  return b.once(key('convolution', training, source, weights, geometry, bias), () =>
    b.describe({
      kind: 'convolution',
      training,
      algorithm: algorithmFor(b, source[1] as number, 16),
      source: native.any(source),
      weights: native.any(weights),
      bias: bias ? native.plain([destination[1] as number]).descriptor : null,
      destination: native.any(destination),
      ...window(geometry),
    }),
  );
}

function convolutionGradientKernel(b: Builder, s: StepOf<'convolution-gradient-kernel'>): PrimitiveDescriptor {
  const { native } = b;
  return b.once(s, () =>
    b.describe({
      kind: 'convolution-backward-weights',
      algorithm: algorithmFor(b, b.dimensions(s.input)[1] as number, 4),
      source: native.any(b.dimensions(s.input)),
      weightsGradient: native.any(b.dimensions(s.kernelGradient)),
      biasGradient: s.biasGradient === null ? null : b.plain(s.biasGradient).descriptor,
      destinationGradient: native.any(b.dimensions(s.outputGradient)),
      hint: convolution(b, true, s.input, s.kernelGradient, s.outputGradient, s.geometry, s.biasGradient !== null),
      ...window(s.geometry),
    }),
  );
}

/** (N, features): what the library takes (N, features, 1, 1) for in an inner product. */
function rows(b: Builder, id: BufferId): Layout {
  return b.native.plain(b.dimensions(id).slice(0, 2));
}

function innerProduct(b: Builder, input: BufferId, kernel: readonly number[], output: BufferId): PrimitiveDescriptor {
  const { native, training } = b;
  const source = b.dimensions(input);
  return b.once(key('inner product', source, kernel), () =>
    b.describe({
      kind: 'inner-product',
      training,
      source: native.any(source),
      weights: native.any(kernel),
      bias: native.plain([kernel[0] as number]).descriptor,
      destination: rows(b, output).descriptor,
    }),
  );
}

function denseGradientKernel(b: Builder, s: StepOf<'dense-gradient-kernel'>): PrimitiveDescriptor {
  const { native } = b;
  const kernel = b.dimensions(s.kernelGradient);
  return b.once(s, () =>
    b.describe({
      kind: 'inner-product-backward-weights',
      source: native.any(b.dimensions(s.input)),
      weightsGradient: native.any(kernel),
      biasGradient: b.plain(s.biasGradient).descriptor,
      destinationGradient: rows(b, s.outputGradient).descriptor,
      hint: innerProduct(b, s.input, kernel, s.outputGradient),
    }),
  );
}

/** The layout in which the gradient of a parameter arrives, so that the update needs no reorder. */
export function parameterLayout(b: Builder, update: StepOf<'sgd'>): Layout {
  const writer = b.program.steps.find((step) => accessOf(step).writes.includes(update.gradient));
  if (writer?.kind === 'convolution-gradient-kernel' && writer.kernelGradient === update.gradient)
    return b.wants(convolutionGradientKernel(b, writer), query.weightsGradient, update.gradient);
  if (writer?.kind === 'dense-gradient-kernel' && writer.kernelGradient === update.gradient)
    return b.wants(denseGradientKernel(b, writer), query.weightsGradient, update.gradient);
  return b.plain(update.gradient);
}

function averagePool(b: Builder, source: Layout, output: BufferId): PrimitiveDescriptor {
  const [, , height, width] = source.dimensions as [number, number, number, number];
  return b.once(key('average', source.number), () =>
    b.describe({
      kind: 'pool',
      training: b.training,
      algorithm: pooling.average,
      source: source.descriptor,
      destination: b.native.any(b.dimensions(output)),
      kernel: [height, width],
      strides: [height, width],
      padding: [0, 0],
    }),
  );
}

/** The layouts that a forward average pool over this many pixels read, where there was one. */
const averagedLayout = (b: Builder, id: BufferId, fallback: Layout): Layout => {
  const shape = b.dimensions(id).join();
  const forward = findStep(b.program, 'global-average-pool', (step) => b.dimensions(step.input).join() === shape);
  return forward === undefined ? fallback : b.home(forward.input);
};

/** 1 − λ as a scalar, made before the commands that follow. */
function complement(b: Builder, mix: BufferId): Block {
  const result = b.scratch(4);
  const source = b.read(mix, b.plain(mix));
  b.script('complement', [source, result], (view) => {
    const [from, to] = [view(source), view(result)];
    return () => void (to[0] = 1 - (from[0] as number));
  });
  return result;
}

/**
 * The same memory as one row of numbers, for elementwise work: the library is slow (its reference loops) where the channels do
 * not fill their blocks, and padding may be computed with like everything else, being zero before and after. An opaque layout
 * stays as it is.
 */
const flat = (b: Builder, layout: Layout): Layout => (layout.blocked ? b.native.plain([1, layout.bytes / 4]) : layout);

/** destination (+)= factor·source, the factor being a scalar in memory. */
function scaled(b: Builder, source: Block, factor: Block, destination: Block, shaped: Layout, accumulate: boolean): void {
  const layout = flat(b, shaped);
  const scalar = b.native.plain(layout.dimensions.map(() => 1));
  const primitive = b.once(key('multiply', accumulate, layout.number), () =>
    b.describe({
      kind: 'multiply',
      first: layout.descriptor,
      second: scalar.descriptor,
      destination: layout.descriptor,
      accumulate,
    }),
  );
  b.run(
    'multiply',
    primitive,
    [
      [argument.source, source, layout],
      [argument.source1, factor, scalar],
      [argument.destination, destination, layout],
    ],
    accumulate ? [] : [[source, destination]],
  );
}

const normalizationKey = (mean: BufferId): string => `normalization ${mean}`;
const poolKey = (mask: BufferId): string => `pool ${mask}`;

export const lowerings: StepTable<[b: Builder], void> = {
  convolution(s, b) {
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
    const { native } = b;
    const primitive = b.describe({
      kind: 'convolution-backward-data',
      algorithm: algorithmFor(b, b.dimensions(s.outputGradient)[1] as number, 16),
      sourceGradient: native.any(b.dimensions(s.inputGradient)),
      weights: native.any(b.dimensions(s.kernel)),
      destinationGradient: native.any(b.dimensions(s.outputGradient)),
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
    const primitive = convolutionGradientKernel(b, s);
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

  'batch-normalization'(s, b) {
    const layout = b.home(s.input);
    const running = s.statistics === 'running';
    const vector = b.plain(s.scale);
    const primitive = b.describe({
      kind: 'batch-normalization',
      training: !running,
      data: layout.descriptor,
      epsilon: s.epsilon,
      flags: { globalStatistics: running, scaleAndShift: true, relu: s.relu },
    });
    b.once(normalizationKey(s.mean), () => primitive);
    const source = b.read(s.input, layout);
    const statistic = (id: BufferId): Block => (running ? b.read(id, vector) : b.write(id, vector));
    const destination = b.write(s.output, layout);
    // Training with a fused ReLU always writes the mask, wanted or not.
    const mask = b.native.layout(primitive, query.workspace, layout.dimensions);
    b.run(
      s.relu ? 'batch normalization relu' : 'batch normalization',
      primitive,
      [
        [argument.source, source, layout],
        [argument.mean, statistic(s.mean), vector],
        [argument.variance, statistic(s.variance), vector],
        [argument.scale, b.read(s.scale, vector), vector],
        [argument.shift, b.read(s.shift, vector), vector],
        [argument.destination, destination, layout],
        ...(mask === null
          ? []
          : [[argument.workspace, s.mask === null ? b.scratch(mask.bytes) : b.write(s.mask, mask), mask] as const]),
      ],
      [[source, destination]],
    );
  },

  'batch-normalization-gradient'(s, b) {
    const layout = b.home(s.input);
    const vector = b.plain(s.scale);
    const hint = b.once(normalizationKey(s.mean), (): PrimitiveDescriptor => {
      throw new Error('bug: a gradient of a batch normalisation before it');
    });
    const primitive = b.describe({
      kind: 'batch-normalization-backward',
      gradient: layout.descriptor,
      data: layout.descriptor,
      epsilon: s.epsilon,
      flags: { globalStatistics: false, scaleAndShift: true, relu: s.mask !== null },
      hint,
    });
    const incoming = b.read(s.outputGradient, layout);
    const outgoing = b.write(s.inputGradient, layout);
    b.run(
      'batch normalization gradient',
      primitive,
      [
        [argument.source, b.read(s.input, layout), layout],
        [argument.mean, b.read(s.mean, vector), vector],
        [argument.variance, b.read(s.variance, vector), vector],
        [argument.destinationGradient, incoming, layout],
        [argument.scale, b.read(s.scale, vector), vector],
        ...(b.native.normalizationGradientReadsShift ? [[argument.shift, b.read(s.shift, vector), vector] as const] : []),
        ...(s.mask === null ? [] : [[argument.workspace, b.read(s.mask, b.home(s.mask)), b.home(s.mask)] as const]),
        [argument.sourceGradient, outgoing, layout],
        [argument.scaleGradient, b.write(s.scaleGradient, vector), vector],
        [argument.shiftGradient, b.write(s.shiftGradient, vector), vector],
      ],
      [[incoming, outgoing]],
    );
  },

  'running-statistics'(s, b) {
    const vector = b.plain(s.mean);
    const [mean, variance, runningMean, runningVariance] = [s.mean, s.variance, s.runningMean, s.runningVariance].map((id) =>
      b.read(id, vector),
    ) as [Block, Block, Block, Block];
    // Running variances are unbiased; of a single value there is none, and the biased one stands.
    const unbiased = s.count > 1 ? s.count / (s.count - 1) : 1;
    b.script('running statistics', [mean, variance, runningMean, runningVariance], (view) => {
      const [m, v, rm, rv] = [view(mean), view(variance), view(runningMean), view(runningVariance)];
      return () => {
        follow(rm, m, s.momentum, 1);
        follow(rv, v, s.momentum, unbiased);
      };
    });
  },

  relu(s, b) {
    const layout = b.home(s.input);
    const row = flat(b, layout);
    const primitive = b.describe({ kind: 'relu', training: b.training, data: row.descriptor });
    const source = b.read(s.input, layout);
    const destination = b.write(s.output, layout);
    b.run(
      'relu',
      primitive,
      [
        [argument.source, source, row],
        [argument.destination, destination, row],
      ],
      [[source, destination]],
    );
  },

  'relu-gradient'(s, b) {
    const layout = b.home(s.output);
    const row = flat(b, layout);
    const primitive = b.describe({
      kind: 'relu-backward',
      gradient: row.descriptor,
      output: row.descriptor,
      hint: b.describe({ kind: 'relu', training: true, data: row.descriptor }),
    });
    const incoming = b.read(s.outputGradient, layout);
    const outgoing = b.write(s.inputGradient, layout);
    b.run(
      'relu gradient',
      primitive,
      [
        [argument.destination, b.read(s.output, layout), row],
        [argument.destinationGradient, incoming, row],
        [argument.sourceGradient, outgoing, row],
      ],
      [[incoming, outgoing]],
    );
  },

  'max-pool'(s, b) {
    const layout = b.home(s.input);
    const { kernel } = s.geometry;
    const primitive = b.describe({
      kind: 'pool',
      training: s.mask !== null,
      algorithm: pooling.max,
      source: layout.descriptor,
      destination: b.native.any(b.dimensions(s.output)),
      kernel: [kernel, kernel],
      ...window(s.geometry),
    });
    const destination = b.wants(primitive, query.destination, s.output);
    const { mask } = s;
    const indices = b.native.layout(primitive, query.workspace, destination.dimensions);
    if (mask !== null) b.once(poolKey(mask), () => ({ primitive, layout, destination }));
    b.run('max pool', primitive, [
      [argument.source, b.read(s.input, layout), layout],
      [argument.destination, b.write(s.output, destination), destination],
      ...(mask === null || indices === null ? [] : [[argument.workspace, b.write(mask, indices), indices] as const]),
    ]);
  },

  'max-pool-gradient'(s, b) {
    const forward = b.once(poolKey(s.mask), (): { primitive: PrimitiveDescriptor; layout: Layout; destination: Layout } => {
      throw new Error('bug: a gradient of a pool before it');
    });
    const { kernel } = s.geometry;
    const { layout, destination } = forward;
    const primitive = b.describe({
      kind: 'pool-backward',
      algorithm: pooling.max,
      sourceGradient: layout.descriptor,
      destinationGradient: destination.descriptor,
      kernel: [kernel, kernel],
      hint: forward.primitive,
      ...window(s.geometry),
    });
    b.run('max pool gradient', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.workspace, b.read(s.mask, b.home(s.mask)), b.home(s.mask)],
      [argument.sourceGradient, b.write(s.inputGradient, layout), layout],
    ]);
  },

  'global-average-pool'(s, b) {
    const layout = b.home(s.input);
    const primitive = averagePool(b, layout, s.output);
    const destination = b.wants(primitive, query.destination, s.output);
    b.run('global average pool', primitive, [
      [argument.source, b.read(s.input, layout), layout],
      [argument.destination, b.write(s.output, destination), destination],
    ]);
  },

  'global-average-pool-gradient'(s, b) {
    const layout = averagedLayout(b, s.inputGradient, b.plain(s.inputGradient));
    const [, , height, width] = b.dimensions(s.inputGradient) as [number, number, number, number];
    const hint = averagePool(b, layout, s.outputGradient);
    const destination = b.wants(hint, query.destination, s.outputGradient);
    const primitive = b.describe({
      kind: 'pool-backward',
      algorithm: pooling.average,
      sourceGradient: layout.descriptor,
      destinationGradient: destination.descriptor,
      kernel: [height, width],
      strides: [height, width],
      padding: [0, 0],
      hint,
    });
    b.run('global average pool gradient', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.sourceGradient, b.write(s.inputGradient, layout), layout],
    ]);
  },

  dense(s, b) {
    const primitive = innerProduct(b, s.input, b.dimensions(s.kernel), s.output);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weights, s.kernel);
    b.run('dense', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.weights, b.read(s.kernel, weights), weights],
      [argument.bias, b.read(s.bias, b.plain(s.bias)), b.plain(s.bias)],
      [argument.destination, b.write(s.output, b.plain(s.output)), rows(b, s.output)],
    ]);
  },

  'dense-gradient-input'(s, b) {
    const { native } = b;
    const kernel = b.dimensions(s.kernel);
    const primitive = b.describe({
      kind: 'inner-product-backward-data',
      sourceGradient: native.any(b.dimensions(s.inputGradient)),
      weights: native.any(kernel),
      destinationGradient: rows(b, s.outputGradient).descriptor,
      hint: innerProduct(b, s.inputGradient, kernel, s.outputGradient),
    });
    const source = b.wants(primitive, query.sourceGradient, s.inputGradient);
    const weights = b.wants(primitive, query.weights, s.kernel);
    b.run('dense gradient input', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, b.plain(s.outputGradient)), rows(b, s.outputGradient)],
      [argument.weights, b.read(s.kernel, weights), weights],
      [argument.sourceGradient, b.write(s.inputGradient, source), source],
    ]);
  },

  'dense-gradient-kernel'(s, b) {
    const primitive = denseGradientKernel(b, s);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weightsGradient, s.kernelGradient);
    b.run('dense gradient kernel', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.destinationGradient, b.read(s.outputGradient, b.plain(s.outputGradient)), rows(b, s.outputGradient)],
      [argument.weightsGradient, b.write(s.kernelGradient, weights), weights],
      [argument.biasGradient, b.write(s.biasGradient, b.plain(s.biasGradient)), b.plain(s.biasGradient)],
    ]);
  },

  add(s, b) {
    const layout = b.home(must(s.inputs[0], 'input'));
    const row = flat(b, layout);
    const primitive = b.describe({
      kind: 'sum',
      sources: s.inputs.map(() => row.descriptor),
      destination: row.descriptor,
    });
    const sources = s.inputs.map((id) => b.read(id, layout));
    const destination = b.write(s.output, layout);
    // Where a buffer is added to itself, the sum must not overwrite it early; the library reads and writes in step.
    b.run(
      'add',
      primitive,
      [
        ...sources.map((source, index) => [argument.multipleSource + index, source, row] as const),
        [argument.destination, destination, row],
      ],
      [[must(sources[0], 'input'), destination]],
    );
  },

  convex(s, b) {
    const layout = b.home(s.first);
    const first = b.read(s.first, layout);
    const second = b.read(s.second, layout);
    const mix = b.read(s.mix, b.plain(s.mix));
    const rest = complement(b, s.mix);
    const destination = b.write(s.output, layout);
    // Two exact products at λ = 0 and 1: the result is then one of the two to the bit.
    scaled(b, first, mix, destination, layout, false);
    scaled(b, second, rest, destination, layout, true);
  },

  'convex-gradient'(s, b) {
    const layout = b.home(s.first);
    const incoming = b.read(s.outputGradient, layout);
    const first = b.read(s.first, layout);
    const second = b.read(s.second, layout);
    const mixed = b.write(s.mixGradient, b.plain(s.mixGradient));
    b.script('convex gradient mix', [incoming, first, second, mixed], (view) => {
      const [dy, x, y, result] = [view(incoming), view(first), view(second), view(mixed)];
      return () => void (result[0] = mixGradient(dy, x, y));
    });
    const mix = b.read(s.mix, b.plain(s.mix));
    if (s.firstGradient !== null) scaled(b, incoming, mix, b.write(s.firstGradient, layout), layout, false);
    if (s.secondGradient !== null) scaled(b, incoming, complement(b, s.mix), b.write(s.secondGradient, layout), layout, false);
  },

  concat(s, b) {
    const layouts = s.inputs.map((id) => b.home(id));
    const primitive = b.describe({
      kind: 'concat',
      sources: layouts.map((layout) => layout.descriptor),
      destination: b.native.any(b.dimensions(s.output)),
    });
    const destination = b.wants(primitive, query.destination, s.output);
    b.run('concat', primitive, [
      ...s.inputs.map((id, index) => {
        const layout = layouts[index] as Layout;
        return [argument.multipleSource + index, b.read(id, layout), layout] as const;
      }),
      [argument.destination, b.write(s.output, destination), destination],
    ]);
  },

  'concat-gradient'(s, b) {
    const { native } = b;
    const dimensions = b.dimensions(s.inputGradient);
    const offsets = [0, s.offset, 0, 0];
    // Where the layout would be cut inside a block, the row-major one can be cut anywhere.
    const home = b.home(s.outputGradient);
    const part = native.part(home, dimensions, offsets);
    const source = part === null ? b.plain(s.outputGradient) : home;
    const slice = part ?? must(native.part(source, dimensions, offsets), 'part of a row-major tensor');
    const destination = concatenatedLayout(b, s) ?? b.plain(s.inputGradient);
    const primitive = b.describe({ kind: 'reorder', source: slice, destination: destination.descriptor });
    b.run('concat gradient', primitive, [
      [argument.source, b.read(s.outputGradient, source), slice],
      [argument.destination, b.write(s.inputGradient, destination), destination],
    ]);
  },

  'softmax-cross-entropy'(s, b) {
    const logits = b.read(s.logits, b.plain(s.logits));
    const labels = b.read(s.labels, b.plain(s.labels));
    const loss = b.write(s.loss, b.plain(s.loss));
    const gradient = b.write(s.gradient, b.plain(s.gradient));
    const batch = bufferOf(b.program, s.logits).shape[0] as number;
    b.script('softmax cross-entropy', [logits, labels, loss, gradient], (view) => {
      const views = [view(logits), view(labels), view(loss), view(gradient)] as const;
      return () => softmaxCrossEntropy(...views, batch);
    });
  },

  'channel-statistics'(s, b) {
    const layout = b.home(s.input);
    const vector = b.plain(s.mean);
    // The normalised tensor is thrown away: what is wanted are the statistics that it was made with.
    const primitive = b.describe({
      kind: 'batch-normalization',
      training: true,
      data: layout.descriptor,
      epsilon: 1e-5,
      flags: { globalStatistics: false, scaleAndShift: false, relu: false },
    });
    b.run('channel statistics', primitive, [
      [argument.source, b.read(s.input, layout), layout],
      [argument.mean, b.write(s.mean, vector), vector],
      [argument.variance, b.write(s.variance, vector), vector],
      [argument.destination, b.scratch(layout.bytes), layout],
    ]);
  },

  sgd(s, b) {
    const layout = b.home(s.parameter);
    const parameter = b.read(s.parameter, layout);
    const gradient = b.read(s.gradient, layout);
    const velocity = b.read(s.velocity, layout);
    const rate = b.read(s.rate, b.plain(s.rate));
    b.script('sgd', [parameter, gradient, velocity, rate], (view) => {
      const [p, g, v, r] = [view(parameter), view(gradient), view(velocity), view(rate)];
      return () => {
        descend(p, g, v, r[0] as number, s.momentum, s.decay);
        if (s.clamp) clamp(p, v);
      };
    });
  },
};

/** The layout of the tensor that a concatenation read where this gradient belongs; null where none can be told. */
function concatenatedLayout(b: Builder, s: StepOf<'concat-gradient'>): Layout | null {
  const shape = b.dimensions(s.outputGradient).join();
  const channels = b.dimensions(s.inputGradient)[1] as number;
  for (const step of b.program.steps) {
    if (step.kind !== 'concat' || b.dimensions(step.output).join() !== shape) continue;
    let offset = 0;
    for (const input of step.inputs) {
      const width = b.dimensions(input)[1] as number;
      if (offset === s.offset && width === channels) return b.home(input);
      offset += width;
    }
  }
  return null;
}

/** Batch normalisation and its statistics, in the layout of its input. */
import type { BufferId } from '../../../program/program.ts';
import type { PrimitiveDescriptor } from '../adapter.ts';
import type { Region } from '../commands.ts';
import type { Builder } from '../builder.ts';
import { argument, query } from '../constants.ts';
import type { Rows } from './rows.ts';

type Floats = Float32Array;

const normalizationKey = (mean: BufferId): string => `normalization ${mean}`;

/** Whether the gradient of the batch normalisation with that mean follows. */
const hasGradient = ({ program }: Pick<Builder, 'program'>, mean: BufferId): boolean =>
  program.steps.some((step) => step.kind === 'batch-normalization-gradient' && step.mean === mean);

/** running = (1 − momentum)·running + momentum·factor·batch. */
function follow(running: Float32Array, batch: Float32Array, momentum: number, factor: number): void {
  for (let i = 0; i < running.length; i++)
    running[i] = (1 - momentum) * (running[i] as number) + momentum * factor * (batch[i] as number);
}

export const normalizations = {
  'batch-normalization'(s, b) {
    const layout = b.home(s.input);
    const running = s.statistics === 'running';
    const vector = b.plain(s.scale);
    const primitive = b.describe({
      kind: 'batch-normalization',
      training: !running || hasGradient(b, s.mean),
      data: layout.descriptor,
      epsilon: s.epsilon,
      flags: { globalStatistics: running, scaleAndShift: true, relu: s.relu },
    });
    b.once(normalizationKey(s.mean), () => primitive);
    const source = b.read(s.input, layout);
    const statistic = (id: BufferId): Region => (running ? b.read(id, vector) : b.write(id, vector));
    const destination = b.write(s.output, layout);
    // Training with a fused ReLU always writes the mask, wanted or not.
    const mask = b.native.layout(primitive, query.workspace, layout.dimensions);
    b.runInPlace(s.relu ? 'batch normalization relu' : 'batch normalization', [source, destination], primitive, [
      [argument.source, source, layout],
      [argument.mean, statistic(s.mean), vector],
      [argument.variance, statistic(s.variance), vector],
      [argument.scale, b.read(s.scale, vector), vector],
      [argument.shift, b.read(s.shift, vector), vector],
      [argument.destination, destination, layout],
      ...(mask === null
        ? []
        : [[argument.workspace, s.mask === null ? b.scratch(mask.bytes) : b.write(s.mask, mask), mask] as const]),
    ]);
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
      flags: { globalStatistics: s.statistics === 'running', scaleAndShift: true, relu: s.mask !== null },
      hint,
    });
    const incoming = b.read(s.outputGradient, layout);
    const outgoing = b.write(s.inputGradient, layout);
    b.runInPlace('batch normalization gradient', [incoming, outgoing], primitive, [
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
    ]);
  },

  /** In plain layouts: kernels are small beside what is normalised. */
  'fold-normalization'(s, b) {
    const regionOf = (id: BufferId): Region => b.read(id, b.plain(id));
    const inputs = [s.kernel, s.scale, s.shift, s.mean, s.variance, ...(s.bias === null ? [] : [s.bias])].map(regionOf);
    const outputs = [s.foldedKernel, s.foldedBias].map((id) => b.write(id, b.plain(id)));
    b.script('fold normalization', [...inputs, ...outputs], (view) => {
      const [kernel, scale, shift, mean, variance, bias] = inputs.map(view) as [Floats, Floats, Floats, Floats, Floats, Floats?];
      const [foldedKernel, foldedBias] = outputs.map(view) as [Floats, Floats];
      const row = kernel.length / scale.length;
      return () => {
        for (let c = 0; c < scale.length; c++) {
          const factor = (scale[c] as number) / Math.sqrt((variance[c] as number) + s.epsilon);
          for (let j = c * row; j < (c + 1) * row; j++) foldedKernel[j] = factor * (kernel[j] as number);
          foldedBias[c] = factor * ((bias?.[c] ?? 0) - (mean[c] as number)) + (shift[c] as number);
        }
      };
    });
  },

  'fold-normalization-gradient'(s, b) {
    const regionOf = (id: BufferId): Region => b.read(id, b.plain(id));
    const given = [s.kernel, s.scale, s.mean, s.variance, s.foldedKernelGradient, s.foldedBiasGradient];
    const inputs = [...given, ...(s.bias === null ? [] : [s.bias])].map(regionOf);
    const made = [s.kernelGradient, s.scaleGradient, s.shiftGradient, ...(s.biasGradient === null ? [] : [s.biasGradient])];
    const outputs = made.map((id) => b.write(id, b.plain(id)));
    b.script('fold normalization gradient', [...inputs, ...outputs], (view) => {
      const [kernel, scale, mean, variance, g, h, bias] = inputs.map(view) as [
        Floats,
        Floats,
        Floats,
        Floats,
        Floats,
        Floats,
        Floats?,
      ];
      const [kernelGradient, scaleGradient, shiftGradient, biasGradient] = outputs.map(view) as [Floats, Floats, Floats, Floats?];
      const row = kernel.length / scale.length;
      return () => {
        for (let c = 0; c < scale.length; c++) {
          const deviation = Math.sqrt((variance[c] as number) + s.epsilon);
          const [factor, received] = [(scale[c] as number) / deviation, h[c] as number];
          let along = received * ((bias?.[c] ?? 0) - (mean[c] as number));
          for (let j = c * row; j < (c + 1) * row; j++) {
            along += (g[j] as number) * (kernel[j] as number);
            kernelGradient[j] = factor * (g[j] as number);
          }
          scaleGradient[c] = along / deviation;
          shiftGradient[c] = received;
          if (biasGradient !== undefined) biasGradient[c] = factor * received;
        }
      };
    });
  },

  'running-statistics'(s, b) {
    const vector = b.plain(s.mean);
    const [mean, variance, runningMean, runningVariance] = [s.mean, s.variance, s.runningMean, s.runningVariance].map((id) =>
      b.read(id, vector),
    ) as [Region, Region, Region, Region];
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
} satisfies Rows;

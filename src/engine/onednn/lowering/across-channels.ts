/** Normalisations across channels: of each pixel by all of its channels, and of each number by the channels around its own. */
import type { BufferId } from '../../../program/program.ts';
import type { PrimitiveDescriptor } from '../adapter.ts';
import type { Builder } from '../builder.ts';
import { argument, query } from '../constants.ts';
import type { Layout } from '../native.ts';
import type { Rows } from './rows.ts';

const flags = { globalStatistics: false, scaleAndShift: true, relu: false } as const;

interface Pixels {
  /** Channels last. */
  readonly layout: Layout;
  /** The same memory, a row a pixel: (N·H·W, C). */
  readonly rows: Layout;
  /** A number a pixel: (N·H·W). */
  readonly each: Layout;
}

function pixelsOf(b: Builder, id: BufferId): Pixels {
  const [batch, channels, height, width] = b.dimensions(id) as readonly [number, number, number, number];
  const count = batch * height * width;
  return {
    layout: b.native.channelsLast([batch, channels, height, width]),
    rows: b.native.plain([count, channels]),
    each: b.native.plain([count]),
  };
}

const forwardKey = (saved: BufferId): string => `across channels ${saved}`;

const forwardOf = (b: Builder, saved: BufferId): PrimitiveDescriptor =>
  b.once(forwardKey(saved), (): PrimitiveDescriptor => {
    throw new Error('bug: a gradient of a normalisation before it');
  });

export const acrossChannels = {
  'layer-normalization'(s, b) {
    const { layout, rows, each } = pixelsOf(b, s.input);
    const vector = b.plain(s.scale);
    const { mean, variance, epsilon } = s;
    const [data, statistics] = [rows.descriptor, each.descriptor];
    const primitive = b.describe({ kind: 'layer-normalization', training: mean !== null, data, statistics, epsilon, flags });
    if (mean !== null) b.once(forwardKey(mean), () => primitive);
    b.run('layer normalization', primitive, [
      [argument.source, b.read(s.input, layout), rows],
      ...(mean === null || variance === null
        ? []
        : [
            [argument.mean, b.write(mean, b.plain(mean)), each] as const,
            [argument.variance, b.write(variance, b.plain(variance)), each] as const,
          ]),
      [argument.scale, b.read(s.scale, vector), vector],
      [argument.shift, b.read(s.shift, vector), vector],
      [argument.destination, b.write(s.output, layout), rows],
    ]);
  },

  'layer-normalization-gradient'(s, b) {
    const { layout, rows, each } = pixelsOf(b, s.input);
    const vector = b.plain(s.scale);
    const primitive = b.describe({
      kind: 'layer-normalization-backward',
      gradient: rows.descriptor,
      data: rows.descriptor,
      statistics: each.descriptor,
      epsilon: s.epsilon,
      flags,
      hint: forwardOf(b, s.mean),
    });
    b.run('layer normalization gradient', primitive, [
      [argument.source, b.read(s.input, layout), rows],
      [argument.mean, b.read(s.mean, b.plain(s.mean)), each],
      [argument.variance, b.read(s.variance, b.plain(s.variance)), each],
      [argument.destinationGradient, b.read(s.outputGradient, layout), rows],
      [argument.scale, b.read(s.scale, vector), vector],
      // Both versions of the library want it here, though it changes nothing.
      [argument.shift, b.read(s.shift, vector), vector],
      [argument.sourceGradient, b.write(s.inputGradient, layout), rows],
      [argument.scaleGradient, b.write(s.scaleGradient, vector), vector],
      [argument.shiftGradient, b.write(s.shiftGradient, vector), vector],
    ]);
  },

  'response-normalization'({ input, output, mask, size, alpha, beta, bias }, b) {
    const layout = b.home(input);
    const data = layout.descriptor;
    const primitive = b.describe({ kind: 'response', training: mask !== null, data, size, alpha, beta, bias });
    const workspace = b.native.layout(primitive, query.workspace, layout.dimensions);
    if (mask !== null) b.once(forwardKey(mask), () => primitive);
    b.run('response normalization', primitive, [
      [argument.source, b.read(input, layout), layout],
      [argument.destination, b.write(output, layout), layout],
      ...(mask === null || workspace === null ? [] : [[argument.workspace, b.write(mask, workspace), workspace] as const]),
    ]);
  },

  'response-normalization-gradient'({ input, outputGradient, mask, inputGradient, size, alpha, beta, bias }, b) {
    const layout = b.home(input);
    const hint = forwardOf(b, mask);
    const workspace = b.native.layout(hint, query.workspace, layout.dimensions);
    const [gradient, data] = [layout.descriptor, layout.descriptor];
    const primitive = b.describe({ kind: 'response-backward', gradient, data, hint, size, alpha, beta, bias });
    b.run('response normalization gradient', primitive, [
      [argument.source, b.read(input, layout), layout],
      [argument.destinationGradient, b.read(outputGradient, layout), layout],
      ...(workspace === null ? [] : [[argument.workspace, b.read(mask, workspace), workspace] as const]),
      [argument.sourceGradient, b.write(inputGradient, layout), layout],
    ]);
  },
} satisfies Rows;

/**
 * Pools, in the layout of their input. The library keeps the first of equal maxima (a later one must be larger), as the contract
 * wants it.
 */
import type { BufferId, Geometry, StepOf } from '../../../program/program.ts';
import type { PrimitiveDescriptor } from '../adapter.ts';
import type { Builder } from '../builder.ts';
import { argument, pooling, query } from '../constants.ts';
import type { Layout } from '../native.ts';
import { isPooledInConvolution, window } from './convolution.ts';
import { isHalving, placesLayout } from './pooled.ts';
import { key, type Rows } from './rows.ts';

/** Over whole images: (N, C, 1, 1). */
export function averagePool(b: Builder, source: Layout): PrimitiveDescriptor {
  const [batch, channels, height, width] = source.dimensions as [number, number, number, number];
  return b.once(key('average', source.number), () =>
    b.describe({
      kind: 'pool',
      training: b.training,
      algorithm: pooling.average,
      source: source.descriptor,
      destination: b.native.any([batch, channels, 1, 1]),
      kernel: [height, width],
      strides: [height, width],
      padding: [0, 0],
    }),
  );
}

/** The layouts that a forward average pool over this many pixels read, where there was one. */
const averagedLayout = (b: Builder, id: BufferId, fallback: Layout): Layout => {
  const shape = b.dimensions(id).join();
  for (const step of b.program.steps)
    if (step.kind === 'global-average-pool' && b.dimensions(step.input).join() === shape) return b.home(step.input);
  return fallback;
};

type Averaging = Pick<StepOf<'average-pool'>, 'geometry' | 'counted'>;

const averaging = ({ counted }: Averaging): number => (counted ? pooling.average : pooling.averageInside);

function windowedAverage(b: Builder, source: Layout, output: readonly number[], { geometry, counted }: Averaging) {
  const { kernel } = geometry;
  return b.once(key('windowed average', source.number, geometry, counted), () =>
    b.describe({
      kind: 'pool',
      training: b.training,
      algorithm: averaging({ geometry, counted }),
      source: source.descriptor,
      destination: b.native.any(output),
      kernel: [kernel, kernel],
      ...window(geometry),
    }),
  );
}

/** The layout that the forward pool of such windows read. */
function windowedLayout(b: Builder, { inputGradient, geometry }: StepOf<'average-pool-gradient'>): Layout {
  const [shape, windows] = [b.dimensions(inputGradient).join(), key(geometry)];
  for (const step of b.program.steps)
    if (step.kind === 'average-pool' && key(step.geometry) === windows && b.dimensions(step.input).join() === shape)
      return b.home(step.input);
  return b.plain(inputGradient);
}

interface Forward {
  /** Null where it was a kernel of our own. */
  readonly primitive: PrimitiveDescriptor | null;
  readonly layout: Layout;
  readonly destination: Layout;
}

/** Whether a pool is of the kind that kernels of our own compute. */
const isOwn = (b: Builder, from: Layout, to: Layout, geometry: Geometry): boolean =>
  b.own !== null && from.lanes !== null && from.lanes === to.lanes && isHalving(geometry);

function poolOf({ dimensions, lanes }: Layout) {
  const [images, channels, height, width] = dimensions as [number, number, number, number];
  const planes = images * Math.ceil(channels / (lanes as number));
  return { planes, lanes: lanes as number, height, width };
}

function poolHere(b: Builder, { input, output, mask }: StepOf<'max-pool'>, layout: Layout, destination: Layout): void {
  const shape = poolOf(layout);
  if (mask !== null) b.once(poolKey(mask), (): Forward => ({ primitive: null, layout, destination }));
  const [from, to] = [b.read(input, layout), b.write(output, destination)];
  const places = mask === null ? null : b.write(mask, placesLayout(b, destination));
  b.call('max pool', 'own:pool', [from, to, ...(places === null ? [] : [places])], (offset) => [
    {
      kind: 'max pool',
      ...shape,
      whole: offset(from),
      pooled: offset(to),
      places: places === null ? 0 : offset(places),
    },
  ]);
}

function poolGradientHere(b: Builder, s: StepOf<'max-pool-gradient'>, { layout, destination }: Forward): void {
  const from = b.read(s.outputGradient, destination);
  const places = b.read(s.mask, b.home(s.mask));
  const to = b.write(s.inputGradient, layout);
  b.call('max pool gradient', 'own:pool', [from, to, places], (offset) => [
    { kind: 'max pool gradient', ...poolOf(layout), whole: offset(to), pooled: offset(from), places: offset(places) },
  ]);
}

const poolKey = (mask: BufferId): string => `pool ${mask}`;

export const pools = {
  'max-pool'(s, b) {
    if (isPooledInConvolution(b, s.input)) return;
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
    if (isOwn(b, layout, destination, s.geometry)) return poolHere(b, s, layout, destination);
    const indices = b.native.layout(primitive, query.workspace, destination.dimensions);
    if (mask !== null) b.once(poolKey(mask), () => ({ primitive, layout, destination }));
    b.run('max pool', primitive, [
      [argument.source, b.read(s.input, layout), layout],
      [argument.destination, b.write(s.output, destination), destination],
      ...(mask === null || indices === null ? [] : [[argument.workspace, b.write(mask, indices), indices] as const]),
    ]);
  },

  'max-pool-gradient'(s, b) {
    if (isPooledInConvolution(b, s.inputGradient)) return;
    const forward = b.once(poolKey(s.mask), (): Forward => {
      throw new Error('bug: a gradient of a pool before it');
    });
    if (forward.primitive === null) return poolGradientHere(b, s, forward);
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

  'average-pool'(s, b) {
    const layout = b.home(s.input);
    const primitive = windowedAverage(b, layout, b.dimensions(s.output), s);
    const destination = b.wants(primitive, query.destination, s.output);
    b.run('average pool', primitive, [
      [argument.source, b.read(s.input, layout), layout],
      [argument.destination, b.write(s.output, destination), destination],
    ]);
  },

  'average-pool-gradient'(s, b) {
    const layout = windowedLayout(b, s);
    const hint = windowedAverage(b, layout, b.dimensions(s.outputGradient), s);
    const destination = b.wants(hint, query.destination, s.outputGradient);
    const { kernel } = s.geometry;
    const primitive = b.describe({
      kind: 'pool-backward',
      algorithm: averaging(s),
      sourceGradient: layout.descriptor,
      destinationGradient: destination.descriptor,
      kernel: [kernel, kernel],
      hint,
      ...window(s.geometry),
    });
    b.run('average pool gradient', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.sourceGradient, b.write(s.inputGradient, layout), layout],
    ]);
  },

  'global-average-pool'(s, b) {
    const layout = b.home(s.input);
    const primitive = averagePool(b, layout);
    const destination = b.wants(primitive, query.destination, s.output);
    b.run('global average pool', primitive, [
      [argument.source, b.read(s.input, layout), layout],
      [argument.destination, b.write(s.output, destination), destination],
    ]);
  },

  'global-average-pool-gradient'(s, b) {
    const layout = averagedLayout(b, s.inputGradient, b.plain(s.inputGradient));
    const [, , height, width] = b.dimensions(s.inputGradient) as [number, number, number, number];
    const hint = averagePool(b, layout);
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
} satisfies Rows;

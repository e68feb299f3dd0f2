/**
 * Pools, in the layout of their input. The library keeps the first of equal maxima (a later one must be larger), as the contract
 * wants it.
 */
import type { BufferId, Geometry, StepOf } from '../../../program/program.ts';
import type { OperationOf, PrimitiveDescriptor } from '../adapter.ts';
import type { Builder } from '../builder.ts';
import { argument, pooling, query } from '../constants.ts';
import type { Layout } from '../native.ts';
import { isPooledInConvolution, window } from './convolution.ts';
import { isHalving, placesLayout } from './pooled.ts';
import { key, layoutOfForward, type Rows } from './rows.ts';

/** What a window of an average is: of a layer, or a whole image. */
type Averaging = Pick<OperationOf<'pool'>, 'algorithm' | 'kernel' | 'strides' | 'padding' | 'behind'>;

const windowsOf = ({ geometry, counted }: Pick<StepOf<'average-pool'>, 'geometry' | 'counted'>): Averaging => ({
  algorithm: counted ? pooling.average : pooling.averageInside,
  kernel: [geometry.kernel, geometry.kernel],
  ...window(geometry),
});

function wholeOf([, , height, width]: readonly number[]): Averaging {
  const size = [height as number, width as number] as const;
  return { algorithm: pooling.average, kernel: size, strides: size, padding: [0, 0] };
}

const averageOver = (b: Builder, source: Layout, output: readonly number[], over: Averaging): PrimitiveDescriptor =>
  b.once(key('average', source.number, over), () =>
    b.describe({
      kind: 'pool',
      training: b.training,
      source: source.descriptor,
      destination: b.native.any(output),
      ...over,
    }),
  );

/** Over whole images: (N, C, 1, 1). */
export const averagePool = (b: Builder, source: Layout): PrimitiveDescriptor =>
  averageOver(b, source, [...source.dimensions.slice(0, 2), 1, 1], wholeOf(source.dimensions));

function average(b: Builder, label: string, input: BufferId, output: BufferId, over: Averaging): void {
  const layout = b.home(input);
  const primitive = averageOver(b, layout, b.dimensions(output), over);
  const destination = b.wants(primitive, query.destination, output);
  b.run(label, primitive, [
    [argument.source, b.read(input, layout), layout],
    [argument.destination, b.write(output, destination), destination],
  ]);
}

interface Gradients {
  readonly outputGradient: BufferId;
  readonly inputGradient: BufferId;
}

/** `layout`: of the input gradient. */
function averageGradient(b: Builder, label: string, s: Gradients, layout: Layout, over: Averaging): void {
  const hint = averageOver(b, layout, b.dimensions(s.outputGradient), over);
  const destination = b.wants(hint, query.destination, s.outputGradient);
  const primitive = b.describe({
    kind: 'pool-backward',
    sourceGradient: layout.descriptor,
    destinationGradient: destination.descriptor,
    hint,
    ...over,
  });
  b.run(label, primitive, [
    [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
    [argument.sourceGradient, b.write(s.inputGradient, layout), layout],
  ]);
}

type Planes = NonNullable<ReturnType<typeof planesOf>>;

interface Forward {
  /** Planes where it was a kernel of our own. */
  readonly by: PrimitiveDescriptor | Planes;
  readonly layout: Layout;
  readonly destination: Layout;
}

/** Planes of (H, W, lanes): blocks of channels, or all channels of an image that lie together; null where they lie otherwise. */
function planesOf(b: Builder, layout: Layout) {
  const [images, channels, height, width] = layout.dimensions as [number, number, number, number];
  const together = channels % 8 === 0 && layout === b.native.channelsLast(layout.dimensions);
  const lanes = together ? channels : layout.lanes;
  return lanes === null ? null : { planes: images * Math.ceil(channels / lanes), lanes, height, width };
}

/** What kernels of our own compute of a pool; null where they compute none of that kind. */
function ownPlanes(b: Builder, from: Layout, to: Layout, geometry: Geometry): Planes | null {
  if (b.own === null || !isHalving(geometry)) return null;
  const [planes, pooled] = [planesOf(b, from), planesOf(b, to)];
  return planes !== null && planes.lanes === pooled?.lanes ? planes : null;
}

function poolHere(
  b: Builder,
  { input, output, mask }: StepOf<'max-pool'>,
  layout: Layout,
  destination: Layout,
  planes: Planes,
): void {
  if (mask !== null) b.once(poolKey(mask), (): Forward => ({ by: planes, layout, destination }));
  const [from, to] = [b.read(input, layout), b.write(output, destination)];
  const places = mask === null ? null : b.write(mask, placesLayout(b, destination));
  b.call('max pool', 'own:pool', [from, to, ...(places === null ? [] : [places])], (offset) => [
    {
      kind: 'max pool',
      ...planes,
      whole: offset(from),
      pooled: offset(to),
      places: places === null ? 0 : offset(places),
    },
  ]);
}

function poolGradientHere(b: Builder, s: StepOf<'max-pool-gradient'>, { layout, destination }: Forward, planes: Planes): void {
  const from = b.read(s.outputGradient, destination);
  const places = b.read(s.mask, b.home(s.mask));
  const to = b.write(s.inputGradient, layout);
  b.call('max pool gradient', 'own:pool', [from, to, places], (offset) => [
    { kind: 'max pool gradient', ...planes, whole: offset(to), pooled: offset(from), places: offset(places) },
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
    const planes = ownPlanes(b, layout, destination, s.geometry);
    if (planes !== null) return poolHere(b, s, layout, destination, planes);
    const indices = b.native.layout(primitive, query.workspace, destination.dimensions);
    if (mask !== null) b.once(poolKey(mask), (): Forward => ({ by: primitive, layout, destination }));
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
    const { by, layout, destination } = forward;
    if (typeof by === 'object') return poolGradientHere(b, s, forward, by);
    const { kernel } = s.geometry;
    const primitive = b.describe({
      kind: 'pool-backward',
      algorithm: pooling.max,
      sourceGradient: layout.descriptor,
      destinationGradient: destination.descriptor,
      kernel: [kernel, kernel],
      hint: by,
      ...window(s.geometry),
    });
    b.run('max pool gradient', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.workspace, b.read(s.mask, b.home(s.mask)), b.home(s.mask)],
      [argument.sourceGradient, b.write(s.inputGradient, layout), layout],
    ]);
  },

  'average-pool': (s, b) => average(b, 'average pool', s.input, s.output, windowsOf(s)),

  'average-pool-gradient'(s, b) {
    const windows = key(s.geometry);
    const layout = layoutOfForward(b, s.inputGradient, (step) =>
      step.kind === 'average-pool' && key(step.geometry) === windows ? step.input : null,
    );
    averageGradient(b, 'average pool gradient', s, layout, windowsOf(s));
  },

  'global-average-pool': (s, b) => average(b, 'global average pool', s.input, s.output, wholeOf(b.dimensions(s.input))),

  'global-average-pool-gradient'(s, b) {
    const layout = layoutOfForward(b, s.inputGradient, (step) => (step.kind === 'global-average-pool' ? step.input : null));
    averageGradient(b, 'global average pool gradient', s, layout, wholeOf(b.dimensions(s.inputGradient)));
  },
} satisfies Rows;

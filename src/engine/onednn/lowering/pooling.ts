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

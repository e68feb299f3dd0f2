/**
 * Images that are laid out window by window for the max-pool that reads them: each channel has k² planes, one for each position
 * in the pool's windows, (C, k², N, H/k, W/k). A max-pool is then a maximum along an axis, and its gradient needs no resizing. A
 * convolution by columns can write its pixels in any order; the steps between it and the pool must not depend on the order.
 */
import { accessOf } from '../../../program/access.ts';
import { bufferOf, type BufferId, type Geometry, type Step, type StepOf } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { planesOf } from './rows.ts';
import { pays } from './winograd.ts';

/** Below this number of channels, one product over all offsets of the kernel is faster than one per offset. */
export const fewChannels = 16;

/** Whether each output pixel depends on one input pixel. */
export const isPointwise = ({ kernel, stride, padding, groups }: Geometry): boolean =>
  kernel === 1 && stride === 1 && padding === 0 && groups === 1;

/** Whether a convolution is computed as one product with the columns of its input. */
export function isByColumns(b: Builder, input: BufferId, output: BufferId, geometry: Geometry): boolean {
  const [, inputs] = planesOf(b, input);
  const [, outputs, rows, columns] = planesOf(b, output);
  if (isPointwise(geometry) || geometry.groups > 1) return false;
  return !(b.freely && pays(geometry, inputs, outputs, rows, columns)) && (inputs < fewChannels || b.portable);
}

/** Whether the windows of a pool cover the image without gaps, overlap or padding. */
export function tiles(b: Builder, input: BufferId, { kernel, stride, padding }: Geometry): boolean {
  const [, , height, width] = planesOf(b, input);
  return kernel === stride && padding === 0 && height % kernel === 0 && width % kernel === 0;
}

/** The largest side of windows that are computed place by place; each place is some nodes of the graph. */
const mostPlaces = 4;

/** Whether a pool has one window, the whole image, of too many places to compute it place by place. */
export function coversImage(b: Builder, input: BufferId, geometry: Geometry): boolean {
  const [, , height, width] = planesOf(b, input);
  const { kernel } = geometry;
  return kernel > mostPlaces && kernel === height && kernel === width && tiles(b, input, geometry);
}

/** The steps between a convolution by columns and a max-pool, both included, with their gradients, and the images between them. */
function between(b: Builder, pool: StepOf<'max-pool'>): { steps: readonly Step[]; images: readonly BufferId[] } | null {
  const { steps } = b.program;
  const of = <Kind extends Step['kind']>(kind: Kind, test: (step: StepOf<Kind>) => boolean): StepOf<Kind> | undefined =>
    steps.find((step): step is StepOf<Kind> => step.kind === kind && test(step as StepOf<Kind>));
  const normalization = of('batch-normalization', ({ output }) => output === pool.input);
  const convolution = of('convolution', ({ output }) => output === normalization?.input);
  if (normalization === undefined || convolution === undefined) return null;
  const { input, output, geometry } = convolution;
  if (!isByColumns(b, input, output, geometry)) return null;
  const forward = [convolution, normalization, pool];
  const images = [output, pool.input];
  if (pool.mask === null) return { steps: forward, images };
  const unpool = of('max-pool-gradient', ({ mask }) => mask === pool.mask);
  const back = of('batch-normalization-gradient', (step) => step.outputGradient === unpool?.inputGradient);
  const toKernel = of('convolution-gradient-kernel', (step) => step.outputGradient === back?.inputGradient);
  if (unpool === undefined || back === undefined || toKernel === undefined) return null;
  return {
    steps: [...forward, unpool, back, toKernel],
    images: [...images, unpool.inputGradient, back.inputGradient],
  };
}

function found(b: Builder): ReadonlyMap<BufferId, number> {
  const windows = new Map<BufferId, number>();
  // Other devices support fewer operators on booleans.
  if (b.portable) return windows;
  for (const pool of b.program.steps) {
    if (pool.kind !== 'max-pool' || !tiles(b, pool.input, pool.geometry) || coversImage(b, pool.input, pool.geometry)) continue;
    const { steps = [], images = [] } = between(b, pool) ?? {};
    const isTheirs = (step: Step): boolean => {
      const { reads, writes } = accessOf(step);
      return steps.includes(step) || !images.some((id) => reads.includes(id) || writes.includes(id));
    };
    if (images.every((id) => bufferOf(b.program, id).kind === 'temporary') && b.program.steps.every(isTheirs))
      for (const id of images) windows.set(id, pool.geometry.kernel);
  }
  return windows;
}

const known = new WeakMap<Builder, ReadonlyMap<BufferId, number>>();

/** The side of the windows by which an image is laid out; 1 if it is laid out row by row. */
export function windowOf(b: Builder, id: BufferId): number {
  const windows = known.get(b) ?? found(b);
  known.set(b, windows);
  return windows.get(id) ?? 1;
}

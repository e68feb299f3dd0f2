/**
 * Predicts the memory that a worker needs to train a network, from its programs alone, so that mutations over the limit can be
 * rejected. `npm run bench memory` compares it with measurements.
 */
import { inputShapeOf, type Network } from '../network/network.ts';
import { shapesOf } from '../network/shapes.ts';
import { sizeOf } from '../network/tensor.ts';
import { lifetimesOf, planArena } from './lifetimes.ts';
import type { Learning } from './learning.ts';
import { lower, type Purpose } from './lower.ts';
import { bufferOf, type Buffer, type Program } from './program.ts';

/** Bytes of Node, its heap, the native library and its code. */
const base = 80 * 2 ** 20;
/** Copies of the state at the peak: in two sessions, in the layouts of gradients, as saved tensors, and as a file. */
const copies = 5;
const defaultLearning: Learning = { momentum: 0.9, weightDecay: 5e-4 };

/** How an engine uses memory. */
export interface MemoryUse {
  /** Bytes of an element of a mask. */
  readonly mask: number;
  /** The memory of activations, gradients and masks, relative to ideal sharing by lifetimes. */
  readonly activations: number;
}

const exact: MemoryUse = { mask: 1, activations: 1 };

const bytesOf = ({ kind, shape }: Buffer, mask: number): number => (kind === 'mask' ? mask : 4) * sizeOf(shape);

/** Bytes of the buffers that live within a run, shared by lifetimes. `mask`: bytes of an element of a mask. */
export function arenaBytes(program: Program, mask: number): number {
  const allocations = [...lifetimesOf(program)].map(([id, lifetime]) => ({
    ...lifetime,
    size: bytesOf(bufferOf(program, id), mask),
  }));
  return planArena(allocations).total;
}

/** Bytes of activations, gradients and masks, of the state, and of gradients that are added up over passes. */
function needs(
  network: Network,
  batch: number,
  purpose: Purpose,
  { mask, activations }: MemoryUse,
): { readonly arena: number; readonly state: number; readonly sums: number } {
  const program = lower(network, batch, purpose);
  const bytes = (buffers: readonly Buffer[]): number => buffers.reduce((sum, buffer) => sum + bytesOf(buffer, mask), 0);
  return {
    arena: activations * arenaBytes(program, mask),
    state: bytes(program.state.map(({ buffer }) => bufferOf(program, buffer))),
    sums: bytes(program.buffers.filter(({ kind }) => kind === 'accumulator')),
  };
}

/** Bytes of a tensor that every engine can hold: no view in Node 20 is larger. */
export const mostBytesOfTensor = 2 ** 32 - 1;
/** Channels are padded to multiples of so many, at most. */
const lanes = 16;

/** Bytes of the largest activation, for so many images. */
export function largestTensor(network: Network, batch: number): number {
  const sizes = [...shapesOf(network).values()].map(
    ({ channels, height, width }) => lanes * Math.ceil(channels / lanes) * height * width,
  );
  return 4 * batch * Math.max(...sizes);
}

/** Batches in memory while a child is calibrated and certified. */
const heldBatches = 8;
/** Batches in memory while the statistics of averaged weights are measured, beside training. */
const heldBeside = 4;

export interface Batches {
  /** Images in a pass of training, and the passes of a minibatch (missing: 1). */
  readonly training: number;
  readonly passes?: number;
  /** Images in a batch of calibration and certification; not fewer. */
  readonly measuring: number;
}

/** Bytes of a worker process that certifies, trains and validates the network, with `data` bytes of images. */
export function predictMemory(
  network: Network,
  batches: Batches,
  data: number,
  use: MemoryUse = exact,
  learning: Learning = defaultLearning,
): number {
  const { passes = 1 } = batches;
  const trained = needs(network, batches.training, { kind: 'training', learning, passes }, use);
  const evaluated = needs(network, batches.training, { kind: 'evaluation' }, use);
  const beside = (learning.average ?? null) === null ? 0 : statisticsBytes(network, batches, use);
  const arenas = Math.max(trained.arena + evaluated.arena + beside, measuringBytes(network, batches, use));
  // A minibatch is drawn whole.
  const whole = passes === 1 ? 0 : imageBytes(network, passes * batches.training);
  return base + data + arenas + whole + trained.sums + copies * trained.state;
}

/** Bytes of a network that gives predictions beside a training: its state as a file, as tensors and in a session. */
export function predictTeacher(network: Network, batch: number, use: MemoryUse = exact): number {
  const { arena, state } = needs(network, batch, { kind: 'evaluation' }, use);
  return arena + 3 * state;
}

/** Images of a pass, at least: statistics of fewer vary too much (Wu & He 2018, §3). */
const leastImages = 8;

/**
 * The fewest passes of a minibatch, at most `most`, such that a pass of its images fits: those that divide it, with at least eight
 * images each. Null where none does.
 */
export function fewestPasses(batch: number, most: number, fits: (passes: number) => boolean): number | null {
  for (let passes = 1; passes <= most; passes++) {
    const isWhole = batch % passes === 0 && (passes === 1 || batch / passes >= leastImages);
    if (isWhole && fits(passes)) return passes;
  }
  return null;
}

/** Bytes of so many images. */
function imageBytes(network: Network, images: number): number {
  const { channels, height, width } = inputShapeOf(network);
  return 4 * images * channels * height * width;
}

/** Without the state: what measuring the statistics of averaged weights needs while the network trains. */
const statisticsBytes = (network: Network, { measuring }: Batches, use: MemoryUse): number =>
  needs(network, measuring, { kind: 'measurement', taps: [] }, use).arena + imageBytes(network, heldBeside * measuring);

/** Without the state. 0 where batches are as small as in training, which needs more. */
function measuringBytes(network: Network, batches: Batches, use: MemoryUse): number {
  const batch = batches.measuring;
  if (batch <= batches.training) return 0;
  // Not at the same time.
  const kinds = [{ kind: 'measurement', taps: [] }, { kind: 'evaluation' }] as const;
  const arenas = kinds.map((purpose) => needs(network, batch, purpose, use).arena);
  return Math.max(...arenas) + imageBytes(network, heldBatches * batch);
}

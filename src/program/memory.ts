/**
 * Predicts the memory that a worker needs to train a network, from its programs alone, so that mutations over the limit can be
 * rejected. `npm run bench memory` compares it with measurements.
 */
import { inputShapeOf, type Network } from '../network/network.ts';
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

/** Bytes of activations, gradients and masks, and of the state. */
function needs(
  network: Network,
  batch: number,
  purpose: Purpose,
  { mask, activations }: MemoryUse,
): { readonly arena: number; readonly state: number } {
  const program = lower(network, batch, purpose);
  const state = program.state.reduce((sum, { buffer }) => sum + bytesOf(bufferOf(program, buffer), mask), 0);
  return { arena: activations * arenaBytes(program, mask), state };
}

/** Batches in memory while a child is calibrated and certified. */
const heldBatches = 8;
/** Batches in memory while the statistics of averaged weights are measured, beside training. */
const heldBeside = 4;

export interface Batches {
  /** Images in a batch of training. */
  readonly training: number;
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
  const trained = needs(network, batches.training, { kind: 'training', learning }, use);
  const evaluated = needs(network, batches.training, { kind: 'evaluation' }, use);
  const beside = (learning.average ?? null) === null ? 0 : statisticsBytes(network, batches, use);
  const arenas = Math.max(trained.arena + evaluated.arena + beside, measuringBytes(network, batches, use));
  return base + data + arenas + copies * trained.state;
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

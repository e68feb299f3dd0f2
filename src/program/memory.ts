/**
 * What a worker needs to train a network, predicted from its programs alone, so that a mutation which needs too much is not
 * made. Measured against workers by `npm run bench memory`.
 */
import { inputShapeOf, type Network } from '../network/network.ts';
import { sizeOf } from '../network/tensor.ts';
import { lifetimesOf, planArena } from './lifetimes.ts';
import type { Learning } from './learning.ts';
import { lower, type Purpose } from './lower.ts';
import { bufferOf, type Buffer, type Program } from './program.ts';

/** Bytes of Node, its heap, the native library and its code. */
const base = 80 * 2 ** 20;
/** Copies of the state in the worst moment: the two sessions', one in layouts that gradients want, what is saved, its file. */
const copies = 5;
const defaultLearning: Learning = { momentum: 0.9, weightDecay: 5e-4 };

/** How an engine uses memory. */
export interface MemoryUse {
  /** Bytes of an element of a mask. */
  readonly mask: number;
  /** What activations, gradients and masks take, over what they would if each byte were shared as lifetimes allow. */
  readonly activations: number;
}

const exact: MemoryUse = { mask: 1, activations: 1 };

const bytesOf = ({ kind, shape }: Buffer, mask: number): number => (kind === 'mask' ? mask : 4) * sizeOf(shape);

/** Bytes of what lives within a run, sharing memory where lifetimes allow. `mask`: bytes of an element of a mask. */
export function arenaBytes(program: Program, mask: number): number {
  const blocks = [...lifetimesOf(program)].map(([id, lifetime]) => ({ ...lifetime, size: bytesOf(bufferOf(program, id), mask) }));
  return planArena(blocks).total;
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

/** Batches that are held while a child is measured: those of its calibration and those of its certificate. */
const heldBatches = 8;

export interface Batches {
  /** Images a batch in training. */
  readonly training: number;
  /** Likewise where a child is calibrated and certified before it trains; not fewer. */
  readonly measuring: number;
}

/** Bytes of the process that measures, trains and validates this network, holding so many bytes of data. */
export function predictMemory(
  network: Network,
  batches: Batches,
  data: number,
  use: MemoryUse = exact,
  learning: Learning = defaultLearning,
): number {
  const trained = needs(network, batches.training, { kind: 'training', learning }, use);
  const evaluated = needs(network, batches.training, { kind: 'evaluation' }, use);
  const arenas = Math.max(trained.arena + evaluated.arena, measuringBytes(network, batches, use));
  return base + data + arenas + copies * trained.state;
}

/** Without its state. Nothing where batches are as large as in training, which needs more. */
function measuringBytes(network: Network, batches: Batches, use: MemoryUse): number {
  const batch = batches.measuring;
  if (batch <= batches.training) return 0;
  const { channels, height, width } = inputShapeOf(network);
  // One after the other.
  const kinds = [{ kind: 'measurement', taps: [] }, { kind: 'evaluation' }] as const;
  const arenas = kinds.map((purpose) => needs(network, batch, purpose, use).arena);
  return Math.max(...arenas) + heldBatches * batch * 4 * channels * height * width;
}

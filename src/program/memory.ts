/** What a worker needs to train a network, predicted from its program alone. */
import type { Network } from '../network/network.ts';
import { sizeOf } from '../network/tensor.ts';
import { lifetimesOf, planArena } from './lifetimes.ts';
import { lower } from './lower.ts';
import type { Buffer } from './program.ts';

/** Bytes of Node, the library and the code before any network. */
const base = 150 * 2 ** 20;
const learning = { momentum: 0.9, weightDecay: 5e-4 };

function bytesOf(buffer: Buffer): number {
  const elements = sizeOf(buffer.shape);
  return buffer.kind === 'mask' ? elements : 4 * elements;
}

/** Bytes of the process that trains this network with batches of that size. */
export function predictMemory(network: Network, batch: number): number {
  const program = lower(network, batch, { kind: 'training', learning });
  const lifetimes = lifetimesOf(program);
  const blocks = [...lifetimes].map(([id, lifetime]) => ({ ...lifetime, size: bytesOf(program.buffers[id] as Buffer) }));
  const state = program.state.reduce((sum, { buffer }) => sum + 4 * sizeOf((program.buffers[buffer] as Buffer).shape), 0);
  return base + planArena(blocks).total + 3 * state;
}

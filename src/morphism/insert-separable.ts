/**
 * §3.2.6: a block of depthwise and pointwise convolution, BN and ReLU that gives back its input. It is two nodes, so the
 * other operators work on it without knowing of it.
 */
import type { EditOf } from './edit.ts';
import { insertBlock, insertedKernels, insertionSites } from './identity-block.ts';
import { anyWidth, exact, type Operator } from './operator.ts';

export const insertSeparable: Operator<EditOf<'insert-separable'>> = {
  fidelity: exact,
  candidates: (network) =>
    insertionSites(network).flatMap((after) =>
      insertedKernels.map((kernel) => ({ kind: 'insert-separable' as const, after, kernel })),
    ),
  rewrite: (network, { after, kernel }) =>
    insertBlock(network, after, (channels) => [
      { kind: 'depthwise', kernel, stride: 1, padding: (kernel - 1) / 2, bias: false },
      { kind: 'convolution', channels, kernel: 1, stride: 1, padding: 0, bias: true },
    ]),
  keepsWidth: anyWidth,
  short: ({ kernel }) => `sep${kernel}`,
  describe: ({ after, kernel }) => `insert separable ${kernel}×${kernel} after ${after}`,
};

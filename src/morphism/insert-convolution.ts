/** §3.2.1: a block Conv–BN–ReLU that gives back its input, behind a tensor that is never negative. */
import type { EditOf } from './edit.ts';
import { insertBlock, insertedKernels, insertionSites } from './identity-block.ts';
import { anyWidth, exact, type Operator } from './operator.ts';

export const insertConvolution: Operator<EditOf<'insert-convolution'>> = {
  fidelity: exact,
  candidates: (network) =>
    insertionSites(network).flatMap((after) =>
      insertedKernels.map((kernel) => ({ kind: 'insert-convolution' as const, after, kernel })),
    ),
  rewrite: (network, { after, kernel }) =>
    insertBlock(network, after, (channels) => [
      { kind: 'convolution', channels, kernel, stride: 1, padding: (kernel - 1) / 2, bias: true },
    ]),
  keepsWidth: anyWidth,
  short: ({ kernel }) => `conv${kernel}`,
  describe: ({ after, kernel }) => `insert conv ${kernel}×${kernel} after ${after}`,
};

/** §3.2.1: a block Conv–BN–ReLU that gives back its input, behind a tensor that is never negative. */
import type { EditOf } from './edit.ts';
import { insertedKernels, insertionSites, planInsertion } from './identity-block.ts';
import { anyWidth, type Operator } from './operator.ts';

export const insertConvolution: Operator<EditOf<'insert-convolution'>> = {
  candidates: (network) =>
    insertionSites(network).flatMap((after) =>
      insertedKernels.map((kernel) => ({ kind: 'insert-convolution' as const, after, kernel })),
    ),
  plan: (network, { after, kernel }) =>
    planInsertion(network, after, (channels) => [
      { kind: 'convolution', channels, kernel, stride: 1, padding: (kernel - 1) / 2, bias: true },
    ]),
  keepsWidth: anyWidth,
  describe: ({ after, kernel }) => `insert conv ${kernel}×${kernel} after ${after}`,
};

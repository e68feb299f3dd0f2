/** The table of operators: to add one, add its edit to `edit.ts`, its file, and its line here. */
import { z } from 'zod';
import type { Network } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { alterChannels } from './alter-channels.ts';
import { dropBlock } from './drop-block.ts';
import type { Edit, EditOf, OperatorName } from './edit.ts';
import { insertConvolution } from './insert-convolution.ts';
import { insertSeparable } from './insert-separable.ts';
import { mergeConcat } from './merge-concat.ts';
import { mergeConvex } from './merge-convex.ts';
import { exact, type Operator, type Rewrite, type Tolerance } from './operator.ts';
import { narrow } from './narrow.ts';
import { removeBlock } from './remove-block.ts';
import { removeBranch } from './remove-branch.ts';
import { separate } from './separate.ts';
import { shrinkKernel } from './shrink-kernel.ts';
import { split } from './split.ts';
import { widen } from './widen.ts';

/** Mutations are sampled from the table in its order: a new operator stands last, or seeded runs would change. */
const operators: { readonly [K in OperatorName]: Operator<EditOf<K>> } = {
  'insert-convolution': insertConvolution,
  'alter-channels': alterChannels,
  'merge-convex': mergeConvex,
  'merge-concat': mergeConcat,
  split,
  'insert-separable': insertSeparable,
  'drop-block': dropBlock,
  widen,
  narrow,
  'remove-block': removeBlock,
  'remove-branch': removeBranch,
  separate,
  'shrink-kernel': shrinkKernel,
};

export const operatorNames: readonly OperatorName[] = Object.freeze(Object.keys(operators) as OperatorName[]);

/** The operator of that name. What it proposes is its own edits, so it may be asked about those of that name alone. */
export const operatorOf = (name: OperatorName): Operator<Edit> => operators[name] as unknown as Operator<Edit>;

/** How likely each operator is, relative to the others; one that is missing is never sampled. */
export type OperatorWeights = { readonly [K in OperatorName]?: number };

export const operatorWeightsSchema = z
  .partialRecord(z.enum(operatorNames), z.number().positive())
  .refine((weights) => Object.keys(weights).length > 0, { error: 'must have an operator' });

/** The five of §3.2.1 to §3.2.5, which NASH, SH and SHR sample from. */
export const paperOperators: OperatorWeights = Object.freeze({
  'insert-convolution': 1,
  'alter-channels': 1,
  'merge-convex': 1,
  'merge-concat': 1,
  split: 1,
});

/** Those and separable convolutions, §3.2.6: SHRsep. */
export const paperOperatorsWithSeparable: OperatorWeights = Object.freeze({ ...paperOperators, 'insert-separable': 1 });

export const rewriteOf = (network: Network, edit: Edit, tensors?: Tensors): Rewrite | string =>
  operatorOf(edit.kind).rewrite(network, edit, tensors);

/** What the certificate of a child of these edits may not exceed: the largest that one of their operators allows. */
export function toleranceOf(edits: readonly Edit[]): Tolerance {
  const all = [exact, ...edits.map(({ kind }) => operatorOf(kind).fidelity)].map(({ tolerance }) => tolerance);
  return {
    evaluation: Math.max(...all.map(({ evaluation }) => evaluation)),
    training: Math.max(...all.map(({ training }) => training)),
  };
}

/** Such as `widen 4 ×2` or `insert conv 3×3 after 6`. */
export const describeEdit = (edit: Edit): string => operatorOf(edit.kind).describe(edit);

/** `conv3 widen×2 split concat`; the parent itself is `unchanged`. */
export const shortEdits = (edits: readonly Edit[]): string =>
  edits.length === 0 ? 'unchanged' : edits.map((edit) => operatorOf(edit.kind).short(edit)).join(' ');

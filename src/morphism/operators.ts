/** The table of operators: to add one, add its edit to `edit.ts`, its file, and its line here. */
import type { Network } from '../network/network.ts';
import { alterChannels } from './alter-channels.ts';
import type { Edit, EditOf, OperatorName } from './edit.ts';
import { insertConvolution } from './insert-convolution.ts';
import { insertSeparable } from './insert-separable.ts';
import { mergeConcat } from './merge-concat.ts';
import { mergeConvex } from './merge-convex.ts';
import type { Operator, Plan } from './operator.ts';
import { split } from './split.ts';

const operators: { readonly [K in OperatorName]: Operator<EditOf<K>> } = {
  'insert-convolution': insertConvolution,
  'insert-separable': insertSeparable,
  'alter-channels': alterChannels,
  'merge-convex': mergeConvex,
  'merge-concat': mergeConcat,
  split,
};

/** The operator of that name. What it proposes is its own edits, so it may be asked about those of that name alone. */
export const operatorOf = (name: OperatorName): Operator<Edit> => operators[name] as unknown as Operator<Edit>;

/** The five of §3.2.1 to §3.2.5, which NASH, SH and SHR draw from. */
export const fiveOperators: readonly OperatorName[] = Object.freeze([
  'insert-convolution',
  'alter-channels',
  'merge-convex',
  'merge-concat',
  'split',
]);

/** Those and separable convolutions, §3.2.6: SHRsep. */
export const sixOperators: readonly OperatorName[] = Object.freeze([...fiveOperators, 'insert-separable']);

export const planOf = (network: Network, edit: Edit): Plan | string => operatorOf(edit.kind).plan(network, edit);

/** Such as `widen 4 ×2` or `insert conv 3×3 after 6`. */
export const describeEdit = (edit: Edit): string => operatorOf(edit.kind).describe(edit);

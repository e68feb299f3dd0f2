/** The operators of a child in few words, for tables. In full they are what `describeEdit` says. */
import type { Edit } from './edit.ts';

const words: { readonly [K in Edit['kind']]: (edit: Extract<Edit, { kind: K }>) => string } = {
  'insert-convolution': ({ kernel }) => `conv${kernel}`,
  'insert-separable': ({ kernel }) => `sep${kernel}`,
  'alter-channels': ({ factor }) => `widen×${factor}`,
  'merge-convex': () => 'convex',
  'merge-concat': () => 'concat',
  split: () => 'split',
  'drop-block': () => 'drop',
};

const shortEdit = (edit: Edit): string => (words[edit.kind] as (edit: Edit) => string)(edit);

/** `conv3 widen×2 split concat`; the parent itself is `unchanged`. */
export const shortEdits = (edits: readonly Edit[]): string => (edits.length === 0 ? 'unchanged' : edits.map(shortEdit).join(' '));

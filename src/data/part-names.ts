/** What the name of a folder says of its images: a part of the data, or files that are no class. */

/** A part that a folder's name may stand for. */
export type PartName = 'train' | 'validation' | 'test' | 'unlabelled';

/** A word of a name, lower case and without digits. */
const words: { readonly [Name in PartName]: RegExp } = {
  train: /^(train|training|trn|trainval)(set|data|images|imgs)?$/,
  validation: /^(val|valid|validate|validation|dev|eval|evaluation)(set|data|images|imgs)?$/,
  test: /^(test|tests|testing|tst|holdout|heldout)(set|data|images|imgs)?$/,
  unlabelled: /^(pred|predict|prediction|predictions|unlabell?ed|unsup|unsupervised|inference|submission)$/,
};

/** `seg_train`, `Train_set` and `train2017` as their words. */
const wordsOf = (name: string): readonly string[] =>
  name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);

/** The part that a name stands for; null where it names none, or several. */
export function partNamed(name: string): PartName | null {
  const own = wordsOf(name);
  const found = (Object.keys(words) as PartName[]).filter((part) => own.some((word) => words[part].test(word)));
  if (found.length === 2 && found[0] === 'train' && found[1] === 'validation') return 'train';
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Whether the name is the part's and nothing else: `train`, `Training`, `VAL`. */
export const isPlain = (name: string): boolean => Object.values(words).some((word) => word.test(name.toLowerCase()));

/** Whether a folder of that name holds images of any class: `images`, `masks`, or a part again. */
export const isNoClass = (name: string): boolean =>
  partNamed(name) !== null || /^(images?|imgs?|pictures?|photos?|jpe?gs?|pngs?|masks?|labels?|annotations?)$/i.test(name);

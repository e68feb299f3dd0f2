/** What an accuracy is worth where classes differ in size: sentences from a confusion matrix. Pure. */
import { balancedAccuracy, classCounts } from '../../util/confusion.ts';
import { formatPercent, plural, printable } from '../../util/words.ts';

export interface ClassAccuracy {
  /** The mean over classes with images of the share that is right, 0 to 1; null without images. */
  readonly balanced: number | null;
  /** The class with most images, and its share of all; null without images. */
  readonly commonest: { readonly name: string; readonly share: number } | null;
  /** Classes that have images, none of which is right. */
  readonly noneRight: readonly string[];
  /** Classes without an image. */
  readonly absent: readonly string[];
}

/** Of confusion[label][prediction]. */
export function accuracyByClass(confusion: readonly (readonly number[])[], classes: readonly string[]): ClassAccuracy {
  const rows = classCounts(confusion).map((counts, index) => ({ name: classes[index] ?? String(index), ...counts }));
  const seen = rows.filter(({ images }) => images > 0);
  const all = seen.reduce((sum, { images }) => sum + images, 0);
  const [first] = seen.toSorted((a, b) => b.images - a.images);
  return {
    balanced: balancedAccuracy(confusion),
    commonest: first === undefined ? null : { name: first.name, share: first.images / all },
    noneRight: seen.filter(({ right }) => right === 0).map(({ name }) => name),
    absent: rows.filter(({ images }) => images === 0).map(({ name }) => name),
  };
}

/** Names, the first few of them. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(printable).join(', ');
  return names.length <= 5 ? shown : `${shown} and ${names.length - 5} more`;
}

/** A share of the commonest class above this many times an equal share is worth saying. */
const uneven = 1.5;

/** Sentences for people, none where classes are about equal and all are known. `images`: what they are, such as `test images`. */
export function describeClasses(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
  images = 'test images',
): readonly string[] {
  const { balanced, commonest, noneRight, absent } = accuracyByClass(confusion, classes);
  if (balanced === null || commonest === null) return [];
  const isUneven = commonest.share * (classes.length - absent.length) >= uneven;
  const [isFew, areFew] = [noneRight, absent].map((names) => plural(names.length, 'class', 'classes'));
  return [
    ...(isUneven
      ? [
          `${formatPercent(commonest.share)} of the ${images} are of the class ${printable(commonest.name)}: always naming it would have as many right`,
        ]
      : []),
    ...(isUneven || noneRight.length > 0 ? [`balanced accuracy, the mean over classes: ${formatPercent(balanced)}`] : []),
    ...(noneRight.length > 0 ? [`none right of ${isFew}: ${some(noneRight)}`] : []),
    ...(absent.length > 0 ? [`no ${images} of ${areFew}: ${some(absent)}`] : []),
  ];
}

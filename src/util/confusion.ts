/** Confusion matrices: confusion[label][prediction] counts images. Pure. */

export type Confusion = readonly (readonly number[])[];

export interface ClassCount {
  readonly images: number;
  /** Those that are predicted as their class. */
  readonly right: number;
}

/** Of each class, in order. */
export const classCounts = (confusion: Confusion): readonly ClassCount[] =>
  confusion.map((row, label) => ({ images: row.reduce((sum, count) => sum + count, 0), right: row[label] ?? 0 }));

/** The mean over classes with images of the share that is right, 0 to 1; null without images. */
export function balancedAccuracy(confusion: Confusion): number | null {
  const seen = classCounts(confusion).filter(({ images }) => images > 0);
  return seen.length === 0 ? null : seen.reduce((sum, { images, right }) => sum + right / images, 0) / seen.length;
}

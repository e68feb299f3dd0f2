/** What a confusion matrix says of each class. Pure. */
import { classCounts, type ClassCount, type Confusion } from '../util/confusion.ts';

export interface ClassMeasures extends ClassCount {
  /** Images that are classified as this class. */
  readonly predicted: number;
  /** Right of those that are classified so; null where none is. */
  readonly precision: number | null;
  /** Right of those with this label; null where there is none. */
  readonly recall: number | null;
  /** 2·right/(images + predicted); null where there is neither. */
  readonly f1: number | null;
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

export function classMeasures(confusion: Confusion): readonly ClassMeasures[] {
  const predictions = confusion.map((_row, index) => confusion.reduce((sum, row) => sum + (row[index] ?? 0), 0));
  return classCounts(confusion).map(({ images, right }, index) => {
    const predicted = predictions[index] ?? 0;
    return {
      images,
      right,
      predicted,
      precision: share(right, predicted),
      recall: share(right, images),
      f1: share(2 * right, images + predicted),
    };
  });
}

export interface MeanMeasures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Means over the classes that have images, each alike or by its images; a precision of nothing counts as 0. Null without images. */
export function meanMeasures(classes: readonly ClassMeasures[], by: 'class' | 'image'): MeanMeasures | null {
  const present = classes.filter(({ images }) => images > 0);
  const whole = present.reduce((sum, { images }) => sum + (by === 'class' ? 1 : images), 0);
  if (whole === 0) return null;
  const mean = (of: 'precision' | 'recall' | 'f1'): number =>
    present.reduce((sum, each) => sum + (by === 'class' ? 1 : each.images) * (each[of] ?? 0), 0) / whole;
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

/** How many images each class has in each part. */
import type { Dataset } from './dataset.ts';

export interface ClassCounts {
  readonly name: string;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

/** The table of the classes. `split`: indices of training images, for training and for validation. */
export function countClasses(
  { classes, train, test }: Dataset,
  split: { readonly train: Uint32Array; readonly validation: Uint32Array },
): readonly ClassCounts[] {
  const counted = (labels: Iterable<number>): number[] => {
    const counts = classes.map(() => 0);
    for (const label of labels) (counts[label] as number)++;
    return counts;
  };
  const labelsOf = (indices: Uint32Array): Iterable<number> =>
    Uint16Array.from(indices, (index) => train.labels[index] as number);
  const [training, validating, testing] = [
    counted(labelsOf(split.train)),
    counted(labelsOf(split.validation)),
    counted(test.labels),
  ];
  return classes.map((name, label) => ({
    name,
    train: training[label] as number,
    validation: validating[label] as number,
    test: testing[label] as number,
  }));
}

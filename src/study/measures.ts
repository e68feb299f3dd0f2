/** What is measured of an outcome, in the units of the tables, and its values over an arm's repetitions. */
import { summaryOf, type Summary } from './samples.ts';
import type { Arm, Outcome, StudyResult } from './result.ts';

export interface Measure {
  /** As a sentence names it. */
  readonly words: string;
  /** Behind a difference: `points` are hundredths of all images. */
  readonly unit: string;
  readonly digits: number;
  /** Null where it was not measured. */
  of(outcome: Outcome): number | null;
}

const meanOf = (values: readonly number[]): number | null => summaryOf(values)?.mean ?? null;

/** Epochs that the second accuracy of Table 1 is the mean of; of all where there are fewer. */
export const lastEpochs = 5;

const percent = (share: number | null | undefined): number | null => (share === null || share === undefined ? null : 100 * share);

/** Null where one of the epochs was not measured. */
const lastMean = (values: readonly (number | null)[]): number | null => {
  const last = values.slice(-lastEpochs);
  return last.includes(null) ? null : meanOf(last as readonly number[]);
};

export const measures = {
  /** Percent. */
  test: { words: 'test accuracy', unit: 'points', digits: 2, of: ({ test }) => percent(test) },
  /** Percent. */
  validation: {
    words: `clean validation accuracy (mean of the last ${lastEpochs} epochs)`,
    unit: 'points',
    digits: 2,
    of: ({ vanilla }) => percent(lastMean(vanilla.map(({ clean }) => clean))),
  },
  validationLast: {
    words: 'clean validation accuracy (last epoch)',
    unit: 'points',
    digits: 2,
    of: ({ vanilla }) => percent(vanilla.at(-1)?.clean),
  },
  augmented: {
    words: `validation accuracy under the training augmentation (mean of the last ${lastEpochs} epochs)`,
    unit: 'points',
    digits: 2,
    of: ({ vanilla }) => percent(lastMean(vanilla.map(({ augmented }) => augmented))),
  },
  augmentedLast: {
    words: 'validation accuracy under the training augmentation (last epoch)',
    unit: 'points',
    digits: 2,
    of: ({ vanilla }) => percent(vanilla.at(-1)?.augmented),
  },
  /** Millions. */
  parameters: { words: 'number of parameters', unit: 'M', digits: 2, of: ({ parameters }) => parameters / 1e6 },
  /** Millions, an image. */
  multiplyAdds: { words: 'number of multiply-adds', unit: 'M', digits: 1, of: ({ multiplyAdds }) => multiplyAdds / 1e6 },
  epochs: { words: 'epochs', unit: 'epochs', digits: 0, of: ({ epochs }) => epochs },
  hours: { words: 'hours of work', unit: 'h', digits: 2, of: ({ seconds }) => seconds / 3600 },
} satisfies Readonly<Record<string, Measure>>;

/** The accuracy by which the arms of a study are compared. */
export const accuracyOf = ({ kind }: StudyResult): Measure => (kind === 'growth' ? measures.test : measures.validation);

/** Of the repetitions in which it was measured. */
export const valuesOf = ({ outcomes }: Arm, measure: Measure): readonly number[] =>
  outcomes.map((outcome) => measure.of(outcome)).filter((value) => value !== null);

export const armSummary = (arm: Arm, measure: Measure): Summary | null => summaryOf(valuesOf(arm, measure));

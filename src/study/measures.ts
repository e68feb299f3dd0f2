/** The measures of an outcome, in the units of the tables, and their values over the repetitions of an arm. */
import { summaryOf, type Summary } from './samples.ts';
import type { Arm, Outcome, StudyResult } from './result.ts';

export interface Measure {
  /** The name in a sentence. */
  readonly words: string;
  /** The unit of a difference; `points` are percentage points. */
  readonly unit: string;
  readonly digits: number;
  /** Null if it was not measured. */
  of(outcome: Outcome): number | null;
}

/** The number of epochs in means over the last epochs; fewer if there are fewer. */
const lastEpochs = 5;

const percent = (share: number | null | undefined): number | null => (share === null || share === undefined ? null : 100 * share);

/** The mean over the last epochs; null if one of them was not measured. */
const lastMean = (values: readonly (number | null)[]): number | null => {
  const last = values.slice(-lastEpochs);
  return last.includes(null) ? null : (summaryOf(last as readonly number[])?.mean ?? null);
};

/** An accuracy, in percent. */
const accuracy = (words: string, share: (outcome: Outcome) => number | null | undefined): Measure => ({
  words,
  unit: 'points',
  digits: 2,
  of: (outcome) => percent(share(outcome)),
});

const [mean, augmented] = [`mean of the last ${lastEpochs} epochs`, 'validation accuracy under the training augmentation'];

export const measures = {
  test: accuracy('test accuracy', ({ test }) => test),
  validation: accuracy(`clean validation accuracy (${mean})`, ({ vanilla }) => lastMean(vanilla.map(({ clean }) => clean))),
  validationLast: accuracy('clean validation accuracy (last epoch)', ({ vanilla }) => vanilla.at(-1)?.clean),
  augmented: accuracy(`${augmented} (${mean})`, ({ vanilla }) => lastMean(vanilla.map((epoch) => epoch.augmented))),
  augmentedLast: accuracy(`${augmented} (last epoch)`, ({ vanilla }) => vanilla.at(-1)?.augmented),
  /** Millions. */
  parameters: { words: 'number of parameters', unit: 'M', digits: 2, of: ({ parameters }) => parameters / 1e6 },
  /** Millions per image. */
  multiplyAdds: { words: 'number of multiply-adds', unit: 'M', digits: 1, of: ({ multiplyAdds }) => multiplyAdds / 1e6 },
  epochs: { words: 'epochs', unit: 'epochs', digits: 0, of: ({ epochs }) => epochs },
  hours: { words: 'hours of work', unit: 'h', digits: 2, of: ({ seconds }) => seconds / 3600 },
} satisfies Readonly<Record<string, Measure>>;

/** The accuracy by which the arms of a study are compared. */
export const accuracyOf = ({ kind }: StudyResult): Measure => (kind === 'growth' ? measures.test : measures.validation);

/** The values of the repetitions in which the measure was taken. */
export const valuesOf = ({ outcomes }: Arm, measure: Measure): readonly number[] =>
  outcomes.map((outcome) => measure.of(outcome)).filter((value) => value !== null);

export const armSummary = (arm: Arm, measure: Measure): Summary | null => summaryOf(valuesOf(arm, measure));

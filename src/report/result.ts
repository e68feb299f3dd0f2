/** What came of a run, in sentences that say no more than was measured. */
import { lineOf, startWords, validationOf } from '../search/state.ts';
import { formatPercent, plural } from '../util/words.ts';
import { wilson } from '../study/statistics.ts';
import type { Subject } from './subject.ts';

const points = (share: number): string => `${(100 * Math.abs(share)).toFixed(1)} percentage points`;

const interval = (accuracy: number, images: number): string => {
  const [low, high] = wilson(Math.round(accuracy * images), images);
  return `95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`;
};

const readings = ({ readings: count, tests }: Subject['state']['search']): string =>
  count !== tests.size ? `were read ${plural(count, 'time')}` : count === 1 ? 'were read once' : 'each network has read once';

function compared(subject: Subject, own: number): string {
  const { state, config } = subject;
  const baseline = state.search.tests.get('baseline')?.measured.accuracy;
  const start = startWords(state.search);
  if (baseline === undefined)
    return config.settings.baseline
      ? `The ${start}, which is to be given the same epochs, has not been tested yet.`
      : 'No baseline was trained beside it (--baseline), so nothing here says what the growing itself was worth.';
  const difference = own - baseline;
  const images = config.data.testImages;
  // Of two independent shares; the images are the same, so the true one is rather smaller.
  const error = Math.sqrt((own * (1 - own) + baseline * (1 - baseline)) / images);
  const size = Math.abs(difference) < 1e-9 ? 'the same' : `${points(difference)} ${difference > 0 ? 'less' : 'more'}`;
  const clear = Math.abs(difference) > 1.96 * error ? '' : ', which is within what chance over the test images allows';
  return `The ${start}, given the same epochs, is right on ${formatPercent(baseline)}: ${size}${clear}.`;
}

/** One to three sentences. */
export function resultOf(subject: Subject): readonly string[] {
  const { state, config, best, grown, winners } = subject;
  const { search } = state;
  const images = config.data.testImages;
  const test = search.tests.get('final')?.measured;
  const steps = winners.size - 1;
  const isVanilla = [...winners].every((id) => lineOf(search, id).edits.length === 0);
  const grew =
    grown !== null && !isVanilla
      ? `Grown in ${plural(steps, 'step')}`
      : search.steps.length === 0
        ? `The ${startWords(search)}, trained on`
        : `No grown child was better than the ${startWords(search)}, which was trained on`;
  if (test !== undefined)
    return [
      `${grew}: right on ${formatPercent(test.accuracy)} of the ${plural(images, 'test image')} (${interval(test.accuracy, images)}), which ${readings(search)}.`,
      compared(subject, test.accuracy),
      'One run of one seed: how much another seed differs, a study shows.',
    ];
  if (best === null) return ['There is no trained network yet.'];
  const measured = validationOf(search, best === 'final' ? (lineOf(search, best).parent ?? best) : best);
  return [
    `The best network so far is ${best}${measured === null ? '' : `: right on ${formatPercent(measured.accuracy)} of the validation images, by which it was chosen, so that this is rather too good`}.`,
    'The test set has not been read.',
  ];
}

const conditions = {
  finished: 'The run is finished.',
  running: 'The run is going on: this is what there was when the report was written.',
  interrupted: 'The run was interrupted: this is what there is so far; “instar resume” goes on.',
  'not finished': 'The run is not finished, and no process is on it: this is what there is so far; “instar resume” goes on.',
} as const;

export const conditionSentence = ({ condition }: Subject): string => conditions[condition];

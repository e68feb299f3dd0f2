/** What came of a run, in sentences that say no more than was measured. */
import { methods } from '../search/methods/table.ts';
import { candidateOf, startWords, validationOf } from '../search/state.ts';
import { formatPercent, plural } from '../util/words.ts';
import { wilson } from '../study/statistics.ts';
import { competes, type Subject } from './subject.ts';

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

/** What came of the growing, to be gone on with by what the network is right on. */
function growth({ state, settings, grown, winners }: Subject): string {
  const { search } = state;
  const start = startWords(search);
  const isGrown = [...winners].some((id) => candidateOf(search, id).edits.length > 0);
  if (grown !== null && isGrown) return `Grown in ${plural(winners.size - 1, 'step')}`;
  const { grows, role } = methods[settings.method];
  if (search.steps.length === 0 || !grows) return `The ${start}, trained on`;
  if (role === 'baseline') return `No grown child was drawn: the ${start}, trained on`;
  return `No grown child was better than the ${start}, which was trained on`;
}

/** Why there is nothing of the test set. */
export const unreadWords = ({ readings: count, tests }: Subject['state']['search']): string =>
  count > tests.size
    ? `The test set was read ${count === 1 ? 'once' : plural(count, 'time')}, for an earlier end of this search, and not yet for this one.`
    : 'The test set has not been read.';

/** Without a reading of the test set: how right the network is on the validation images. */
function untested(subject: Subject): string {
  const { state, settings, best, grown } = subject;
  const { search } = state;
  const line = best ?? grown;
  if (line === null || candidateOf(search, line).checkpoint === null) return 'There is no trained network yet.';
  const isTrained = line === 'final';
  const measured = validationOf(search, isTrained ? (candidateOf(search, line).parent ?? line) : line);
  const isChosen = search.steps.length > 0 && competes(settings.method);
  const right =
    measured === null
      ? ''
      : `right on ${formatPercent(measured.accuracy)} of the validation images${isChosen ? ', by which it was chosen, so that this is rather too good' : ''}`;
  const name = best === null ? 'The search has come to' : search.finished ? 'The network is' : 'The best network so far is';
  if (isTrained) return `${name} trained to the end${right === '' ? '' : `; before that it was ${right}`}.`;
  return `${name} ${line}${right === '' ? '' : `: ${right}`}.`;
}

/** One to three sentences. */
export function resultOf(subject: Subject): readonly string[] {
  const { state, config } = subject;
  const { search } = state;
  const images = config.data.testImages;
  const test = search.tests.get('final')?.measured;
  if (test === undefined) return [untested(subject), unreadWords(search)];
  return [
    `${growth(subject)}: right on ${formatPercent(test.accuracy)} of the ${plural(images, 'test image')} (${interval(test.accuracy, images)}), which ${readings(search)}.`,
    compared(subject, test.accuracy),
    'One run of one seed: how much another seed differs, a study shows.',
  ];
}

const conditions = {
  finished: 'The run is finished.',
  running: 'The run is going on: this is what there was when the report was written.',
  interrupted: 'The run was interrupted: this is what there is so far; “instar resume” goes on.',
  'not finished': 'The run is not finished, and no process is on it: this is what there is so far; “instar resume” goes on.',
} as const;

export const conditionSentence = ({ condition }: Subject): string => conditions[condition];

/** The result of a run in sentences that claim no more than was measured. */
import { changedWord, startPhrase } from '../run/display/names.ts';
import { methods } from '../search/methods/table.ts';
import { candidateOf, validationOf } from '../search/state.ts';
import { formatPercent, plural } from '../util/words.ts';
import { wilson } from '../study/statistics.ts';
import { competes, type RunDetails } from './run-details.ts';

const interval = (accuracy: number, images: number): string => {
  const [low, high] = wilson(Math.round(accuracy * images), images);
  return `95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`;
};

/** How often the test images were used. */
const evaluations = ({ readings: count, tests }: RunDetails['state']['search']): string =>
  count !== tests.size
    ? `of ${plural(count, 'test evaluation')} in this run`
    : count === 1
      ? 'the only test evaluation'
      : 'one test evaluation per network';

function comparison(run: RunDetails, own: number): string {
  const { state, config } = run;
  const baseline = state.search.tests.get('baseline')?.measured.accuracy;
  const start = startPhrase(config, state.search);
  if (baseline === undefined)
    return config.settings.baseline
      ? `The baseline (the ${start}, trained for the same epochs) has not been tested yet.`
      : 'No baseline was trained (--baseline), so the gain from growth is not known.';
  const difference = own - baseline;
  const images = config.data.testImages;
  // The standard error of two independent proportions; on the same images the true one is smaller.
  const error = Math.sqrt((own * (1 - own) + baseline * (1 - baseline)) / images);
  const points = `${(100 * Math.abs(difference)).toFixed(1)} percentage points ${difference > 0 ? 'less' : 'more'}`;
  const chance = Math.abs(difference) > 1.96 * error ? '' : ', a difference that chance over the test images may explain';
  return `The ${start}, trained for the same epochs, has ${formatPercent(baseline)}: ${Math.abs(difference) < 1e-9 ? 'the same' : points}${chance}.`;
}

/** How the network came about; the accuracy follows. */
function growth({ state, config, settings, grown, winners }: RunDetails): string {
  const { search } = state;
  const start = startPhrase(config, search);
  const isGrown = [...winners].some((id) => candidateOf(search, id).edits.length > 0);
  if (grown !== null && isGrown)
    return `${changedWord(settings) === 'grown' ? 'Grown' : 'Shrunk'} in ${plural(winners.size - 1, 'step')}`;
  const { grows, role } = methods[settings.method];
  if (search.steps.length === 0 || !grows) return `The ${start}, trained further`;
  if (role === 'baseline') return `No mutated child was sampled: the ${start}, trained further`;
  return `No mutated child was better than the ${start}, which was trained further`;
}

/** Why there is no test accuracy. */
export const unreadWords = ({ readings: count, tests }: RunDetails['state']['search']): string =>
  count > tests.size
    ? `The test set was used ${count === 1 ? 'once' : plural(count, 'time')}, before the search was extended, and not since.`
    : 'The test set has not been used.';

/** Before the test evaluation: the validation accuracy. */
function untested(run: RunDetails): string {
  const { state, settings, best, grown } = run;
  const { search } = state;
  const id = best ?? grown;
  if (id === null || candidateOf(search, id).checkpoint === null) return 'There is no trained network yet.';
  const isFinal = id === 'final';
  const measured = validationOf(search, isFinal ? (candidateOf(search, id).parent ?? id) : id);
  const isChosen = search.steps.length > 0 && competes(settings.method);
  const accuracy =
    measured === null
      ? ''
      : `validation accuracy ${formatPercent(measured.accuracy)}${isChosen ? ' (optimistic: the network was selected by it)' : ''}`;
  const name = best === null ? 'The current parent is' : search.finished ? 'The network is' : 'The best network so far is';
  if (isFinal) return `${name} trained to the end${accuracy === '' ? '' : `; ${accuracy} before the final training`}.`;
  return `${name} ${id}${accuracy === '' ? '' : `: ${accuracy}`}.`;
}

/** One to three sentences. */
export function resultOf(run: RunDetails): readonly string[] {
  const { state, config } = run;
  const { search } = state;
  const images = config.data.testImages;
  const test = search.tests.get('final')?.measured;
  if (test === undefined) return [untested(run), unreadWords(search)];
  return [
    `${growth(run)}: test accuracy ${formatPercent(test.accuracy)} on ${plural(images, 'image')} (${interval(test.accuracy, images)}; ${evaluations(search)}).`,
    comparison(run, test.accuracy),
    'This is one run with one seed; a study shows how much seeds differ.',
  ];
}

const conditions = {
  finished: 'The run is finished.',
  running: 'The run is in progress: this is its state when the report was written.',
  interrupted: 'The run was interrupted: this is its state so far. “instar resume” continues it.',
  'not finished': 'The run is not finished, and no process works on it: this is its state so far. “instar resume” continues it.',
} as const;

export const conditionSentence = ({ condition }: RunDetails): string => conditions[condition];

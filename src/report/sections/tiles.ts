/** The four answers at the top of a run's page and report: how good, how large, how fast, how long. Pure. */
import { splitCounts } from '../../data/split-counts.ts';
import { shownName } from '../../run/display/names.ts';
import type { TimeLeft } from '../../run/display/time-left.ts';
import { candidateOf, startWords, validationOf } from '../../search/state.ts';
import { workDone } from '../../search/work.ts';
import { wilson } from '../../study/statistics.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatBytes, formatCount, formatPercent, formatWhole, plural } from '../../util/words.ts';
import { html, type Content, type Markup } from '../markup.ts';
import { competes, type RunDetails } from '../run-details.ts';
import { pairs } from './parts.ts';

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly notes: readonly (string | null)[];
  /** What is spent, of what there is; null where nothing limits it. */
  readonly spent?: { readonly value: number; readonly of: number } | null;
}

const intervalOf = (accuracy: number, images: number): string => {
  const [low, high] = wilson(Math.round(accuracy * images), images);
  return `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`;
};

function accuracyTile({ config, state: { search }, settings, best, grown }: RunDetails): Tile {
  const test = search.tests.get('final')?.measured;
  if (test !== undefined) {
    const images = config.data.testImages;
    const baseline = search.tests.get('baseline')?.measured;
    return {
      name: 'test accuracy',
      value: formatPercent(test.accuracy),
      notes: [
        `${intervalOf(test.accuracy, images)} (95 % interval)`,
        `of ${plural(images, 'test image')}`,
        baseline === undefined ? null : `baseline ${formatPercent(baseline.accuracy)}`,
      ],
    };
  }
  const id = best ?? grown;
  const measured = id === null ? null : validationOf(search, id === 'final' ? (candidateOf(search, id).parent ?? id) : id);
  if (measured === null) return { name: 'accuracy', value: '–', notes: ['nothing measured yet'] };
  const { validation } = splitCounts(config.data, settings);
  return {
    name: 'validation accuracy',
    value: formatPercent(measured.accuracy),
    notes: [
      `${intervalOf(measured.accuracy, validation)} (95 % interval)`,
      `of ${plural(validation, 'validation image')}`,
      search.steps.length > 0 && competes(settings.method) ? 'optimistic: it was selected by them' : null,
    ],
  };
}

/** `3.4`, `120`. */
const formatFactor = (factor: number): string => (factor < 100 ? factor.toFixed(1) : formatWhole(Math.round(factor)));

function costTiles({ config, state, best, grown }: RunDetails): readonly Tile[] {
  const { search, exports } = state;
  const id = best ?? grown;
  if (id === null)
    return ['parameters', 'multiply-adds an image'].map((name) => ({ name, value: '–', notes: ['no network yet'] }));
  const { parameters, multiplyAdds } = candidateOf(search, id);
  const start = candidateOf(search, 'vanilla');
  const startName = config.from === null ? startWords(search) : shownName(config, 'vanilla');
  const times = (own: number, before: number): string | null =>
    own === before ? null : `${formatFactor(own / before)} × the ${startName}`;
  const verified = exports.get(id)?.verified ?? null;
  const { one, threads } = verified?.latency ?? { one: 0, threads: 0 };
  return [
    {
      name: 'parameters',
      value: formatWhole(parameters),
      notes: [verified === null ? null : `best.onnx has ${formatBytes(verified.bytes)}`, times(parameters, start.parameters)],
    },
    {
      name: 'multiply-adds an image',
      value: formatCount(multiplyAdds),
      notes: [
        verified === null ? null : `${one.toFixed(1)} ms an image, ${plural(threads, 'thread')}`,
        times(multiplyAdds, start.multiplyAdds),
      ],
    },
  ];
}

function timeTile({ config, state, settings, winners }: RunDetails, now: number, left: TimeLeft | null): Tile {
  const { search } = state;
  const budget = state.budget ?? config.budget;
  // Where time limits a run, its work follows from the speed.
  const work = budget === null ? config.settings.work : null;
  const done = search.candidates.has('vanilla') ? workDone(search, settings) : 0;
  const rest = left === null ? null : `${left.kind === 'estimate' ? 'about ' : ''}${formatDuration(left.seconds)} left`;
  return {
    name: 'time',
    value: formatDuration(now),
    notes: [
      budget === null ? null : `of ${formatDuration(budget)}`,
      work === null ? null : `${formatCount(done)} of ${formatCount(work)} multiply-adds of training`,
      rest,
      plural(Math.max(0, winners.size - 1), 'step'),
    ],
    spent: budget !== null ? { value: now, of: budget } : work !== null ? { value: done, of: work } : null,
  };
}

function tileHtml({ name, value, notes, spent = null }: Tile): readonly [Content, Content] {
  const bar =
    spent === null
      ? null
      : html`<progress max="1" value="${Math.min(1, spent.value / spent.of).toFixed(3)}" aria-label="spent"></progress>`;
  return [
    name,
    html`<strong>${value}</strong>${bar}${notes.map((note) => (note === null ? null : html` <small>${note}</small>`))}`,
  ];
}

/** `now`: active seconds. `left`: null where it is not known, or nothing is left. */
export const tiles = (run: RunDetails, now: number, left: TimeLeft | null): Markup =>
  html`<div class="key">${pairs([accuracyTile(run), ...costTiles(run), timeTile(run, now, left)].map(tileHtml))}</div>`;

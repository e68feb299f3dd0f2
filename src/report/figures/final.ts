/** The final training, and that of the network which the search began with beside it: loss and, where it was measured, validation accuracy. */
import { startWords, type EpochPoint } from '../../search/state.ts';
import { formatLoss, formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, legend, mark, path, plane, type Point } from '../chart.ts';
import { narrowWidth, type Drawing, type Figure } from '../figure.ts';
import { html } from '../markup.ts';
import { unreadWords } from '../result.ts';
import type { Subject } from '../subject.ts';

interface Series {
  readonly id: 'final' | 'baseline';
  readonly name: string;
  readonly className: string;
  readonly points: readonly Point[];
}

/** The last epochs of a line, so many at most: of the baseline those that stand beside the winner's final training. */
const lastEpochs = (epochs: readonly EpochPoint[], count: number): readonly Point[] =>
  epochs.slice(-count).map(({ loss }, index) => ({ x: index + 1, y: loss }));

export function finalSeries({ state }: Subject): readonly Series[] {
  const named = [
    { id: 'final', name: 'winner', className: 'line won' },
    { id: 'baseline', name: startWords(state.search), className: 'line second dashed' },
  ] as const;
  const { candidates, tests } = state.search;
  const count = candidates.get('final')?.epochs.length ?? 0;
  return named.flatMap((each) => {
    const epochs = candidates.get(each.id)?.epochs ?? [];
    // Before it has ended it cannot be said which of its epochs are the last.
    if (count === 0 || epochs.length === 0 || (each.id === 'baseline' && !tests.has('baseline'))) return [];
    return [{ ...each, points: lastEpochs(epochs, count) }];
  });
}

function draw(series: readonly Series[]): Drawing {
  const [width, height] = [narrowWidth, 280];
  const points = series.flatMap((each) => each.points);
  const last = Math.max(2, ...points.map(({ x }) => x));
  const area = plane(
    width,
    height,
    { domain: [1, last], title: 'epochs', ticks: 6, format: String },
    {
      domain: domainOf(
        points.map(({ y }) => y),
        0.06,
        0.01,
      ),
      title: 'training loss (augmented images)',
      ticks: 5,
      format: (value) => String(Number(value.toPrecision(3))),
    },
    { top: series.length > 1 ? 46 : 26, right: 46 },
  );
  const curves = series.toReversed().map(({ className, points: each, name }) => {
    const end = each.at(-1) as Point;
    return html`${path(area, each, className)}${mark('dot', area.x(end.x), area.y(end.y), `${name}: ${formatLoss(end.y)}`)}${label(area.x(end.x) + 7, area.y(end.y) + 4, 'small halo', formatLoss(end.y))}`;
  });
  return { width, height, content: html`${area.axes}${series.length > 1 ? legend(area.left, 14, series) : null}${curves}` };
}

export function finalFigure(subject: Subject): Figure | null {
  const series = finalSeries(subject);
  const [first] = series;
  if (first === undefined) return null;
  const { tests } = subject.state.search;
  const words = series.map(
    ({ name, points }) =>
      `${name}: ${plural(points.length, 'epoch')}, loss ${formatLoss(points[0]?.y ?? 0)} to ${formatLoss(points.at(-1)?.y ?? 0)}`,
  );
  const ends = series.flatMap(({ id, name }) => {
    const measured = tests.get(id)?.measured;
    return measured === undefined ? [] : [`${name} ${formatPercent(measured.accuracy)} (loss ${formatLoss(measured.loss)})`];
  });
  return {
    name: 'final',
    title: 'Final training',
    alternative: `Training loss by epoch. ${words.join('; ')}. ${ends.length === 0 ? '' : `Test accuracy: ${ends.join(', ')}.`}`,
    caption: html`Mean loss of each epoch’s minibatches, over augmented images. The validation images are trained on too here, so
    no accuracy is measured on the way.
    ${ends.length === 0 ? unreadWords(subject.state.search) : `On the test images at the end: ${ends.join(', ')}.`}${series.some(({ id }) => id === 'baseline') ? ` The ${startWords(subject.state.search)} was given the epochs of the winner’s whole line, the search included; only those of the final training are drawn.` : ''}`,
    narrow: draw(series),
    wide: null,
  };
}

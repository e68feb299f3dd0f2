/** Training loss of the final training, and of the baseline beside it. */
import { startPhrase } from '../../run/display/names.ts';
import { formatLoss, formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, legend, lineEntry, mark, path, plotArea, shortNumber, type Point } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { html } from '../markup.ts';
import { unreadWords } from '../result.ts';
import type { RunDetails } from '../run-details.ts';

/** Of the baseline, only the epochs that correspond to the winner's final training. */
export function finalSeries({ state, config }: RunDetails) {
  const { candidates, tests } = state.search;
  const named = [
    { id: 'final', name: 'winner', className: 'line won' },
    { id: 'baseline', name: startPhrase(config, state.search), className: 'line second dashed' },
  ] as const;
  const count = candidates.get('final')?.epochs.length ?? 0;
  return named.flatMap((each) => {
    const epochs = candidates.get(each.id)?.epochs ?? [];
    // The last epochs of the baseline are known once it has ended.
    if (count === 0 || epochs.length === 0 || (each.id === 'baseline' && !tests.has('baseline'))) return [];
    return [{ ...each, points: epochs.slice(-count).map(({ loss }, index) => ({ x: index + 1, y: loss })) }];
  });
}

function draw(series: ReturnType<typeof finalSeries>): Svg {
  const [width, height] = [narrowWidth, 280];
  const points = series.flatMap((each) => each.points);
  const losses = points.map(({ y }) => y);
  const lastEpoch = Math.max(2, ...points.map(({ x }) => x));
  const xAxis = { domain: [1, lastEpoch], title: 'epochs', ticks: 6, format: String } as const;
  const domain = domainOf(losses, 0.06, 0.01);
  const yAxis = { domain, title: 'training loss (augmented images)', ticks: 5, format: shortNumber };
  const area = plotArea(width, height, xAxis, yAxis, { top: series.length > 1 ? 46 : 26, right: 46 });
  const curves = series.toReversed().map(({ className, points: each, name }) => {
    const end = each.at(-1) as Point;
    const [x, y] = [area.x(end.x), area.y(end.y)];
    const text = formatLoss(end.y);
    return [path(area, each, className), mark('dot', x, y, `${name}: ${text}`), label(x + 7, y + 4, 'small halo', text)];
  });
  const names = series.length > 1 ? legend(area.left, area.right - area.left, series.map(lineEntry)).content : null;
  return { width, height, content: html`${area.axes}${names}${curves}` };
}

export function finalFigure(run: RunDetails): Figure | null {
  const series = finalSeries(run);
  if (series.length === 0) return null;
  const { search } = run.state;
  const losses = series.map(
    ({ name, points }) =>
      `${name}: ${plural(points.length, 'epoch')}, loss ${formatLoss(points[0]?.y ?? 0)} to ${formatLoss(points.at(-1)?.y ?? 0)}`,
  );
  const ends = series.flatMap(({ id, name }) => {
    const measured = search.tests.get(id)?.measured;
    return measured === undefined ? [] : [`${name} ${formatPercent(measured.accuracy)} (loss ${formatLoss(measured.loss)})`];
  });
  const test = ends.length === 0 ? unreadWords(search) : `Test accuracy at the end: ${ends.join(', ')}.`;
  const baseline = series.some(({ id }) => id === 'baseline')
    ? ` The ${startPhrase(run.config, search)} was trained for as many epochs as the winner’s lineage; only those of the final training are shown.`
    : '';
  return {
    name: 'final',
    title: 'Final training',
    alternative: `Training loss by epoch. ${losses.join('; ')}. ${ends.length === 0 ? '' : `Test accuracy: ${ends.join(', ')}.`}`,
    caption: `Mean training loss of each epoch, on augmented images. The validation images are part of the training set here, so no validation accuracy is measured. ${test}${baseline}`,
    narrow: draw(series),
  };
}

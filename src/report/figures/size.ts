/** Validation accuracy against parameters. */
import { shownName } from '../../run/display/names.ts';
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, mark, path, percentAxis, plotArea } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { html } from '../markup.ts';
import { lastAccuracy, type RunDetails } from '../run-details.ts';
import { searchedCandidates } from './validation.ts';

export const measuredCandidates = (run: RunDetails) =>
  searchedCandidates(run).flatMap((candidate) => {
    const accuracy = lastAccuracy(candidate);
    if (accuracy === null) return [];
    const { id, parameters, epochs, end } = candidate;
    return [
      {
        id: shownName(run.config, id),
        parameters,
        accuracy,
        epochs: epochs.length,
        won: run.winners.has(id),
        open: end === null,
      },
    ];
  });

/** A logarithmic axis of parameters. */
export function parameterAxis(parameters: readonly number[], ticks: number) {
  const [low, high] = domainOf(parameters.map(Math.log10), 0.08, 0.3);
  const domain = [10 ** low, 10 ** high] as const;
  return { domain, title: 'parameters (logarithmic)', ticks, logarithmic: true, format: formatCount };
}

function draw(candidates: ReturnType<typeof measuredCandidates>): Svg {
  const [width, height] = [narrowWidth, 300];
  const accuracies = candidates.map(({ accuracy }) => accuracy);
  const sizes = candidates.map(({ parameters }) => parameters);
  const yAxis = percentAxis('validation accuracy, %', domainOf(accuracies, 0.1, 0.02));
  const area = plotArea(width, height, parameterAxis(sizes, 6), yAxis);
  const winners = candidates.filter(({ won }) => won);
  const marks = candidates
    .toSorted((a, b) => Number(a.won) - Number(b.won))
    .map(({ id, parameters, accuracy, epochs, won, open }) => {
      const title = `${id}: ${formatCount(parameters)} parameters, ${formatPercent(accuracy)} after ${plural(epochs, 'epoch')}`;
      return mark(won ? 'star' : open ? 'hollow' : 'cross', area.x(parameters), area.y(accuracy), title);
    });
  const names = winners.map(({ id, parameters, accuracy }) => {
    const x = area.x(parameters);
    const flip = x > area.right - 46;
    return label(x + (flip ? -9 : 9), area.y(accuracy) + 4, `small halo won-text${flip ? ' end' : ''}`, id);
  });
  const lineage = winners.map(({ parameters, accuracy }) => ({ x: parameters, y: accuracy }));
  return { width, height, content: html`${area.axes}${path(area, lineage, 'line won')}${marks}${names}` };
}

export function sizeFigure(run: RunDetails): Figure | null {
  const candidates = measuredCandidates(run);
  if (candidates.length === 0) return null;
  const winners = candidates
    .filter(({ won }) => won)
    .map(({ id, parameters, accuracy }) => `${id} ${formatCount(parameters)}, ${formatPercent(accuracy)}`);
  return {
    name: 'size',
    title: 'Accuracy against parameters',
    alternative: `The last validation accuracy of ${plural(candidates.length, 'network')} against its parameters. Winners: ${winners.join('; ')}.`,
    caption:
      'The last validation accuracy of each network in the search: ★ winners, × dropped. Networks that were dropped early were trained for fewer epochs, so the chart does not compare networks at equal training.',
    narrow: draw(candidates),
  };
}

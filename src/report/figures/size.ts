/** Validation accuracy against parameters: what a network's size bought. */
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, mark, path, percentAxis, plane } from '../chart.ts';
import { narrowWidth, type Drawing, type Figure } from '../figure.ts';
import { html } from '../markup.ts';
import { lastAccuracy, type Subject } from '../subject.ts';
import { searchedCandidates } from './validation.ts';

interface Measured {
  readonly id: string;
  readonly parameters: number;
  readonly accuracy: number;
  readonly epochs: number;
  readonly won: boolean;
  readonly open: boolean;
}

export const measuredLines = (subject: Subject): readonly Measured[] =>
  searchedCandidates(subject).flatMap((line): Measured[] => {
    const accuracy = lastAccuracy(line);
    if (accuracy === null) return [];
    const { id, parameters, epochs, end } = line;
    return [{ id, parameters, accuracy, epochs: epochs.length, won: subject.winners.has(id), open: end === null }];
  });

function draw(lines: readonly Measured[]): Drawing {
  const [width, height] = [narrowWidth, 300];
  const parameters = lines.map((line) => Math.log10(line.parameters));
  const [low, high] = domainOf(parameters, 0.08, 0.3);
  const area = plane(
    width,
    height,
    { domain: [10 ** low, 10 ** high], title: 'parameters (logarithmic)', ticks: 6, logarithmic: true, format: formatCount },
    percentAxis(
      'validation accuracy, %',
      domainOf(
        lines.map(({ accuracy }) => accuracy),
        0.1,
        0.02,
      ),
    ),
  );
  const winners = lines.filter(({ won }) => won);
  const marks = lines
    .toSorted((a, b) => Number(a.won) - Number(b.won))
    .map(({ id, parameters: count, accuracy, epochs, won, open }) =>
      mark(
        won ? 'star' : open ? 'hollow' : 'cross',
        area.x(count),
        area.y(accuracy),
        `${id}: ${formatCount(count)} parameters, ${formatPercent(accuracy)} after ${plural(epochs, 'epoch')}`,
      ),
    );
  const names = winners.map(({ id, parameters: count, accuracy }) => {
    const x = area.x(count);
    const flip = x > area.right - 46;
    return label(x + (flip ? -9 : 9), area.y(accuracy) + 4, `small halo won-text${flip ? ' end' : ''}`, id);
  });
  const story = winners.map((line) => ({ x: line.parameters, y: line.accuracy }));
  return { width, height, content: html`${area.axes}${path(area, story, 'line won')}${marks}${names}` };
}

export function sizeFigure(subject: Subject): Figure | null {
  const lines = measuredLines(subject);
  if (lines.length === 0) return null;
  const words = lines
    .filter(({ won }) => won)
    .map((line) => `${line.id} ${formatCount(line.parameters)}, ${formatPercent(line.accuracy)}`);
  return {
    name: 'size',
    title: 'Accuracy against parameters',
    alternative: `The last validation accuracy of ${plural(lines.length, 'network')} against its parameters. Winners: ${words.join('; ')}.`,
    caption: html`Each network where its training in the search ended: ★ winners, × dropped. Those that were dropped early were
    trained for fewer epochs, so a lower point is not a worse network at equal training.`,
    narrow: draw(lines),
    wide: null,
  };
}

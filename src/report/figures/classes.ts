/** Test accuracy by class, with 95 % intervals. */
import { formatPercent } from '../../util/words.ts';
import { label, mark, percentAxis, rowPlot, segment } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { html } from '../markup.ts';
import { wilson } from '../../study/statistics.ts';
import type { RunDetails } from '../run-details.ts';

/** With more classes there is no figure. */
const mostClasses = 60;

/** `confusion`: by label, then prediction. The share is null for a class without images. */
export const classAccuracies = (classes: readonly string[], confusion: readonly (readonly number[])[]) =>
  confusion.map((row, index) => {
    const right = row[index] ?? 0;
    const count = row.reduce((sum, each) => sum + each, 0);
    const [name, share] = [classes[index] ?? `class ${index}`, count === 0 ? null : right / count];
    return { name, right, count, share, interval: wilson(right, count) };
  });

const shortened = (name: string): string => (name.length <= 18 ? name : `${name.slice(0, 17)}…`);

function draw(rows: ReturnType<typeof classAccuracies>): Svg {
  const xAxis = percentAxis('correct, % of the class’s test images', [0, 1], 6);
  const area = rowPlot(narrowWidth, rows.length, 21, xAxis, 124);
  const content = rows.map(({ name, share, interval: [low, high], right, count }, index) => {
    const y = area.rowAt(index);
    const title = `${name}: ${right} of ${count}, ${formatPercent(share ?? 0)}`;
    const bar = segment('line', [area.x(low), y], [area.x(high), y]);
    return html`${label(area.left - 8, y + 4, 'small end', shortened(name))}${share === null ? null : [bar, mark('dot', area.x(share), y, title)]}`;
  });
  return { width: narrowWidth, height: area.height, content: html`${area.axes}${content}` };
}

/** The worst first. */
export function classesFigure({ state, config }: RunDetails): Figure | null {
  const test = state.search.tests.get('final');
  const { classes } = config.data;
  if (test === undefined || classes.length > mostClasses) return null;
  const rows = classAccuracies(classes, test.confusion).toSorted((a, b) => (a.share ?? 2) - (b.share ?? 2));
  const words = rows.map(({ name, share }) => `${name} ${share === null ? 'no image' : formatPercent(share)}`);
  return {
    name: 'classes',
    title: 'Accuracy by class',
    alternative: `Test accuracy by class, the worst first: ${words.join(', ')}.`,
    caption: 'Share of each class’s test images that are classified correctly, the worst first, with 95 % intervals (Wilson).',
    narrow: draw(rows),
  };
}

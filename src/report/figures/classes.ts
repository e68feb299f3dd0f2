/** How right the network is, class by class, with what chance allows. */
import { formatPercent } from '../../util/words.ts';
import { label, mark, percentAxis, plane } from '../chart.ts';
import { narrowWidth, type Drawing, type Figure } from '../figure.ts';
import { coordinate, html } from '../markup.ts';
import { wilson } from '../../study/statistics.ts';
import type { Subject } from '../subject.ts';

/** More classes than these are listed in the table alone. */
export const mostClasses = 60;
const rowHeight = 21;

export interface ClassAccuracy {
  readonly name: string;
  readonly right: number;
  readonly count: number;
  /** Null for a class without an image. */
  readonly share: number | null;
  readonly interval: readonly [low: number, high: number];
}

/** Of confusion[label][prediction]. */
export const classAccuracies = (
  classes: readonly string[],
  confusion: readonly (readonly number[])[],
): readonly ClassAccuracy[] =>
  confusion.map((row, index) => {
    const right = row[index] ?? 0;
    const count = row.reduce((sum, each) => sum + each, 0);
    return {
      name: classes[index] ?? `class ${index}`,
      right,
      count,
      share: count === 0 ? null : right / count,
      interval: wilson(right, count),
    };
  });

const shortened = (name: string): string => (name.length <= 18 ? name : `${name.slice(0, 17)}…`);

function draw(rows: readonly ClassAccuracy[]): Drawing {
  const width = narrowWidth;
  const height = 58 + rows.length * rowHeight;
  const area = plane(
    width,
    height,
    percentAxis('right, % of the class’s test images', [0, 1], 6),
    { domain: [0, 1], title: '', ticks: 0, format: String },
    { left: 124, top: 14, right: 20 },
  );
  const content = rows.map(({ name, share, interval: [low, high], right, count }, index) => {
    const y = area.top + (index + 0.5) * rowHeight;
    const spread = html`<line
      class="line"
      x1="${coordinate(area.x(low))}"
      x2="${coordinate(area.x(high))}"
      y1="${y}"
      y2="${y}"
    />`;
    return html`<line
        class="grid"
        x1="${area.left}"
        x2="${area.right}"
        y1="${y}"
        y2="${y}"
      />${label(area.left - 8, y + 4, 'small end', shortened(name))}${share === null ? null : html`${spread}${mark('dot', area.x(share), y, `${name}: ${right} of ${count}, ${formatPercent(share)}`)}`}`;
  });
  return { width, height, content: html`${area.axes}${content}` };
}

/** The worst first. */
export function classesFigure({ state, config }: Subject): Figure | null {
  const test = state.search.tests.get('final');
  const { classes } = config.data;
  if (test === undefined || classes.length > mostClasses) return null;
  const rows = classAccuracies(classes, test.confusion).toSorted((a, b) => (a.share ?? 2) - (b.share ?? 2));
  const words = rows.map(({ name, share }) => `${name} ${share === null ? 'no image' : formatPercent(share)}`);
  return {
    name: 'classes',
    title: 'Right, class by class',
    alternative: `Test accuracy by class, the worst first: ${words.join(', ')}.`,
    caption: html`Of the test images of each class, the worst first. The lines are 95 % intervals (Wilson) for so many images.`,
    narrow: draw(rows),
    wide: null,
  };
}

/** Figures 2 and 3: one evolutionary step as it was, by hill climbing or by halving. */
import { linkHorizontal } from 'd3-shape';
import type { Rung } from '../../search/methods/method.ts';
import { methods } from '../../search/methods/table.ts';
import { validationOf, type Step } from '../../search/state.ts';
import { formatPercent, plural } from '../../util/words.ts';
import { label, mark } from '../chart.ts';
import { narrowWidth, type Drawing, type Figure } from '../figure.ts';
import { coordinate, html, type Markup } from '../markup.ts';
import { childrenOf, lastAccuracy, paperFigure, unfinishedWords, type Child, type Subject } from '../subject.ts';

/** Children drawn at most; the rest are in the table. */
const mostRows = 24;
const rowHeight = 27;

const reached = ({ accuracies }: Child): number => accuracies.filter((accuracy) => accuracy !== null).length;

/** The winner first, then by how far a child came, and by its accuracy there. */
export const byFate = (children: readonly Child[]): readonly Child[] =>
  children.toSorted(
    (a, b) =>
      Number(b.fate.kind === 'won') - Number(a.fate.kind === 'won') ||
      reached(b) - reached(a) ||
      (lastAccuracy(b.line) ?? -1) - (lastAccuracy(a.line) ?? -1) ||
      a.line.child - b.line.child,
  );

const from = (x0: number, y0: number, x1: number, y1: number): string =>
  (linkHorizontal()({ source: [x0, y0], target: [x1, y1] }) ?? '').replaceAll(/\d+\.\d+/g, (number) =>
    coordinate(Number(number)),
  );

function row(child: Child, y: number, columns: readonly number[], start: number, rungs: readonly Rung[]): Markup {
  const { line, accuracies, unfinished, fate } = child;
  const won = fate.kind === 'won';
  const count = reached(child);
  const last = count === 0 ? start : (columns[count - 1] ?? start);
  const within = unfinished === null ? 0 : unfinished.epochs / (rungs[unfinished.rung]?.epochs ?? 1);
  const end = last + within * ((columns[count] ?? last) - last);
  const className = `line${won ? ' won' : fate.kind === 'open' ? '' : ' dropped'}`;
  const ending =
    won && (count === columns.length || unfinished !== null)
      ? mark('star', end, y)
      : fate.kind === 'dropped'
        ? mark('cross', end, y)
        : fate.kind === 'lost'
          ? mark('lost', end, y)
          : mark('hollow', end, y);
  const points = accuracies.slice(0, count).map((accuracy, index) => {
    const x = columns[index] ?? 0;
    const isEnd = index === count - 1 && unfinished === null;
    return html`${isEnd ? null : mark('dot', x, y)}${label(x, y - 8, `small middle halo ${won ? 'won-text' : 'quiet'}`, accuracy === null ? '' : formatPercent(accuracy))}`;
  });
  if (unfinished !== null)
    points.push(label(end, y - 8, `small middle halo ${won ? 'won-text' : 'quiet'}`, `(${formatPercent(unfinished.accuracy)})`));
  const lost = fate.kind === 'lost' ? label(end + 10, y + 4, 'small bad-text', 'lost') : null;
  return html`<line
      class="${className}"
      x1="${start}"
      x2="${coordinate(end)}"
      y1="${coordinate(y)}"
      y2="${coordinate(y)}"
    />${points}${ending}${label(start - 6, y + 4, `small end halo ${won ? 'won-text' : ''}`, line.id)}${lost}`;
}

function draw(subject: Subject, step: Step, children: readonly Child[], more: number): Drawing {
  const { rungs, state } = subject;
  const width = narrowWidth;
  const [parentX, start, right] = [14, 112, width - 34];
  const columns = rungs.map((_rung, index) => start + ((right - start) * (index + 1)) / rungs.length);
  const top = 54;
  const middle = top + ((children.length - 1) * rowHeight) / 2;
  const height = top + children.length * rowHeight + (more > 0 ? 20 : 2);
  const parent = validationOf(state.search, step.parent);
  const rows = children.map((child, index) => {
    const y = top + index * rowHeight;
    const won = child.fate.kind === 'won';
    return html`<path
        class="line ${won ? 'won' : 'dropped'}"
        d="${from(parentX + 6, middle, start - 44, y)}"
      />${row(child, y, columns, start, rungs)}`;
  });
  const heads = rungs.map(
    ({ size, epochs }, index) =>
      html`${label(columns[index] ?? 0, 13, 'small middle', `${size} × ${epochs}`)}${label(columns[index] ?? 0, 26, 'small middle quiet', epochs === 1 ? 'epoch' : 'epochs')}<line
          class="grid"
          x1="${coordinate(columns[index] ?? 0)}"
          x2="${coordinate(columns[index] ?? 0)}"
          y1="32"
          y2="${height - (more > 0 ? 22 : 8)}"
        />`,
  );
  const content = html`${heads}${rows}${mark('dot', parentX, middle)}${label(4, middle - 12, 'small halo strong', step.parent)}${label(4, middle + 20, 'small halo quiet', parent === null ? '' : formatPercent(parent.accuracy))}${more > 0 ? label(start, height - 6, 'small quiet', `and ${plural(more, 'more child', 'more children')}`) : null}`;
  return { width, height, content };
}

export function stepFigure(subject: Subject, step: Step): Figure {
  const all = byFate(childrenOf(subject, step));
  const shown = all.slice(0, mostRows);
  const { selection, training } = methods[subject.settings.method];
  const figure = paperFigure(selection);
  const words = all.map(({ line, accuracies, unfinished, fate }) => {
    const measured = accuracies.flatMap((accuracy) => (accuracy === null ? [] : [formatPercent(accuracy)]));
    if (unfinished !== null)
      measured.push(
        `${formatPercent(unfinished.accuracy)} after ${plural(unfinished.epochs, 'epoch')} of rung ${unfinished.rung + 1}`,
      );
    return `${line.id} ${measured.length === 0 ? 'not measured' : measured.join(', ')}${fate.kind === 'won' ? ' (winner)' : ''}`;
  });
  return {
    name: `step-${step.step}`,
    title: `Step ${step.step} by ${selection}`,
    alternative: `Children of ${step.parent}, with the validation accuracy after each rung: ${words.slice(0, mostRows).join('; ')}.`,
    caption: html`${figure === null ? '' : `As the paper’s Figure ${figure}. `}Validation accuracy after each rung; ${training}. ★
    the winner, the next parent; × dropped
    there${all.some(({ fate }) => fate.kind === 'lost') ? '; “lost”: its training gave nothing' : ''}${unfinishedWords(all)}.${step.winner === null ? ' This step is not over.' : ''}`,
    narrow: draw(subject, step, shown, all.length - shown.length),
    wide: null,
  };
}

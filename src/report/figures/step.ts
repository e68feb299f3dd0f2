/** Figures 2 and 3: one step, with the accuracy of each child after each rung. */
import { shownName } from '../../run/display/names.ts';
import type { Rung } from '../../search/methods/method.ts';
import { methods } from '../../search/methods/table.ts';
import { validationOf, type Step } from '../../search/state.ts';
import { publishedStepFigures } from '../../study/published.ts';
import { formatPercent, plural } from '../../util/words.ts';
import { label, link, mark, segment } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { html, type Markup } from '../markup.ts';
import { childrenOf, lastAccuracy, unfinishedNote, type Child, type RunDetails } from '../run-details.ts';

/** Children drawn at most; the rest are in the table. */
const mostRows = 24;
const rowHeight = 27;

const reached = ({ accuracies }: Child): number => accuracies.filter((accuracy) => accuracy !== null).length;

/** The winner first, then by rungs completed, then by accuracy. */
export const byStatus = (children: readonly Child[]): readonly Child[] =>
  children.toSorted(
    (a, b) =>
      Number(b.status.kind === 'won') - Number(a.status.kind === 'won') ||
      reached(b) - reached(a) ||
      (lastAccuracy(b.candidate) ?? -1) - (lastAccuracy(a.candidate) ?? -1) ||
      a.candidate.child - b.candidate.child,
  );

/** `columns`: the x of the end of each rung. */
function row(child: Child, y: number, columns: readonly number[], start: number, rungs: readonly Rung[]): Markup {
  const { candidate, accuracies, unfinished, status } = child;
  const won = status.kind === 'won';
  const text = won ? 'won-text' : 'quiet';
  const count = reached(child);
  const last = count === 0 ? start : (columns[count - 1] ?? start);
  const within = unfinished === null ? 0 : unfinished.epochs / (rungs[unfinished.rung]?.epochs ?? 1);
  const end = last + within * ((columns[count] ?? last) - last);
  const isStar = won && (count === columns.length || unfinished !== null);
  const kind = isStar ? 'star' : status.kind === 'dropped' ? 'cross' : status.kind === 'lost' ? 'lost' : 'hollow';
  const points = accuracies.slice(0, count).map((accuracy, index) => {
    const x = columns[index] ?? 0;
    const isEnd = index === count - 1 && unfinished === null;
    const percent = accuracy === null ? '' : formatPercent(accuracy);
    return html`${isEnd ? null : mark('dot', x, y)}${label(x, y - 8, `small middle halo ${text}`, percent)}`;
  });
  return html`${[
    segment(`line${won ? ' won' : status.kind === 'open' ? '' : ' dropped'}`, [start, y], [end, y]),
    points,
    unfinished === null ? null : label(end, y - 8, `small middle halo ${text}`, `(${formatPercent(unfinished.accuracy)})`),
    mark(kind, end, y),
    label(start - 6, y + 4, `small end halo ${won ? 'won-text' : ''}`, candidate.id),
    status.kind === 'lost' ? label(end + 10, y + 4, 'small bad-text', 'lost') : null,
  ]}`;
}

function draw({ rungs, state, config }: RunDetails, step: Step, children: readonly Child[], more: number): Svg {
  const width = narrowWidth;
  const [parentX, start, right, top] = [14, 112, width - 34, 54];
  const columns = rungs.map((_rung, index) => start + ((right - start) * (index + 1)) / rungs.length);
  const middle = top + ((children.length - 1) * rowHeight) / 2;
  const height = top + children.length * rowHeight + (more > 0 ? 20 : 2);
  const parent = validationOf(state.search, step.parent);
  const rows = children.map((child, index) => {
    const y = top + index * rowHeight;
    const className = `line ${child.status.kind === 'won' ? 'won' : 'dropped'}`;
    return [link('across', [parentX + 6, middle], [start - 44, y], className), row(child, y, columns, start, rungs)];
  });
  const heads = rungs.map(({ size, epochs }, index) => {
    const x = columns[index] ?? 0;
    return [
      label(x, 13, 'small middle', `${size} × ${epochs}`),
      label(x, 26, 'small middle quiet', epochs === 1 ? 'epoch' : 'epochs'),
      segment('grid', [x, 32], [x, height - (more > 0 ? 22 : 8)]),
    ];
  });
  const root = [
    mark('dot', parentX, middle),
    label(4, middle - 12, 'small halo strong', shownName(config, step.parent)),
    label(4, middle + 20, 'small halo quiet', parent === null ? '' : formatPercent(parent.accuracy)),
  ];
  const rest = more > 0 ? label(start, height - 6, 'small quiet', `and ${plural(more, 'more child', 'more children')}`) : null;
  return { width, height, content: html`${heads}${rows}${root}${rest}` };
}

function describe({ candidate, accuracies, unfinished, status }: Child): string {
  const measured = accuracies.flatMap((accuracy) => (accuracy === null ? [] : [formatPercent(accuracy)]));
  if (unfinished !== null) {
    const { accuracy, epochs, rung } = unfinished;
    measured.push(`${formatPercent(accuracy)} after ${plural(epochs, 'epoch')} of rung ${rung + 1}`);
  }
  return `${candidate.id} ${measured.length === 0 ? 'not measured' : measured.join(', ')}${status.kind === 'won' ? ' (winner)' : ''}`;
}

export function stepFigure(run: RunDetails, step: Step): Figure {
  const all = byStatus(childrenOf(run, step));
  const shown = all.slice(0, mostRows);
  const { method } = run.settings;
  const { selection, training } = methods[method];
  const figure = publishedStepFigures[method];
  const lost = all.some(({ status }) => status.kind === 'lost') ? '; “lost”: training failed' : '';
  return {
    name: `step-${step.step}`,
    title: `Step ${step.step} by ${selection}`,
    alternative: `Children of ${shownName(run.config, step.parent)}, with the validation accuracy after each rung: ${shown.map(describe).join('; ')}.`,
    caption: `${figure === undefined ? '' : `As in the paper’s Figure ${figure}. `}Validation accuracy after each rung; ${training}. ★ the winner, which is the next parent; × dropped${lost}${unfinishedNote(all)}.${step.winner === null ? ' The step is not finished.' : ''}`,
    narrow: draw(run, step, shown, all.length - shown.length),
  };
}

/** Figure 4: the validation accuracy of all children over the epochs of the search, with the winners marked. */
import { shownName } from '../../run/display/names.ts';
import { validationOf, type Candidate } from '../../search/state.ts';
import { formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, letter, mark, path, percentAxis, plotArea, type PlotArea, type Point } from '../chart.ts';
import { narrowWidth, wideWidth, type Figure, type Svg } from '../figure.ts';
import { coordinate, html, type Markup } from '../markup.ts';
import { startOf, type RunDetails } from '../run-details.ts';

/** Validation accuracy by epochs since the start of the search. A child's curve begins at its parent's last accuracy. */
export function curveOf(run: RunDetails, { parent, epochs }: Candidate): readonly Point[] {
  const start = startOf(run, parent);
  const own = epochs.flatMap(({ epoch, validation }) =>
    validation === null ? [] : [{ x: start + epoch, y: validation.accuracy }],
  );
  const inherited = parent === null ? null : validationOf(run.state.search, parent);
  return inherited === null || own.length === 0 ? own : [{ x: start, y: inherited.accuracy }, ...own];
}

/** The candidates of the search: without the final training and the baseline. */
export const searchedCandidates = ({ state }: RunDetails): readonly Candidate[] =>
  [...state.search.candidates.values()].filter(({ id }) => id !== 'final' && id !== 'baseline');

interface Curve {
  readonly candidate: Candidate;
  readonly points: readonly Point[];
  readonly end: Point;
  readonly won: boolean;
}

function bands(run: RunDetails, area: PlotArea, last: number, isWide: boolean): readonly Markup[] {
  return run.state.search.steps.flatMap(({ step, parent }) => {
    const from = startOf(run, parent);
    if (from > last) return [];
    const [x0, x1] = [area.x(from), area.x(Math.min(last, from + run.stepEpochs))];
    const width = Math.max(0, Math.round(x1 - x0));
    const band = html`<rect
      class="band"
      x="${Math.round(x0)}"
      y="${area.top}"
      width="${width}"
      height="${area.bottom - area.top}"
    />`;
    const name = label((x0 + x1) / 2, area.top - 5, 'small middle quiet', isWide ? `step ${step}` : step);
    return [html`${step % 2 === 1 ? band : null}${name}`];
  });
}

/** The last winner's name and accuracy beside its end; the other names above theirs where they do not overlap. */
function winnerNames(run: RunDetails, curves: readonly Curve[], area: PlotArea): readonly (Markup | null)[] {
  let free = -Infinity;
  return curves.map(({ candidate, end }, index) => {
    const id = shownName(run.config, candidate.id);
    const [x, y] = [area.x(end.x), area.y(end.y)];
    if (index === curves.length - 1)
      return html`${label(x + 9, y - 2, 'small halo won-text', id)}${label(x + 9, y + 10, 'small halo won-text', formatPercent(end.y))}`;
    const half = (id.length * letter) / 2;
    if (x - half < free) return null;
    free = x + half;
    return label(x, y - 10, 'small halo won-text middle', id);
  });
}

function draw(run: RunDetails, width: number, height: number): Svg {
  const isWide = width > 600;
  const curves = searchedCandidates(run).flatMap((candidate): Curve[] => {
    const points = curveOf(run, candidate);
    const end = points.at(-1);
    return end === undefined ? [] : [{ candidate, points, end, won: run.winners.has(candidate.id) }];
  });
  const accuracies = curves.flatMap(({ points }) => points.map(({ y }) => y));
  const last = Math.max(1, ...curves.map(({ end }) => end.x));
  const xAxis = { domain: [0, last], title: 'epochs of the winner’s lineage', ticks: isWide ? 12 : 6, format: String } as const;
  const yAxis = percentAxis('validation accuracy, %', domainOf(accuracies, 0.06, 0.02), 6);
  const area = plotArea(width, height, xAxis, yAxis, { right: 62 });
  // Closer stars would hide the curve.
  const hasDots = area.x(1) - area.x(0) >= 5;
  const dot = ({ x, y }: Point): Markup =>
    html`<circle class="star" cx="${coordinate(area.x(x))}" cy="${coordinate(area.y(y))}" r="2" />`;
  // Winners are drawn last.
  const lines = curves
    .toSorted((a, b) => Number(a.won) - Number(b.won))
    .map(({ candidate: { id, end: reason }, points, end, won }) => {
      const kind = won ? 'star' : reason === null ? 'hollow' : reason.kind === 'lost' ? 'lost' : 'cross';
      return [
        path(area, points, `line ${won ? 'won' : 'dropped'}`),
        won && hasDots ? points.slice(1, -1).map(dot) : null,
        mark(kind, area.x(end.x), area.y(end.y), `${shownName(run.config, id)}: ${formatPercent(end.y)}`),
      ];
    });
  const winners = curves.filter(({ won }) => won);
  return {
    width,
    height,
    content: html`${bands(run, area, last, isWide)}${area.axes}${lines}${winnerNames(run, winners, area)}`,
  };
}

export function validationFigure(run: RunDetails): Figure | null {
  const measured = searchedCandidates(run).filter(({ epochs }) => epochs.some(({ validation }) => validation !== null));
  if (measured.length === 0) return null;
  const winners = [...run.winners].map((id) => {
    const validation = validationOf(run.state.search, id);
    return `${shownName(run.config, id)} ${validation === null ? 'not measured' : formatPercent(validation.accuracy)}`;
  });
  return {
    name: 'validation',
    title: 'Validation accuracy of all children',
    alternative: `Validation accuracy over the epochs of the search, ${plural(measured.length, 'network')}. The winners: ${winners.join(', ')}.`,
    caption: `As in the paper’s Figure 4: accuracy on clean validation images after each epoch. The thick line connects the winners: ${winners.join(' → ')}. Each child begins at its parent’s accuracy, since a morphism preserves the function; a drop after that comes from the restart of the learning rate. × dropped.`,
    narrow: draw(run, narrowWidth, 320),
    wide: draw(run, wideWidth, 380),
  };
}

/** Figure 4: the validation accuracy of all children over the epochs of the search, the winner's line marked. */
import { validationOf, type Candidate } from '../../search/state.ts';
import { formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, letter, mark, path, percentAxis, plane, type Point } from '../chart.ts';
import { narrowWidth, wideWidth, type Drawing, type Figure } from '../figure.ts';
import { html } from '../markup.ts';
import { startOf, type Subject } from '../subject.ts';

/** A line's measured epochs along the search; a child's begins where its parent stood. */
export function curveOf(subject: Subject, line: Candidate): readonly Point[] {
  const { search } = subject.state;
  const start = startOf(subject, line.parent);
  const own = line.epochs.flatMap(({ epoch, validation }) =>
    validation === null ? [] : [{ x: start + epoch, y: validation.accuracy }],
  );
  const inherited = line.parent === null ? null : validationOf(search, line.parent);
  return inherited === null || own.length === 0 ? own : [{ x: start, y: inherited.accuracy }, ...own];
}

/** The lines of the search: without the final training and the baseline. */
export const searchedCandidates = ({ state }: Subject): readonly Candidate[] =>
  [...state.search.candidates.values()].filter(({ id }) => id !== 'final' && id !== 'baseline');

function draw(subject: Subject, width: number, height: number): Drawing {
  const { state, winners, stepEpochs } = subject;
  const { search } = state;
  const lines = searchedCandidates(subject).map((line) => ({ line, points: curveOf(subject, line), won: winners.has(line.id) }));
  const drawn = lines.filter(({ points }) => points.length > 0);
  const values = drawn.flatMap(({ points }) => points.map(({ y }) => y));
  const last = drawn.reduce((most, { points }) => Math.max(most, points.at(-1)?.x ?? 0), 1);
  const area = plane(
    width,
    height,
    { domain: [0, last], title: 'epochs along the winner’s line', ticks: width > 600 ? 12 : 6, format: String },
    percentAxis('validation accuracy, %', domainOf(values, 0.06, 0.02), 6),
    { right: 62 },
  );
  // Nearer to each other than this, stars would hide their line.
  const roomy = area.x(1) - area.x(0) >= 5;
  const bands = search.steps.flatMap(({ step, parent }) => {
    const from = startOf(subject, parent);
    if (from > last) return [];
    const [x0, x1] = [area.x(from), area.x(Math.min(last, from + stepEpochs))];
    return [
      html`${step % 2 === 1 ? html`<rect class="band" x="${Math.round(x0)}" y="${area.top}" width="${Math.max(0, Math.round(x1 - x0))}" height="${area.bottom - area.top}" />` : null}${label((x0 + x1) / 2, area.top - 5, 'small middle quiet', width > 600 ? `step ${step}` : step)}`,
    ];
  });
  const curves = drawn
    .toSorted((a, b) => Number(a.won) - Number(b.won))
    .map(({ line, points, won }) => {
      const end = points.at(-1) as Point;
      const [x, y] = [area.x(end.x), area.y(end.y)];
      const title = `${line.id}: ${formatPercent(end.y)}`;
      const ending = won
        ? mark('star', x, y, title)
        : mark(line.end?.kind === 'lost' ? 'lost' : line.end === null ? 'hollow' : 'cross', x, y, title);
      return html`${path(area, points, `line ${won ? 'won' : 'dropped'}`)}${won ? (roomy ? points.slice(1, -1) : []).map((point) => html`<circle class="star" cx="${area.x(point.x).toFixed(1)}" cy="${area.y(point.y).toFixed(1)}" r="2" />`) : null}${ending}`;
    });
  // The last winner's name and accuracy beside its end, the others' names above theirs where there is room for them.
  const ends = drawn.filter(({ won }) => won).map(({ line, points }) => ({ line, end: points.at(-1) as Point }));
  let free = -Infinity;
  const names = ends.map(({ line, end }, index) => {
    const [x, y] = [area.x(end.x), area.y(end.y)];
    if (index === ends.length - 1)
      return html`${label(x + 9, y - 2, 'small halo won-text', line.id)}${label(x + 9, y + 10, 'small halo won-text', formatPercent(end.y))}`;
    const half = (line.id.length * letter) / 2;
    if (x - half < free) return null;
    free = x + half;
    return label(x, y - 10, 'small halo won-text middle', line.id);
  });
  return { width, height, content: html`${bands}${area.axes}${curves}${names}` };
}

export function validationFigure(subject: Subject): Figure | null {
  const drawn = searchedCandidates(subject).filter((line) => line.epochs.some(({ validation }) => validation !== null));
  if (drawn.length === 0) return null;
  const { state, winners } = subject;
  const story = [...winners].map((id) => {
    const measured = validationOf(state.search, id);
    return `${id} ${measured === null ? 'not measured' : formatPercent(measured.accuracy)}`;
  });
  return {
    name: 'validation',
    title: 'Validation accuracy of all children',
    alternative: `Validation accuracy over the epochs of the search, ${plural(drawn.length, 'network')}. The winners' line: ${story.join(', ')}.`,
    caption: html`As the paper’s Figure 4. Clean validation images, after each epoch. The thick line with stars leads through the
    winners: ${story.join(' → ')}. Each child begins where its parent stood, since a morphism keeps the function; what follows is
    the learning rate’s restart. × dropped.`,
    narrow: draw(subject, narrowWidth, 320),
    wide: draw(subject, wideWidth, 380),
  };
}

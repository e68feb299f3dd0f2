/** The family of a run: each step's children below their parent, the winners' line marked. */
import { scalePoint } from 'd3-scale';
import { linkVertical } from 'd3-shape';
import { candidateOf, startWords, validationOf } from '../../search/state.ts';
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { label, mark } from '../chart.ts';
import { narrowWidth, wideWidth, type Drawing, type Figure } from '../figure.ts';
import { coordinate, html, type Markup } from '../markup.ts';
import { childrenOf, lastAccuracy, type Child, type Subject } from '../subject.ts';

const generation = 84;
/** A child with its number and its accuracy needs so much. */
const roomy = 38;

const link = (x0: number, y0: number, x1: number, y1: number): string =>
  (linkVertical()({ source: [x0, y0], target: [x1, y1] }) ?? '').replaceAll(/\d+\.\d+/g, (number) => coordinate(Number(number)));

function node({ line, fate }: Child, x: number, y: number, wide: boolean): Markup {
  const accuracy = lastAccuracy(line);
  const won = fate.kind === 'won';
  const words = accuracy === null ? 'not measured' : formatPercent(accuracy);
  const title = `${line.id}: ${words}, ${formatCount(line.parameters)} parameters`;
  const kind = won
    ? 'star'
    : fate.kind === 'dropped' || fate.kind === 'stopped'
      ? 'cross'
      : fate.kind === 'lost'
        ? 'lost'
        : 'hollow';
  const below = accuracy === null ? (fate.kind === 'lost' ? 'lost' : '–') : (100 * accuracy).toFixed(1);
  const text = html`${label(x, y + 20, `small middle halo ${won ? 'won-text' : ''}`, below)}${label(x, y + 32, 'small middle halo quiet', formatCount(line.parameters))}`;
  return html`${mark(kind, x, y, title)}${wide ? text : null}`;
}

function draw(subject: Subject, width: number): Drawing {
  const { search } = subject.state;
  const vanilla = candidateOf(search, 'vanilla');
  const measured = validationOf(search, 'vanilla');
  const left = 46;
  const places = new Map<string, { readonly x: number; readonly y: number }>();
  places.set('vanilla', { x: (left + width) / 2, y: 34 });
  const generations = search.steps.map((step, index): Markup => {
    const children = childrenOf(subject, step);
    const y = 34 + (index + 1) * generation;
    const across = scalePoint(step.children, [left, width - 6]).padding(0.5);
    const parent = places.get(step.parent) ?? { x: (left + width) / 2, y: y - generation };
    const wide = across.step() >= roomy;
    for (const id of step.children) places.set(id, { x: across(id) ?? left, y });
    const ordered = children.toSorted((a, b) => Number(a.fate.kind === 'won') - Number(b.fate.kind === 'won'));
    const links = ordered.map(({ line, fate }) => {
      const place = places.get(line.id) ?? parent;
      const className = `line ${subject.winners.has(line.id) && fate.kind === 'won' ? 'won' : 'dropped'}`;
      return html`<path
        class="${className}"
        d="${link(parent.x, parent.y + (step.parent === 'vanilla' ? 22 : 36), place.x, y - 8)}"
      />`;
    });
    const nodes = children.map((child) => node(child, places.get(child.line.id)?.x ?? left, y, wide));
    return html`${links}${nodes}${label(4, y + 4, 'small quiet', `step ${step.step}`)}`;
  });
  const top = places.get('vanilla') ?? { x: 0, y: 0 };
  const words = `${measured === null ? '' : `${formatPercent(measured.accuracy)}, `}${formatCount(vanilla.parameters)}`;
  const root = html`${mark('star', top.x, top.y, startWords(search))}${label(top.x, top.y - 16, 'small middle strong', 'vanilla')}${label(top.x, top.y + 18, 'small middle halo quiet', words)}`;
  return { width, height: 34 + search.steps.length * generation + 40, content: html`${generations}${root}` };
}

export function treeFigure(subject: Subject): Figure | null {
  const { steps } = subject.state.search;
  if (steps.length === 0) return null;
  const story = steps.map(
    ({ step, parent, children, winner }) =>
      `step ${step}: ${plural(children.length, 'child', 'children')}, ${winner === null ? 'not over' : winner === parent ? 'it ended with its parent' : `${winner} won`}`,
  );
  return {
    name: 'family',
    title: 'The family',
    alternative: `The ${startWords(subject.state.search)} and the children of each step. ${story.join('; ')}.`,
    caption: html`Under each child its last validation accuracy in %, and its parameters. From left to right in the order they
    were drawn; the first is the parent itself, trained on. ★ and the thick line: winners. × dropped on the way.`,
    narrow: draw(subject, narrowWidth),
    wide: draw(subject, wideWidth),
  };
}

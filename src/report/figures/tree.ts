/** The family tree: each step's children below their parent, with the winners marked. */
import { shownName, startPhrase } from '../../run/display/names.ts';
import { scalePoint } from 'd3-scale';
import { candidateOf, validationOf } from '../../search/state.ts';
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { label, link, mark } from '../chart.ts';
import { narrowWidth, wideWidth, type Figure, type Svg } from '../figure.ts';
import { html, type Markup } from '../markup.ts';
import { childrenOf, lastAccuracy, type Child, type ChildStatus, type RunDetails } from '../run-details.ts';

const stepHeight = 84;
/** Width that a child with its numbers needs. */
const labelledWidth = 38;

const marks: { readonly [K in ChildStatus['kind']]: 'star' | 'cross' | 'lost' | 'hollow' } = {
  won: 'star',
  dropped: 'cross',
  stopped: 'cross',
  lost: 'lost',
  undrawn: 'hollow',
  open: 'hollow',
};

function node({ candidate, status: { kind } }: Child, x: number, y: number, isLabelled: boolean): Markup {
  const { id, parameters } = candidate;
  const accuracy = lastAccuracy(candidate);
  const percent = accuracy === null ? 'not measured' : formatPercent(accuracy);
  const below = accuracy === null ? (kind === 'lost' ? 'lost' : '–') : (100 * accuracy).toFixed(1);
  const labels = [
    label(x, y + 20, `small middle halo ${kind === 'won' ? 'won-text' : ''}`, below),
    label(x, y + 32, 'small middle halo quiet', formatCount(parameters)),
  ];
  const title = `${id}: ${percent}, ${formatCount(parameters)} parameters`;
  return html`${mark(marks[kind], x, y, title)}${isLabelled ? labels : null}`;
}

function draw(run: RunDetails, width: number): Svg {
  const { search } = run.state;
  const { parameters } = candidateOf(search, 'vanilla');
  const measured = validationOf(search, 'vanilla');
  const left = 46;
  const top = { x: (left + width) / 2, y: 34 };
  const places = new Map([['vanilla', top]]);
  const steps = search.steps.map((step, index): Markup => {
    const children = childrenOf(run, step);
    const y = top.y + (index + 1) * stepHeight;
    const across = scalePoint(step.children, [left, width - 6]).padding(0.5);
    const parent = places.get(step.parent) ?? { x: top.x, y: y - stepHeight };
    const from: [number, number] = [parent.x, parent.y + (step.parent === 'vanilla' ? 22 : 36)];
    for (const id of step.children) places.set(id, { x: across(id) ?? left, y });
    const xOf = ({ candidate: { id } }: Child): number => places.get(id)?.x ?? left;
    // The winner's link is drawn last.
    const links = children
      .toSorted((a, b) => Number(a.status.kind === 'won') - Number(b.status.kind === 'won'))
      .map((child) => {
        const won = child.status.kind === 'won' && run.winners.has(child.candidate.id);
        return link('down', from, [xOf(child), y - 8], `line ${won ? 'won' : 'dropped'}`);
      });
    const nodes = children.map((child) => node(child, xOf(child), y, across.step() >= labelledWidth));
    return html`${links}${nodes}${label(4, y + 4, 'small quiet', `step ${step.step}`)}`;
  });
  const numbers = `${measured === null ? '' : `${formatPercent(measured.accuracy)}, `}${formatCount(parameters)}`;
  const root = [
    mark('star', top.x, top.y, startPhrase(run.config, search)),
    label(top.x, top.y - 16, 'small middle strong', shownName(run.config, 'vanilla')),
    label(top.x, top.y + 18, 'small middle halo quiet', numbers),
  ];
  return { width, height: 74 + search.steps.length * stepHeight, content: html`${steps}${root}` };
}

export function treeFigure(run: RunDetails): Figure | null {
  const { steps } = run.state.search;
  if (steps.length === 0) return null;
  const outcomes = steps.map(({ step, parent, children, winner }) => {
    const outcome = winner === null ? 'not finished' : winner === parent ? 'the parent was kept' : `${winner} won`;
    return `step ${step}: ${plural(children.length, 'child', 'children')}, ${outcome}`;
  });
  return {
    name: 'family',
    title: 'The family tree',
    alternative: `The ${startPhrase(run.config, run.state.search)} and the children of each step. ${outcomes.join('; ')}.`,
    caption:
      'Below each child are its last validation accuracy in % and its parameters. Children are in the order of sampling; the first is the parent without mutations. ★ and the thick line: winners. × dropped.',
    narrow: draw(run, narrowWidth),
    wide: draw(run, wideWidth),
  };
}

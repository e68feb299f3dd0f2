/** The family tree: each child of each step, what was done to it, how right it was, where it ended, and what changed. */
import { methods } from '../../search/methods/table.ts';
import { describeEdit, toleranceOf } from '../../morphism/operators.ts';
import { shortEdits } from '../../morphism/short.ts';
import { formatRungs } from '../../search/rungs.ts';
import { candidateOf, startWords, type Candidate, type Step, networkOf } from '../../search/state.ts';
import { formatCount, formatPercent, formatWhole, plural } from '../../util/words.ts';
import { compareNetworks, summaryOf, type Difference } from '../compare.ts';
import { inlineSvg } from '../figure.ts';
import type { Figures } from '../figures.ts';
import { drawNetwork } from '../graph.ts';
import { html, type Markup } from '../markup.ts';
import { childrenOf, unfinishedWords, type Child, type Subject } from '../subject.ts';
import { anchorOf, figureHtml, folded, scrolling, section, type Place } from './parts.ts';

/** Characters of drawn differences at most: the rest of the children are told in words. */
const drawingBudget = 1_200_000;

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** What its numbers do not say of its end. */
function endOf({ fate }: Child): Markup | null {
  switch (fate.kind) {
    case 'won':
    case 'dropped':
      return null;
    case 'lost':
      return html`<br /><span class="bad">lost: ${firstLine(fate.reason)}</span>`;
    case 'undrawn':
      return html`, <em>not drawn: not trained</em>`;
    case 'open':
      return html`, <em>in training</em>`;
    case 'stopped':
      return html`, <em>the step was cut short</em>`;
  }
}

/** `link`: where a child is shown; null: nowhere else. */
function row(child: Child, place: Place, link: ((id: string) => string) | null): Markup {
  const { line, accuracies, unfinished, fate } = child;
  const won = fate.kind === 'won';
  const cells = accuracies.map((accuracy, rung) => {
    const dropped = fate.kind === 'dropped' && fate.rung === rung;
    const so = unfinished?.rung === rung ? unfinished : null;
    return html`<td class="number">
      ${accuracy !== null ? (100 * accuracy).toFixed(1) : so === null ? '' : html`<span class="quiet" title="after ${plural(so.epochs, 'epoch')} of this rung">(${(100 * so.accuracy).toFixed(1)})</span>`}${dropped ? html`<span class="mark" title="dropped here"> ×</span>` : null}
    </td>`;
  });
  return html`<tbody class="${won ? 'winner' : ''}" id="${anchorOf(place, line.id)}">
    <tr>
      <th scope="row">${won ? '★\u00a0' : ''}${link === null ? line.id : html`<a href="${link(line.id)}">${line.id}</a>`}</th>
      ${cells}
      <td class="number">${formatCount(line.parameters)}</td>
    </tr>
    <tr class="operators">
      <td colspan="${accuracies.length + 1}">${shortEdits(line.edits)}${endOf(child)}</td>
      <td class="number">${formatCount(line.multiplyAdds)}</td>
    </tr>
  </tbody>`;
}

/** The children of a step, a row each. */
export function stepTable(
  subject: Subject,
  step: Step,
  children: readonly Child[],
  place: Place,
  link: ((id: string) => string) | null = null,
): Markup {
  const { rungs } = subject;
  const heads = rungs.map(
    ({ size, epochs }, index) =>
      html`<th scope="col" class="number">
        ${rungs.length === 1 ? 'end' : `rung ${index + 1}`}<small>${size}×${epochs}</small>
      </th>`,
  );
  return scrolling(
    `Children of step ${step.step}`,
    html`<table class="children">
      <caption>
        <span
          >Children of ${step.parent}: validation accuracy in % after each rung (children × epochs); parameters, and below them
          multiply-adds an image; the operators in their order. ★ won, × dropped there${unfinishedWords(children)}.</span
        >
      </caption>
      <thead>
        <tr>
          <th scope="col">child</th>
          ${heads}
          <th scope="col" class="number">size</th>
        </tr>
      </thead>
      ${children.map((child) => row(child, place, link))}
    </table>`,
  );
}

function certificateOf({ certificate, edits }: Candidate): Markup | null {
  if (certificate === null) return null;
  const tolerance = toleranceOf(edits);
  const { evaluation, training } = certificate;
  return html`<p class="quiet">
    Certificate: logits within ${evaluation.toExponential(1)} of the parent’s (at most ${tolerance.evaluation}), training-mode
    loss changed by ${(100 * training).toFixed(2)} % (at most ${(100 * tolerance.training).toFixed(0)} %).
  </p>`;
}

function changeOf(subject: Subject, child: Child, drawing: (difference: Difference, line: Candidate) => Markup): Markup {
  const { line } = child;
  const parent = candidateOf(subject.state.search, line.parent ?? line.id);
  if (line.edits.length === 0) return html`<p><strong>${line.id}</strong>: the parent itself, trained on.</p>`;
  const difference = compareNetworks(networkOf(subject.state.search, parent.id), networkOf(subject.state.search, line.id));
  const removed =
    difference.removed.length === 0 ? null : html`<p>Removed: ${difference.removed.map(({ id }) => id).join(', ')}.</p>`;
  return folded(
    html`<strong>${line.id}</strong>${child.fate.kind === 'won' ? ' ★' : ''} <span class="quiet">${summaryOf(difference)}</span>`,
    html`<ol class="edits">
      ${line.edits.map((edit) => html`<li>${describeEdit(edit)}</li>`)}
    </ol>`,
    removed,
    certificateOf(line),
    drawing(difference, line),
  );
}

/** Draws while there is room; the winners come first. */
function drawer(subject: Subject): (difference: Difference, line: Candidate) => Markup {
  const drawn = new Map<string, Markup>();
  let left = drawingBudget;
  const { search } = subject.state;
  const lines = search.steps
    .flatMap((step) => childrenOf(subject, step))
    .toSorted((a, b) => Number(b.fate.kind === 'won') - Number(a.fate.kind === 'won'))
    .map(({ line }) => line)
    .filter(({ edits }) => edits.length > 0);
  for (const line of lines) {
    if (left <= 0) break;
    const difference = compareNetworks(networkOf(search, line.parent ?? line.id), networkOf(search, line.id));
    const picture = inlineSvg(
      drawNetwork(networkOf(search, line.id), { folded: true, difference }),
      `The layers of ${line.id}, with what is different from ${line.parent ?? ''}: ${summaryOf(difference)}`,
    );
    left -= picture.text.length;
    drawn.set(line.id, html`<div class="graph zoomable">${scrolling(`Layers of ${line.id}`, picture)}</div>`);
  }
  return (_difference, line) =>
    drawn.get(line.id) ??
    html`<p class="quiet">Not drawn: there are too many children for one page. The operators say what was done.</p>`;
}

export function familySection(subject: Subject, figures: Figures, place: Place): Markup {
  const { steps } = subject.state.search;
  const vanilla = candidateOf(subject.state.search, 'vanilla');
  const draw = drawer(subject);
  const blocks = steps.map((step, index) => {
    const children = childrenOf(subject, step);
    const figure = figures.steps[index];
    const winner =
      step.winner === null ? 'is not over' : step.winner === step.parent ? 'ended with its parent' : `was won by ${step.winner}`;
    return html`<section class="step" aria-labelledby="${anchorOf(place, `step-${step.step}`)}">
      <h3 id="${anchorOf(place, `step-${step.step}`)}">Step ${step.step} ${winner}</h3>
      ${stepTable(subject, step, children, place)}
      <div class="figures">
        ${figure === undefined ? null : figureHtml(place, figure)}
        <div class="changes">
          <h4>What each child changed</h4>
          ${children.map((child) => changeOf(subject, child, draw))}
          <p class="legend quiet">
            <span class="key-added">+ new</span> <span class="key-altered">~ altered, grown along or rewired</span> · numbers are
            the layers’ names
          </p>
        </div>
      </div>
    </section>`;
  });
  const accuracy = vanilla.epochs.findLast(({ validation }) => validation !== null)?.validation?.accuracy;
  const { training } = methods[subject.settings.method];
  return section(
    place,
    'family',
    'The family tree',
    html`<p>
      It began with the ${startWords(subject.state.search)}: ${formatWhole(vanilla.parameters)} parameters,
      ${plural(vanilla.epochs.length, 'epoch')}${accuracy === undefined ? '' : `, ${formatPercent(accuracy)} of the validation images right`}.
      ${steps.length === 0 ? 'No step was begun.' : `Each step makes ${plural(steps[0]?.children.length ?? 0, 'child', 'children')} of the best network, the first of them the parent itself; ${training}: ${formatRungs(subject.rungs)} (children × epochs).`}
    </p>`,
    figures.family === null ? null : figureHtml(place, figures.family),
    blocks,
  );
}

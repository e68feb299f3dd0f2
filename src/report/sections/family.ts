/** The family tree: for each step, the children with their operators, accuracies and changes. */
import { shownName, startPhrase } from '../../run/display/names.ts';
import { methods } from '../../search/methods/table.ts';
import { describeEdit, toleranceOf, shortEdits } from '../../morphism/operators.ts';
import { unitOf } from '../../run/display/view.ts';
import { formatRungs } from '../../search/rungs.ts';
import { candidateOf, networkOf, type Candidate, type Step } from '../../search/state.ts';
import { formatCount, formatPercent, formatWhole, plural } from '../../util/words.ts';
import { compareNetworks, summaryOf, type Difference } from '../compare.ts';
import { inlineSvg } from '../figure.ts';
import type { Figures } from '../figures.ts';
import { drawNetwork } from '../graph.ts';
import { operatorsPart } from './operators.ts';
import { html, type Markup } from '../markup.ts';
import { childrenOf, lastAccuracy, unfinishedNote, type Child, type RunDetails } from '../run-details.ts';
import { anchorOf, figureHtml, folded, scrolling, section } from './parts.ts';

/** Characters of all graphs at most; for the other children only the operators are listed. */
const graphBudget = 1_200_000;

/** Notes on the ends of children that their numbers do not show. */
const endNotes: { readonly [K in Exclude<Child['status']['kind'], 'lost'>]: Markup | null } = {
  won: null,
  dropped: null,
  undrawn: html`, <em>not sampled for training</em>`,
  open: html`, <em>not finished</em>`,
  stopped: html`, <em>the step was stopped</em>`,
};

const endOf = ({ status }: Child): Markup | null =>
  status.kind === 'lost'
    ? html`<br /><span class="bad">lost: ${status.reason.split('\n')[0] ?? ''}</span>`
    : endNotes[status.kind];

const percent = (accuracy: number): string => (100 * accuracy).toFixed(1);

/** `link`: the address of a child's page; null where it has none. */
function row(child: Child, prefix: string, link: ((id: string) => string) | null): Markup {
  const { candidate, accuracies, unfinished, status } = child;
  const { id, parameters, multiplyAdds, edits } = candidate;
  const won = status.kind === 'won';
  const cells = accuracies.map((accuracy, rung) => {
    const dropped = status.kind === 'dropped' && status.rung === rung;
    const within =
      unfinished?.rung === rung
        ? html`<span class="quiet" title="after ${plural(unfinished.epochs, 'epoch')} of this rung"
            >(${percent(unfinished.accuracy)})</span
          >`
        : '';
    return html`<td class="number">
      ${accuracy === null ? within : percent(accuracy)}${dropped ? html`<span class="mark" title="dropped here"> ×</span>` : null}
    </td>`;
  });
  return html`<tbody class="${won ? 'winner' : ''}" id="${anchorOf(prefix, id)}">
    <tr>
      <th scope="row">${won ? '★\u00a0' : ''}${link === null ? id : html`<a href="${link(id)}">${id}</a>`}</th>
      ${cells}
      <td class="number">${formatCount(parameters)}</td>
    </tr>
    <tr class="operators">
      <td colspan="${accuracies.length + 1}">${shortEdits(edits)}${endOf(child)}</td>
      <td class="number">${formatCount(multiplyAdds)}</td>
    </tr>
  </tbody>`;
}

export function stepTable(
  { rungs, settings, config }: RunDetails,
  step: Step,
  children: readonly Child[],
  prefix: string,
  link: ((id: string) => string) | null = null,
): Markup {
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
          >Children of ${shownName(config, step.parent)}: validation accuracy in % after each rung (children ×
          ${unitOf(settings)}s), parameters, and below them the operators and the multiply-adds per image. ★ won, ×
          dropped${unfinishedNote(children)}.</span
        >
      </caption>
      <thead>
        <tr>
          <th scope="col">child</th>
          ${heads}
          <th scope="col" class="number">size</th>
        </tr>
      </thead>
      ${children.map((child) => row(child, prefix, link))}
    </table>`,
  );
}

function certificateOf({ certificate, edits }: Candidate): Markup | null {
  if (certificate === null) return null;
  const tolerance = toleranceOf(edits);
  const { evaluation, training } = certificate;
  return html`<p class="quiet">
    Certificate: logits within ${evaluation.toExponential(1)} of the parent’s (limit ${tolerance.evaluation}), loss in training
    mode within ${(100 * training).toFixed(2)} % (limit ${(100 * tolerance.training).toFixed(0)} %).
  </p>`;
}

const differenceOf = ({ state: { search } }: RunDetails, { id, parent }: Candidate): Difference =>
  compareNetworks(networkOf(search, parent ?? id), networkOf(search, id));

/** What the mutations changed. `graph`: of its network; undefined where the page has no room for it. */
function changeOf(run: RunDetails, { candidate, status }: Child, graph: Markup | undefined): Markup {
  const { id, edits } = candidate;
  if (edits.length === 0) return html`<p><strong>${id}</strong>: the parent without mutations.</p>`;
  const difference = differenceOf(run, candidate);
  const removed = difference.removed.map((each) => each.id);
  return folded(
    html`<strong>${id}</strong>${status.kind === 'won' ? ' ★' : ''} <span class="quiet">${summaryOf(difference)}</span>`,
    html`<ol class="edits">
      ${edits.map((edit) => html`<li>${describeEdit(edit)}</li>`)}
    </ol>`,
    removed.length === 0 ? null : html`<p>Removed: ${removed.join(', ')}.</p>`,
    certificateOf(candidate),
    graph ?? html`<p class="quiet">No graph: the page would become too large.</p>`,
  );
}

/** Graphs of mutated children by id, winners first, as many as the page has room for. */
function graphsOf(run: RunDetails): ReadonlyMap<string, Markup> {
  const graphs = new Map<string, Markup>();
  let left = graphBudget;
  const { search } = run.state;
  const children = search.steps
    .flatMap((step) => childrenOf(run, step))
    .toSorted((a, b) => Number(b.status.kind === 'won') - Number(a.status.kind === 'won'));
  for (const { candidate } of children.filter((child) => child.candidate.edits.length > 0)) {
    if (left <= 0) break;
    const { id, parent } = candidate;
    const difference = differenceOf(run, candidate);
    const svg = inlineSvg(
      drawNetwork(networkOf(search, id), { folded: true, difference }),
      `The layers of ${id}, compared with ${parent === null ? '' : shownName(run.config, parent)}: ${summaryOf(difference)}`,
    );
    left -= svg.text.length;
    graphs.set(id, html`<div class="graph zoomable">${scrolling(`Layers of ${id}`, svg)}</div>`);
  }
  return graphs;
}

export function familySection(run: RunDetails, figures: Figures, prefix: string): Markup {
  const { search } = run.state;
  const { steps } = search;
  const graphs = graphsOf(run);
  const blocks = steps.map((step, index) => {
    const { step: number, parent, winner } = step;
    const children = childrenOf(run, step);
    const figure = figures.steps[index];
    const anchor = anchorOf(prefix, `step-${number}`);
    return html`<section class="step" aria-labelledby="${anchor}">
      <h3 id="${anchor}">
        Step ${number}: ${winner === null ? 'not finished' : winner === parent ? 'the parent was kept' : `${winner} won`}
      </h3>
      ${stepTable(run, step, children, prefix)}
      <div class="figures">
        ${figure === undefined ? null : figureHtml(prefix, figure)}
        <div class="changes">
          <h4>Changes of each child</h4>
          ${children.map((child) => changeOf(run, child, graphs.get(child.candidate.id)))}
          <p class="legend quiet">
            <span class="key-added">+ new</span> <span class="key-altered">~ changed, or other inputs or shapes</span> · numbers
            are layer ids
          </p>
        </div>
      </div>
    </section>`;
  });
  const start = candidateOf(search, 'vanilla');
  const accuracy = lastAccuracy(start);
  const { settings } = run;
  const unit = unitOf(settings);
  const { training, continuous } = methods[settings.method];
  const unmutated = continuous ? '' : ', the first without mutations';
  const plan =
    steps.length === 0
      ? 'There was no step.'
      : `Each step has ${plural(steps[0]?.children.length ?? 0, 'child', 'children')} of the current parent${unmutated}; ${training}: ${formatRungs(run.rungs)} (children × ${unit}s).`;
  return section(
    prefix,
    'family',
    'The family tree',
    html`<p>
      The search started from the ${startPhrase(run.config, search)}: ${formatWhole(start.parameters)} parameters,
      ${plural(start.epochs.length, unit)}${accuracy === null ? '' : `, validation accuracy ${formatPercent(accuracy)}`}. ${plan}
    </p>`,
    figures.family === null ? null : figureHtml(prefix, figures.family),
    blocks,
    operatorsPart(run, figures.operators, prefix),
  );
}

/** What the operators of a run gained, and what mutations were chosen by where that is learned. */
import { placeWords } from '../figures/operators.ts';
import type { Figure } from '../figure.ts';
import { html, type Content, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';
import { shortNumber } from '../chart.ts';
import { figureHtml, folded, numbers, scrollingTable, texts } from './parts.ts';

/** The expectations that the last step was sampled by; null where mutations are chosen by their weights alone. */
export function expectedTable({ state }: RunDetails): Markup | null {
  const step = state.search.steps.findLast(({ expected }) => expected !== undefined);
  if (step?.expected === undefined) return null;
  const rows = step.expected.map(({ operator, place, gain, children, factor }): readonly Content[] => [
    operator,
    place === null ? 'anywhere' : placeWords(place),
    `${gain < 0 ? '−' : '+'}${Math.abs(100 * gain).toFixed(2)}`,
    shortNumber(children),
    `×${factor.toFixed(2)}`,
  ]);
  const columns = [...texts('operator', 'place'), ...numbers('expected gain, %', 'children', 'likelier by')];
  const caption = `What the mutations of step ${step.step} were chosen by: the gain that is expected, after recorded runs and this run's children, and the factor by which the operator, or the place within it, was likelier than by its weight alone`;
  return scrollingTable('Choice of mutations', caption, columns, rows);
}

export const operatorsPart = (run: RunDetails, figure: Figure | null, prefix: string): Markup | null => {
  const expected = expectedTable(run);
  return figure === null && expected === null
    ? null
    : html`<div class="figures">
        ${figure === null ? null : figureHtml(prefix, figure)}${expected === null ? null : folded('How mutations were chosen', expected)}
      </div>`;
};

/** The figures of the search and of the final training. */
import { agreementsOf } from '../agreement.ts';
import { formatCorrelation } from '../figures/agreement.ts';
import type { Figures } from '../figures.ts';
import { html, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';
import { figureHtml, folded, numbers, scrollingTable, section, texts } from './parts.ts';

const correlationText = (value: number | null, children: number): string =>
  value !== null ? formatCorrelation(value) : children < 3 ? 'too few' : 'all tied';

function agreementTable(run: RunDetails): Markup | null {
  const rows = agreementsOf(run).flatMap(({ from, to, steps }) =>
    steps.map(({ step, before, kendall, spearman, pairs: { concordant, discordant, tied } }) => [
      `${from} → ${to}`,
      step,
      before.length,
      `${concordant} / ${discordant} / ${tied}`,
      correlationText(kendall, before.length),
      correlationText(spearman, before.length),
    ]),
  );
  if (rows.length === 0) return null;
  const columns = [...texts('from → to'), ...numbers('step', 'children', 'pairs', 'Kendall’s τ-b', 'Spearman’s ρ')];
  const caption = 'Children that trained to both points; pairs: concordant / discordant / tied';
  return folded('Rank correlations as a table', scrollingTable('Rank correlations', caption, columns, rows));
}

export function curvesSection(run: RunDetails, figures: Figures, prefix: string): Markup {
  const { validation, size, agreement, final, learningRate } = figures;
  const small = [size, agreement, final, learningRate].filter((figure) => figure !== null);
  return section(
    prefix,
    'curves',
    'Training curves',
    validation === null ? html`<p>No validation accuracy has been measured yet.</p>` : figureHtml(prefix, validation),
    html`<div class="figures">${small.map((figure) => figureHtml(prefix, figure))}</div>`,
    agreementTable(run),
  );
}

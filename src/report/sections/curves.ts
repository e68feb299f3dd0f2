/** The figures of the search and of the final training. */
import { agreementsOf } from '../agreement.ts';
import { formatCorrelation } from '../figures/agreement.ts';
import type { Figures } from '../figures.ts';
import { html, type Markup } from '../markup.ts';
import type { Subject } from '../subject.ts';
import { figureHtml, folded, scrolling, section, table, type Place } from './parts.ts';

const said = (value: number | null, children: number): string =>
  value !== null ? formatCorrelation(value) : children < 3 ? 'too few' : 'all tied';

function agreementTable(subject: Subject): Markup | null {
  const rows = agreementsOf(subject).flatMap(({ from, to, steps }) =>
    steps.map(({ step, before, kendall, spearman, pairs: { alike, otherwise, tied } }) => [
      `${from} → ${to}`,
      step,
      before.length,
      `${alike} / ${otherwise} / ${tied}`,
      said(kendall, before.length),
      said(spearman, before.length),
    ]),
  );
  if (rows.length === 0) return null;
  return folded(
    'Rank correlations as a table',
    scrolling(
      'Rank correlations',
      table(
        'Orders of the children that trained in both; pairs alike, otherwise, tied',
        [
          { title: 'from → to' },
          { title: 'step', numeric: true },
          { title: 'children', numeric: true },
          { title: 'pairs', numeric: true },
          { title: 'Kendall’s τ-b', numeric: true },
          { title: 'Spearman’s ρ', numeric: true },
        ],
        rows,
      ),
    ),
  );
}

export function curvesSection(subject: Subject, figures: Figures, place: Place): Markup {
  const { validation, size, agreement, final, learningRate } = figures;
  const small = [size, agreement, final, learningRate].filter((figure) => figure !== null);
  return section(
    place,
    'curves',
    'The curves',
    validation === null ? html`<p>No accuracy has been measured yet.</p>` : figureHtml(place, validation),
    html`<div class="figures">${small.map((figure) => figureHtml(place, figure))}</div>`,
    agreementTable(subject),
  );
}

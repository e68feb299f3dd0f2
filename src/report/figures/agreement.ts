/** The rank correlation of each rung's order with later ones, by step. */
import { agreementsOf, type Agreement } from '../agreement.ts';
import { label, mark, plane, swarm } from '../chart.ts';
import { narrowWidth, type Drawing, type Figure } from '../figure.ts';
import { html, type Markup } from '../markup.ts';
import type { Subject } from '../subject.ts';

const rowHeight = 38;

export const formatCorrelation = (value: number): string => (value < 0 ? '−' : '') + Math.abs(value).toFixed(2);

/** Pairs that kept their order, of those that are no tie. */
export function formatPairs({ pooled: { alike, otherwise, tied } }: Agreement): string {
  return `${alike} of ${alike + otherwise} ${alike + otherwise === 1 ? 'pair' : 'pairs'} kept${tied === 0 ? '' : `, ${tied} tied`}`;
}

export function agreementDrawing(agreements: readonly Agreement[]): Drawing {
  const width = narrowWidth;
  const height = 58 + agreements.length * rowHeight;
  const area = plane(
    width,
    height,
    { domain: [-1, 1], title: 'Kendall’s τ-b', ticks: 5, format: (value) => String(value).replace('-', '−') },
    { domain: [0, 1], title: '', ticks: 0, format: String },
    { left: 172, top: 14, right: 20 },
  );
  const rows = agreements.map((agreement, index): Markup => {
    const y = area.top + (index + 0.5) * rowHeight;
    const dots = agreement.steps.flatMap(({ step, kendall, before }) => (kendall === null ? [] : [{ step, kendall, before }]));
    const heights = swarm(
      dots.map(({ kendall }) => area.x(kendall)),
      6.5,
      13,
    );
    const { alike, otherwise } = agreement.pooled;
    const pooled = alike + otherwise === 0 ? null : (alike - otherwise) / (alike + otherwise);
    return html`<line
        class="grid"
        x1="${area.left}"
        x2="${area.right}"
        y1="${y}"
        y2="${y}"
      />${label(area.left - 12, y - 1, 'small end', `${agreement.from} → ${agreement.to}`)}${label(area.left - 12, y + 12, 'small end quiet', formatPairs(agreement))}${dots.map(({ step, kendall, before }, at) => mark('dot', area.x(kendall), y + (heights[at] ?? 0), `step ${step}: τ-b ${formatCorrelation(kendall)}, ${before.length} children`))}${pooled === null ? null : html`<rect class="bar won" x="${(area.x(pooled) - 1.5).toFixed(1)}" y="${y - 14}" width="3" height="28" />`}`;
  });
  const zero = html`<line class="axis" x1="${area.x(0)}" x2="${area.x(0)}" y1="${area.top}" y2="${area.bottom}" />`;
  return { width, height, content: html`${area.axes}${zero}${rows}` };
}

export function agreementFigure(subject: Subject): Figure | null {
  const agreements = agreementsOf(subject);
  if (agreements.length === 0) return null;
  const words = agreements.map((agreement) => `${agreement.from} to ${agreement.to}: ${formatPairs(agreement)}`);
  return {
    name: 'agreement',
    title: 'What an early order is worth',
    alternative: `Rank correlation between the orders of children at two points of a step. ${words.join('; ')}.`,
    caption: html`Whether children stood in the same order later. A dot is a step with at least three children that trained in
    both (τ-b, ties accounted for); the bar pools the pairs of all steps (alike − otherwise, over both). After a rung only its
    survivors can be compared: they were the closest to each other, so these numbers are lower than they would be over all
    children.${subject.rungs.length > 1 ? ' One child alone reaches the end of a step; there is no order to compare with.' : ''}`,
    narrow: agreementDrawing(agreements),
    wide: null,
  };
}

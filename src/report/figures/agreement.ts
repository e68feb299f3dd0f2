/** The rank correlation of each rung's order with later ones, by step. */
import { plural } from '../../util/words.ts';
import { agreementsOf, type Agreement } from '../agreement.ts';
import { label, mark, rowPlot, segment, swarm } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { html, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';

const rowHeight = 38;

export const formatCorrelation = (value: number): string => (value < 0 ? '−' : '') + Math.abs(value).toFixed(2);

/** Concordant pairs, of those without a tie. */
function formatPairs({ pooled: { concordant, discordant, tied } }: Agreement): string {
  return `${concordant} of ${plural(concordant + discordant, 'pair')} kept${tied === 0 ? '' : `, ${tied} tied`}`;
}

function draw(agreements: readonly Agreement[]): Svg {
  const formatTick = (value: number): string => String(value).replace('-', '−');
  const xAxis = { domain: [-1, 1], title: 'Kendall’s τ-b', ticks: 5, format: formatTick } as const;
  const area = rowPlot(narrowWidth, agreements.length, rowHeight, xAxis, 172);
  const rows = agreements.map((agreement, index): Markup => {
    const { from, to, steps, pooled } = agreement;
    const y = area.rowAt(index);
    const dots = steps.flatMap(({ step, kendall, before }) => (kendall === null ? [] : [{ step, kendall, before }]));
    const places = dots.map(({ kendall }) => area.x(kendall));
    const offsets = swarm(places, 6.5, 13);
    const points = dots.map(({ step, kendall, before }, at) => {
      const title = `step ${step}: τ-b ${formatCorrelation(kendall)}, ${before.length} children`;
      return mark('dot', places[at] ?? 0, y + (offsets[at] ?? 0), title);
    });
    const pairs = pooled.concordant + pooled.discordant;
    const x = area.x((pooled.concordant - pooled.discordant) / Math.max(1, pairs)) - 1.5;
    const bar = html`<rect class="bar won" x="${x.toFixed(1)}" y="${y - 14}" width="3" height="28" />`;
    const names = [
      label(area.left - 12, y - 1, 'small end', `${from} → ${to}`),
      label(area.left - 12, y + 12, 'small end quiet', formatPairs(agreement)),
    ];
    return html`${names}${points}${pairs === 0 ? null : bar}`;
  });
  const zero = segment('axis', [area.x(0), area.top], [area.x(0), area.bottom]);
  return { width: narrowWidth, height: area.height, content: html`${area.axes}${zero}${rows}` };
}

interface AgreementFigure {
  readonly name: string;
  readonly title: string;
  /** Whose steps these are, such as `, over 8 runs of SHR`. */
  readonly scope: string;
  readonly note: string;
}

/** Null where no two points of a step can be compared. */
export function figureOfAgreements(
  agreements: readonly Agreement[],
  { name, title, scope, note }: AgreementFigure,
): Figure | null {
  if (agreements.length === 0) return null;
  const pairs = agreements.map((agreement) => `${agreement.from} to ${agreement.to}: ${formatPairs(agreement)}`);
  return {
    name,
    title,
    alternative: `Rank correlation between the orders of children at two points of a step${scope}. ${pairs.join('; ')}.`,
    caption: `Each dot is a step with at least three children that trained to both points (Kendall’s τ-b). The bar pools the pairs of all steps: concordant minus discordant, divided by their sum.${note}`,
    narrow: draw(agreements),
    wide: null,
  };
}

export function agreementFigure(run: RunDetails): Figure | null {
  const { rungs } = run;
  return figureOfAgreements(agreementsOf(run), {
    name: 'agreement',
    title: 'Early rungs and the final order',
    scope: '',
    note:
      (rungs.length > 1
        ? ' Only children that went on to the later rung can be compared. They were close to each other, so the correlations are lower than they would be over all children.'
        : '') +
      (rungs.length > 1 && rungs.at(-1)?.size === 1
        ? ' One child reaches the end of the step, so there is no order to compare there.'
        : ''),
  });
}

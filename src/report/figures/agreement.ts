/**
 * Do early rungs predict the final order (the paper's §5)? Rank correlations between the accuracies of children at two points of
 * a step. Only children that trained to both points can be compared: those that looked best at the first.
 */
import { accuraciesAfter, candidateOf } from '../../search/state.ts';
import { kendall, pairsOf, spearman, type Pairs } from '../../study/statistics.ts';
import { plural } from '../../util/words.ts';
import { label, mark, rowPlot, segment, swarm } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { html, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';

/** Accuracies of the same children at two points of one step. */
export interface StepAgreement {
  readonly step: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly pairs: Pairs;
  /** Null for fewer than three children, or all ties. */
  readonly kendall: number | null;
  readonly spearman: number | null;
}

/** Two points of a step, such as the ends of two rungs, compared in each step. */
export interface Agreement {
  readonly from: string;
  readonly to: string;
  readonly steps: readonly StepAgreement[];
  /** Over the steps; pairs are compared only within one. */
  readonly pooled: Pairs;
}

export function agreementOf(from: string, to: string, steps: readonly StepAgreement[]): Agreement {
  const sum = (kind: keyof Pairs): number => steps.reduce((total, { pairs }) => total + pairs[kind], 0);
  const pooled = { concordant: sum('concordant'), discordant: sum('discordant'), tied: sum('tied') };
  return { from, to, steps, pooled };
}

/** Where a step has one rung: after these shares of its epochs. */
const shares = [1 / 8, 1 / 4, 1 / 2];

/** The points of a step: the ends of its rungs. `epochs`: since the point before. The last is the end of the step. */
function pointsOf({ rungs, stepEpochs }: RunDetails): readonly { readonly name: string; readonly epochs: number }[] {
  if (rungs.length > 1)
    return rungs.map(({ epochs }, index) => ({ name: index === rungs.length - 1 ? 'the end' : `rung ${index + 1}`, epochs }));
  const early = [...new Set(shares.map((share) => Math.max(1, Math.floor(share * stepEpochs))))];
  return [...early.filter((epoch) => epoch < stepEpochs), stepEpochs].map((epoch, index) => ({
    name: epoch === stepEpochs ? 'the end' : `epoch ${epoch}`,
    epochs: epoch - (index === 0 ? 0 : (early[index - 1] ?? 0)),
  }));
}

/** Each point with each later one, where at least two children of some step can be compared. */
export function agreementsOf(run: RunDetails): readonly Agreement[] {
  const { search } = run.state;
  const points = pointsOf(run);
  const steps = search.steps.map(({ step, children }) => ({
    step,
    accuracies: children.map((id) => accuraciesAfter(points, candidateOf(search, id))),
  }));
  return points.flatMap(({ name: from }, early) =>
    points.slice(early + 1).flatMap(({ name: to }, after): Agreement[] => {
      const compared = steps.flatMap(({ step, accuracies }): StepAgreement[] => {
        const both = accuracies.flatMap((each): (readonly [number, number])[] => {
          const [a, b] = [each[early] ?? null, each[early + 1 + after] ?? null];
          return a === null || b === null ? [] : [[a, b]];
        });
        if (both.length < 2) return [];
        const [first, second] = [both.map(([value]) => value), both.map(([, value]) => value)];
        const correlations = { kendall: kendall(first, second), spearman: spearman(first, second) };
        return [{ step, before: first, after: second, pairs: pairsOf(first, second), ...correlations }];
      });
      return compared.length === 0 ? [] : [agreementOf(from, to, compared)];
    }),
  );
}

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
    const dots = steps.flatMap(({ step, kendall: tau, before }) => (tau === null ? [] : [{ step, tau, before }]));
    const places = dots.map(({ tau }) => area.x(tau));
    const offsets = swarm(places, 6.5, 13);
    const points = dots.map(({ step, tau, before }, at) => {
      const title = `step ${step}: τ-b ${formatCorrelation(tau)}, ${before.length} children`;
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

/** Null where no two points of a step can be compared. `scope`: whose steps these are, such as `, over 8 runs of SHR`. */
export function figureOfAgreements(
  agreements: readonly Agreement[],
  { name, title, scope, note }: { readonly [K in 'name' | 'title' | 'scope' | 'note']: string },
): Figure | null {
  if (agreements.length === 0) return null;
  const pairs = agreements.map((agreement) => `${agreement.from} to ${agreement.to}: ${formatPairs(agreement)}`);
  return {
    name,
    title,
    alternative: `Rank correlation between the orders of children at two points of a step${scope}. ${pairs.join('; ')}.`,
    caption: `Each dot is a step with at least three children that trained to both points (Kendall’s τ-b). The bar pools the pairs of all steps: concordant minus discordant, divided by their sum.${note}`,
    narrow: draw(agreements),
  };
}

export function agreementFigure(run: RunDetails): Figure | null {
  const { rungs } = run;
  const survivors =
    rungs.length > 1
      ? ' Only children that went on to the later rung can be compared. They were close to each other, so the correlations are lower than they would be over all children.'
      : '';
  const isOne = rungs.length > 1 && rungs.at(-1)?.size === 1;
  const one = isOne ? ' One child reaches the end of the step, so there is no order to compare there.' : '';
  const [title, note] = ['Early rungs and the final order', survivors + one];
  return figureOfAgreements(agreementsOf(run), { name: 'agreement', title, scope: '', note });
}

/**
 * Do early rungs predict the final order (the paper's §5)? Rank correlations between the accuracies of children at two points of
 * a step. Only children that trained to both points can be compared: those that looked best at the first.
 */
import { accuraciesAfter, candidateOf } from '../search/state.ts';
import { kendall, pairsOf, spearman, type Pairs } from '../study/statistics.ts';
import type { RunDetails } from './run-details.ts';

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

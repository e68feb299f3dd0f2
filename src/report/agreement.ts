/**
 * How well the order of children after a rung foretold a later one (the paper's §5: early rungs mislead). Only children that
 * trained in both rungs can be compared, and those are the ones that looked best before.
 */
import { candidateOf, accuraciesAfter } from '../search/state.ts';
import { kendall, pairsOf, spearman, type Pairs } from '../study/statistics.ts';
import type { Subject } from './subject.ts';

/** Accuracies of the same children, before and after. */
export interface Comparison {
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
  readonly steps: readonly Comparison[];
  /** Over the steps; pairs are compared only within one. */
  readonly pooled: Pairs;
}

const compare = (step: number, both: readonly (readonly [before: number, after: number])[]): Comparison => {
  const before = both.map(([value]) => value);
  const after = both.map(([, value]) => value);
  return {
    step,
    before,
    after,
    pairs: pairsOf(before, after),
    kendall: kendall(before, after),
    spearman: spearman(before, after),
  };
};

/** The pairs of all these steps. */
export const pooledOf = (steps: readonly Comparison[]): Pairs =>
  steps.reduce(
    (total, { pairs }) => ({
      alike: total.alike + pairs.alike,
      otherwise: total.otherwise + pairs.otherwise,
      tied: total.tied + pairs.tied,
    }),
    { alike: 0, otherwise: 0, tied: 0 },
  );

/** Where hill climbing has no rungs of its own: after these shares of a step's epochs. */
const shares = [1 / 8, 1 / 4, 1 / 2];

/** Epochs at which the order is looked at, each with its name; the last is the end of the step. */
function pointsOf({ rungs, stepEpochs }: Subject): readonly { readonly name: string; readonly epochs: number }[] {
  if (rungs.length > 1)
    return rungs.map(({ epochs }, index) => ({
      name: index === rungs.length - 1 ? 'the end' : `rung ${index + 1}`,
      epochs,
    }));
  const at = [...new Set(shares.map((share) => Math.max(1, Math.floor(share * stepEpochs))))].filter(
    (epoch) => epoch < stepEpochs,
  );
  return [...at, stepEpochs].map((epoch, index) => ({
    name: epoch === stepEpochs ? 'the end' : `epoch ${epoch}`,
    epochs: epoch - (index === 0 ? 0 : (at[index - 1] ?? 0)),
  }));
}

/** Each point against each later one, where at least two children of some step can be compared. */
export function agreementsOf(subject: Subject): readonly Agreement[] {
  const { search } = subject.state;
  const points = pointsOf(subject);
  const steps = search.steps.map(({ step, children }) => ({
    step,
    accuracies: children.map((id) => accuraciesAfter(points, candidateOf(search, id))),
  }));
  return points.flatMap(({ name: from }, early) =>
    points.slice(early + 1).flatMap(({ name: to }, after): Agreement[] => {
      const late = early + 1 + after;
      const compared = steps.flatMap(({ step, accuracies }): Comparison[] => {
        const both = accuracies.flatMap((each): (readonly [number, number])[] => {
          const [a, b] = [each[early] ?? null, each[late] ?? null];
          return a === null || b === null ? [] : [[a, b]];
        });
        return both.length < 2 ? [] : [compare(step, both)];
      });
      return compared.length === 0 ? [] : [{ from, to, steps: compared, pooled: pooledOf(compared) }];
    }),
  );
}

/**
 * Grow: one training in which the network grows. The learning rate warms up with the start network, stays while the network grows, and
 * falls to zero in the final training; the optimizer's states go on from parent to child. The size of each step follows from the limit
 * of multiply-adds; the children of a step have that size, see the same minibatches, and compete by their losses. The first is its
 * parent widened evenly: an only child grows without selection. Where the parent was much better than every child of a step is, it goes
 * on itself; growth ends when that happens twice in a row.
 */
import type { OperatorWeights } from '../../morphism/operators.ts';
import { candidateOf, type CandidateId, type SearchState } from '../state.ts';
import type { LearningRate, Method, OpenStep, Rung } from './method.ts';
import type { StepSettings } from '../step-settings.ts';

const operators: OperatorWeights = Object.freeze({ widen: 3, 'insert-convolution': 1 });

/** The plateau. */
const constant: LearningRate = { restart: 'step', segment: ({ rate }) => ({ kind: 'constant', rate }) };

const rungs = ({ children, epochs }: StepSettings): readonly Rung[] => [
  { size: children, epochs: Math.floor(epochs / children) },
];

/** Of the size that a step aims at: the least and the most that its children have. */
const tolerance = { least: 0.95, most: 1.05 };

/**
 * What the parent's loss before the step is below the lowest of its children, relative, where it goes on. A short step at a constant
 * rate costs every child something, which a long training wins back many times (LOG.md).
 */
const lead = 0.05;

/** Losses that are this near, relative to the better one, count as equal. */
const margin = 0.002;

/** The mean of the last training and validation losses: both are noisy, and the candidates of a step saw the same minibatches. */
function lossOf(state: SearchState, id: CandidateId): number {
  const last = candidateOf(state, id).epochs.at(-1);
  return last === undefined ? Infinity : (last.loss + (last.validation?.loss ?? last.loss)) / 2;
}

/** The cheapest of those whose loss is about the lowest. */
function selected(state: SearchState, ids: readonly CandidateId[]): CandidateId | null {
  const lowest = Math.min(...ids.map((id) => lossOf(state, id)));
  const near = ids.filter((id) => lossOf(state, id) <= lowest * (1 + margin));
  const cost = (id: CandidateId): number => candidateOf(state, id).multiplyAdds;
  return near.toSorted((a, b) => cost(a) - cost(b) || lossOf(state, a) - lossOf(state, b))[0] ?? null;
}

/** All children train, and the one of the lowest loss goes on; or the parent, where it is preferred. */
export const compete =
  (prefersParent: (step: OpenStep, best: CandidateId | null) => boolean): Method['advance'] =>
  (open) => {
    const { state, step, isDone } = open;
    const left = step.children.filter((id) => candidateOf(state, id).end === null);
    const training = left.filter((id) => !isDone(id, 0));
    if (training.length === 0) {
      const best = selected(state, left);
      return { kind: 'select', candidate: prefersParent(open, best) ? null : best };
    }
    return { kind: 'train', entries: training.map((candidate) => ({ candidate, rung: 0, beside: step.children.length })) };
  };

export const grow: Method = {
  label: 'Grow',
  summary: 'one training in which the network grows; children compete briefly',
  selection: 'competition of equal sizes',
  training: 'all see the same minibatches, and the one of lowest loss goes on',
  role: 'search',
  grows: true,
  continuous: true,
  tunes: false,
  shrinks: false,
  parentWins: 2,
  fewestChildren: 1,
  operators,
  learningRate: constant,
  start({ settings: { children }, step, multiplyAdds, limits }) {
    const { multiplyAdds: most, steps } = limits;
    if (most === null || steps === null) return { children, trained: null, unmutated: true };
    const aim = multiplyAdds * (most / multiplyAdds) ** (1 / Math.max(1, steps - step + 1));
    const size = { of: 'multiply-adds', least: tolerance.least * aim, most: tolerance.most * aim } as const;
    return { children, trained: null, size, unmutated: false };
  },
  rungs,
  fewestEpochs: ({ children }) => children,
  advance: compete(({ state, step }, best) => best !== null && lossOf(state, best) * (1 - lead) > lossOf(state, step.parent)),
};

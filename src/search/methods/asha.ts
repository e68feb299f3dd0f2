/**
 * ASHA, asynchronous successive halving by promotion: Li et al., “A System for Massively Parallel Hyperparameter Tuning”, 2020,
 * Algorithm 2. There is no barrier between rungs: an idle worker promotes the best candidate that may be promoted, else starts a new
 * child, the most expensive one first. Each promotion is an event, so that the search that is resumed has the same candidates in training.
 */
import { bestWithin, rank } from '../ranking.ts';
import { candidateOf, type CandidateId } from '../state.ts';
import type { StepSettings } from '../step-settings.ts';
import type { Entry, Method, OpenStep, Rung } from './method.ts';
import { shr } from './shr.ts';

/**
 * Rungs at most. A candidate trains η^(R−1) times as long in all as in its first rung, and the one that is promoted last trains
 * alone: more rungs would leave workers idle.
 */
const mostRungs = 3;

/** n, ⌊n/η⌋, … as long as η candidates or more are left; at least two rungs. */
const sizesOf = ({ children, eta }: StepSettings): readonly number[] => {
  const sizes = [children];
  for (let size = Math.floor(children / eta); sizes.length < 2 || (size >= eta && sizes.length < mostRungs);) {
    sizes.push(Math.max(1, size));
    size = Math.floor(size / eta);
  }
  return sizes;
};

/** Epochs of a rung where the first has one: a candidate has ηᵏ in all at the end of rung k. */
const shareOf = (eta: number, rung: number): number => (rung === 0 ? 1 : eta ** rung - eta ** (rung - 1));

/** Epochs over all candidates where the first rung has one. */
const unitOf = (step: StepSettings): number => sizesOf(step).reduce((sum, size, rung) => sum + size * shareOf(step.eta, rung), 0);

function rungsOf(step: StepSettings): readonly Rung[] {
  const first = Math.floor(step.epochs / unitOf(step));
  return sizesOf(step).map((size, rung) => ({ size, epochs: first * shareOf(step.eta, rung) }));
}

/** A candidate that entered the step and was not lost: it has ended all rungs before the one that it entered last. */
interface Entered {
  readonly candidate: CandidateId;
  readonly rung: number;
  readonly hasEnded: boolean;
}

/** The rung that each candidate entered last. */
const lastRungs = ({ promotions }: OpenStep['step']): ReadonlyMap<CandidateId, number> =>
  new Map(promotions.map(({ candidate, rung }) => [candidate, rung]));

/** In the order of their last promotions. */
const enteredOf = ({ state, step, isDone }: OpenStep, last: ReadonlyMap<CandidateId, number>): readonly Entered[] =>
  step.promotions
    .filter(({ candidate, rung }) => last.get(candidate) === rung && candidateOf(state, candidate).end === null)
    .map(({ candidate, rung }) => ({ candidate, rung, hasEnded: isDone(candidate, rung) }));

interface Promotion {
  readonly candidate: CandidateId;
  readonly rung: number;
}

/** The best candidate of a rung that is among the best ⌊m/η⌋ of the m that ended it, and was not promoted yet: the highest rung first. */
function promotable({ state, settings, rungs }: OpenStep, entered: readonly Entered[]): Promotion | null {
  for (let rung = rungs.length - 2; rung >= 0; rung--) {
    const promoted = entered.filter((each) => each.rung > rung).map(({ candidate }) => candidate);
    const waiting = entered.filter((each) => each.rung === rung && each.hasEnded).map(({ candidate }) => candidate);
    const epochs = rungs.slice(0, rung + 1).reduce((sum, each) => sum + each.epochs, 0);
    const places = Math.floor((promoted.length + waiting.length) / settings.eta);
    const candidate = bestWithin(state, waiting, promoted, epochs, places);
    if (candidate !== null) return { candidate, rung: rung + 1 };
  }
  return null;
}

/** The most expensive child that has not started: one that starts last would end long after the others. */
function freshChild({ state, step }: OpenStep, started: ReadonlyMap<CandidateId, number>): Promotion | null {
  let [candidate, most] = [null as CandidateId | null, -1];
  for (const id of step.children) {
    if (started.has(id)) continue;
    const { multiplyAdds } = candidateOf(state, id);
    if (multiplyAdds > most) [candidate, most] = [id, multiplyAdds];
  }
  return candidate === null ? null : { candidate, rung: 0 };
}

export const asha: Method = {
  ...shr,
  label: 'ASHA',
  summary: 'asynchronous successive halving: no barrier between rungs, for many workers',
  selection: 'asynchronous successive halving',
  training: 'the better ones are promoted as soon as a worker is idle',
  rungs: rungsOf,
  fewestEpochs: unitOf,
  advance(open) {
    const { state, step } = open;
    const last = lastRungs(step);
    const entered = enteredOf(open, last);
    const entries = entered
      .filter(({ hasEnded }) => !hasEnded)
      .map(({ candidate, rung }): Entry => ({ candidate, rung, beside: step.children.length }));
    const next = promotable(open, entered) ?? freshChild(open, last);
    const event = next === null ? null : ({ type: 'promotion', step: step.step, line: next.candidate, rung: next.rung } as const);
    if (entries.length > 0) return { kind: 'train', entries, ...(event === null ? {} : { whenIdle: event }) };
    if (event !== null) return { kind: 'record', event };
    const top = Math.max(...entered.map(({ rung }) => rung));
    const finalists = entered.filter(({ rung }) => rung === top).map(({ candidate }) => candidate);
    return { kind: 'select', candidate: rank(state, finalists)[0] ?? null };
  },
};

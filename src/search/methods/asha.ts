/**
 * ASHA, asynchronous successive halving by promotion: Li et al., “A System for Massively Parallel Hyperparameter Tuning”, 2020,
 * Algorithm 2. There is no barrier between rungs: an idle worker promotes the best candidate that may be promoted, else starts a new
 * child, the most expensive one first. Each promotion is an event, so that the search that is resumed has the same candidates in training.
 */
import { rankAfter } from '../ranking.ts';
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

/** The best candidate of a rung that is among the best ⌊m/η⌋ of the m that ended it, and was not promoted yet: the highest rung first. */
function promotable({ state, step, settings, rungs, isDone }: OpenStep): { candidate: CandidateId; rung: number } | null {
  for (let rung = rungs.length - 2; rung >= 0; rung--) {
    const entered = (at: number): readonly CandidateId[] =>
      step.promotions.filter((each) => each.rung === at).map(({ candidate }) => candidate);
    const ended = entered(rung).filter((id) => candidateOf(state, id).end === null && isDone(id, rung));
    const promoted = new Set(entered(rung + 1));
    const epochs = rungs.slice(0, rung + 1).reduce((sum, each) => sum + each.epochs, 0);
    const best = rankAfter(state, ended, epochs).slice(0, Math.floor(ended.length / settings.eta));
    const candidate = best.find((id) => !promoted.has(id));
    if (candidate !== undefined) return { candidate, rung: rung + 1 };
  }
  return null;
}

/** The most expensive child that has not started: one that starts last would end long after the others. */
function freshChild({ state, step }: OpenStep): { candidate: CandidateId; rung: number } | null {
  const started = new Set(step.promotions.map(({ candidate }) => candidate));
  let [candidate, most] = [null as CandidateId | null, -1];
  for (const id of step.children) {
    const { multiplyAdds } = candidateOf(state, id);
    if (!started.has(id) && multiplyAdds > most) [candidate, most] = [id, multiplyAdds];
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
    const { state, step, isDone } = open;
    const entries = step.promotions
      .filter(({ candidate, rung }) => candidateOf(state, candidate).end === null && !isDone(candidate, rung))
      .map(({ candidate, rung }): Entry => ({ candidate, rung, beside: step.children.length }));
    const next = promotable(open) ?? freshChild(open);
    const event = next === null ? null : ({ type: 'promotion', step: step.step, line: next.candidate, rung: next.rung } as const);
    if (entries.length > 0) return { kind: 'train', entries, ...(event === null ? {} : { whenIdle: event }) };
    if (event !== null) return { kind: 'record', event };
    const left = step.promotions.filter(({ candidate }) => candidateOf(state, candidate).end === null);
    const top = Math.max(...left.map(({ rung }) => rung));
    const finalists = left.filter(({ rung }) => rung === top).map(({ candidate }) => candidate);
    return { kind: 'select', candidate: rankAfter(state, finalists, Infinity)[0] ?? null };
  },
};

/** Successive halving with a barrier after each rung: Algorithm 1, §4.2.2. Hill climbing is its case of one rung. */
import { rank } from '../ranking.ts';
import { candidateOf } from '../state.ts';
import type { StepSettings } from '../step-settings.ts';
import type { Advance, OpenStep, Rung, StepQuestion } from './method.ts';

/** n, ⌈n/η⌉, … 1. */
export function rungSizes({ children, eta }: Pick<StepSettings, 'children' | 'eta'>): readonly number[] {
  const sizes = [children];
  for (let size = children; size > 1;) sizes.push((size = Math.ceil(size / eta)));
  return sizes;
}

/** Each of R rungs has E/R epochs for its n_r candidates: ⌊E/(R·n_r)⌋ each (Algorithm 1, and epochs/steps of §3.3.2 for the last). */
export const equalShares = (epochs: number, sizes: readonly number[]): readonly Rung[] =>
  sizes.map((size) => ({ size, epochs: Math.floor(epochs / (sizes.length * size)) }));

/** R·n. */
export const fewestForShares = (sizes: readonly number[]): number => sizes.length * (sizes[0] ?? 0);

export const halvingRungs = (step: StepSettings): readonly Rung[] => equalShares(step.epochs, rungSizes(step));
export const fewestForHalving = (step: StepSettings): number => fewestForShares(rungSizes(step));

/** All that are left train in the rung; when they are done the best go on, as many as the next rung has room for. */
export function advanceRungs({ state, step, rungs, isDone }: OpenStep): Advance {
  const rung = step.rungs.length;
  const entered = rung === 0 ? step.children : (step.rungs[rung - 1]?.survivors ?? []);
  const left = entered.filter((id) => candidateOf(state, id).end === null);
  if (rung === rungs.length || left.length === 0) return { kind: 'select', candidate: rank(state, left)[0] ?? null };
  const open = left.filter((id) => !isDone(id, rung));
  if (open.length > 0) {
    const beside = rungs[rung]?.size ?? 1;
    return { kind: 'train', entries: open.map((candidate) => ({ candidate, rung, beside })) };
  }
  const room = rungs[rung + 1]?.size ?? 1;
  const ranked = rank(state, left);
  const [survivors, dropped] = [ranked.slice(0, room), ranked.slice(room)];
  return { kind: 'record', event: { type: 'rung', step: step.step, rung, survivors, dropped } };
}

/** All children compete. */
export const allCompete = ({ settings: { children } }: StepQuestion) => ({ children, trained: null, unmutated: true }) as const;

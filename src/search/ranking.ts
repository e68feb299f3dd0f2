/** The ranking of candidates: the next parent, and the best network so far. Pure. */
import type { Measured } from '../training/job.ts';
import type { SearchEvent } from './events.ts';
import { nonDominated, type Objectives } from './front.ts';
import { candidateOf, rightShare, validationOf, type CandidateId, type SearchState, type Validated } from './state.ts';

function lexicographically(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : (a[at] as number) - (b[at] as number);
}

/** Less is better, number by number. */
function scoreAfter(state: SearchState, id: CandidateId, epochs: number): readonly number[] {
  const { parameters, child } = candidateOf(state, id);
  const measured = validationOf(state, id, epochs);
  return [measured === null ? 0 : -rightShare(measured), measured?.loss ?? Infinity, parameters, child];
}

/** Better first, as validated in the first so many epochs: accuracy, then lower loss, fewer parameters, lower index. */
export function rankAfter(state: SearchState, ids: readonly CandidateId[], epochs: number): readonly CandidateId[] {
  const scored = ids.map((id) => ({ id, score: scoreAfter(state, id, epochs) }));
  return scored.toSorted((a, b) => lexicographically(a.score, b.score)).map(({ id }) => id);
}

/** The best of these by the same order, where it has one of the first places among these and the others; otherwise null. */
export function bestWithin(
  state: SearchState,
  ids: readonly CandidateId[],
  others: readonly CandidateId[],
  epochs: number,
  places: number,
): CandidateId | null {
  let best: { readonly id: CandidateId; readonly score: readonly number[] } | null = null;
  for (const id of ids) {
    const score = scoreAfter(state, id, epochs);
    if (best === null || lexicographically(score, best.score) < 0) best = { id, score };
  }
  if (best === null) return null;
  const { id, score } = best;
  const better = others.filter((other) => lexicographically(scoreAfter(state, other, epochs), score) < 0);
  return better.length < places ? id : null;
}

/** The same by the last validation of each. */
export const rank = (state: SearchState, ids: readonly CandidateId[]): readonly CandidateId[] => rankAfter(state, ids, Infinity);

/** The parent of the next step, and of the final training if the search ends now. */
export function currentParent(state: SearchState): CandidateId {
  return state.steps.findLast((step) => step.winner !== null)?.winner ?? 'vanilla';
}

/** The steps, up to the last one, that the parent has won against mutated children: as it was, or as a child without mutations. */
export function winsOfParent(state: SearchState): number {
  const isMutated = (id: CandidateId): boolean => candidateOf(state, id).edits.length > 0;
  const isParent = ({ winner, children, parent }: SearchState['steps'][number]): boolean =>
    winner !== null && children.some(isMutated) && (winner === parent || (children.includes(winner) && !isMutated(winner)));
  const last = state.steps.findLastIndex((step) => !isParent(step));
  return state.steps.length - 1 - last;
}

/** The part of the final training's schedule that is done, 0 to 1. */
function progressOf({ segments, tasks }: SearchState): number {
  const done = segments.final.map(({ from, to, count }, index) =>
    // The learning rate has not begun to fall in a warm-up.
    from > to ? 0 : from + (to - from) * ((tasks.get(`final/${index}`) ?? 0) / count),
  );
  return done.findLast((_value, index) => tasks.has(`final/${index}`)) ?? 0;
}

/**
 * Whether the final network is ahead of the best so far, though it is not validated: by the last training losses of it and of what it
 * began with, once the learning rate has fallen for half of its schedule.
 */
function isAhead(search: SearchState): boolean {
  // Where it is validated, that decides.
  if (search.candidates.get('final')?.epochs.some(({ validation }) => validation !== null) === true) return false;
  const last = (id: CandidateId): number | undefined => search.candidates.get(id)?.epochs.at(-1)?.loss;
  const [final, before] = [last('final'), search.stop === null ? undefined : last(search.stop.line)];
  return final !== undefined && before !== undefined && final < before && progressOf(search) >= 0.5;
}

export interface BestNetwork {
  readonly candidate: CandidateId;
  readonly checkpoint: string;
  /** Null of the final network, which is trained on the validation images too, and of one that was not validated. */
  readonly validation: Measured | null;
}

/**
 * The best network so far, to be written: the best validated one, until the final training has ended or is ahead. Null before there is any, and where a search that was reopened keeps its earlier final network on disk until it ends again.
 */
export function bestNetwork(search: SearchState): BestNetwork | null {
  const end = search.segments.final.at(-1);
  const done = search.tasks.get(`final/${search.segments.final.length - 1}`) ?? 0;
  const isEnded = end !== undefined && end.to >= 1 && done >= end.count;
  const final = search.candidates.get('final')?.checkpoint ?? null;
  if (final !== null && (isEnded || search.undone)) return { candidate: 'final', checkpoint: final, validation: null };
  if (search.readings > 0) return null;
  if (final !== null && isAhead(search)) return { candidate: 'final', checkpoint: final, validation: null };
  if (search.best !== null) return search.best;
  // A start network that was not validated, in a run of an earlier version.
  const parent = search.candidates.has('vanilla') ? (search.stop?.line ?? currentParent(search)) : null;
  const checkpoint = parent === null ? null : candidateOf(search, parent).checkpoint;
  return parent === null || checkpoint === null
    ? null
    : { candidate: parent, checkpoint, validation: validationOf(search, parent) };
}

export const bestCandidate = (search: SearchState): CandidateId | null => bestNetwork(search)?.candidate ?? null;

/** The checkpoint that is a candidate's result: the best validated one where it is the best network so far or on the front, otherwise the latest. */
export function resultOf(
  search: SearchState,
  id: CandidateId,
): { readonly checkpoint: string | null; readonly validation: Measured | null } {
  const best = bestNetwork(search);
  if (best?.candidate === id) return best;
  const onFront = search.front.find(({ candidate }) => candidate === id);
  if (onFront !== undefined) return onFront;
  return { checkpoint: candidateOf(search, id).checkpoint, validation: validationOf(search, id) };
}

/** A network on the front of a run. */
export interface FrontNetwork extends Objectives {
  readonly candidate: CandidateId;
  readonly checkpoint: string;
  /** What its accuracy is of. The final network is trained on the validation images too, unless it is validated. */
  readonly part: 'validation' | 'test';
}

/** The validated networks and the tested final one, of which none is better in everything; the smallest first. */
export function frontOf(search: SearchState): readonly FrontNetwork[] {
  const validated = search.front.map(({ candidate, checkpoint, accuracy, parameters, multiplyAdds }) => {
    return { candidate, checkpoint, part: 'validation', accuracy, parameters, multiplyAdds } as const;
  });
  const [final, test] = [search.candidates.get('final'), search.tests.get('final')];
  const isValidated = validated.some(({ candidate }) => candidate === 'final');
  if (final === undefined || final.checkpoint === null || test === undefined || isValidated) return nonDominated(validated);
  const { checkpoint, parameters, multiplyAdds } = final;
  const accuracy = rightShare(test.measured);
  return nonDominated([...validated, { candidate: 'final', checkpoint, part: 'test', accuracy, parameters, multiplyAdds }]);
}

/** The candidate that a search goes on with which is cut short in a step: the best by the last validations, the parent included. */
function furthest(state: SearchState): CandidateId {
  const open = state.steps.find((step) => step.winner === null);
  const children = (open?.children ?? []).filter(
    (id) => candidateOf(state, id).end === null && candidateOf(state, id).epochs.length > 0,
  );
  return rank(state, [currentParent(state), ...children])[0] ?? currentParent(state);
}

/**
 * The end of a search whose time is over. The final training starts from the best network so far; in a continuous search, which has one
 * schedule and is validated at a high rate, from a candidate as it is.
 */
export function stopForTime(state: SearchState, continuous: boolean): Extract<SearchEvent, { type: 'stop' }> {
  const { best } = state;
  if (continuous || best === null) return { type: 'stop', reason: 'time', line: furthest(state) };
  const { candidate, checkpoint } = best;
  const isLatest = candidateOf(state, candidate).checkpoint === checkpoint;
  return { type: 'stop', reason: 'time', line: candidate, ...(isLatest ? {} : { checkpoint }) };
}

/** Two networks that fine-tuning makes of one disagree about a fifth of the images (LOG.md): the variance of what they differ by, an image. */
const disagreement = 0.2;
/**
 * Images, at most, by which the final training may be behind and still counts. It wins 5 points over the head, give or take 5: weighed against
 * that, so few say nothing, however many there are.
 */
const chanceImages = 4;

/** By how many of so many images the worse of two may be ahead by chance: by two standard errors, and not more than that. */
const byChance = (images: number): number => Math.min(chanceImages, 2 * Math.sqrt(disagreement * images));

/**
 * What validated better before the final training than after it, by more images than chance explains, or before it was lost; null where nothing
 * did, or the final training is not validated. `images`: validation images.
 */
export function betterThanFinal(state: SearchState, images: number): Validated | null {
  const { bestBefore: best } = state;
  const { epochs, end } = candidateOf(state, 'final');
  if (best !== null && end !== null) return best;
  const after = epochs.at(-1)?.validation ?? null;
  if (best === null || after === null) return null;
  const behind = (rightShare(best.validation) - rightShare(after)) * images;
  return behind > byChance(images) + 1e-6 ? best : null;
}

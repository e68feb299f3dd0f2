/** The ranking of candidates: the next parent, and the best network so far. Pure. */
import { candidateOf, validationOf, type CandidateId, type SearchState } from './state.ts';

function lexicographically(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : (a[at] as number) - (b[at] as number);
}

/** Less is better, number by number. */
function scoreAfter(state: SearchState, id: CandidateId, epochs: number): readonly number[] {
  const { parameters, child } = candidateOf(state, id);
  const measured = validationOf(state, id, epochs);
  return [-(measured?.accuracy ?? 0), measured?.loss ?? Infinity, parameters, child];
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

/** The steps, up to the last one, that the parent without mutations has won against mutated children. */
export function winsOfParent(state: SearchState): number {
  const isMutated = (id: CandidateId): boolean => candidateOf(state, id).edits.length > 0;
  const isParent = ({ winner, children }: SearchState['steps'][number]): boolean =>
    winner !== null && children.includes(winner) && !isMutated(winner) && children.some(isMutated);
  const last = state.steps.findLastIndex((step) => !isParent(step));
  return state.steps.length - 1 - last;
}

/** The best network so far, to be written: the final one as soon as its schedule has ended. */
export function bestCandidate(search: SearchState): CandidateId | null {
  const finalEnd = search.segments.final.at(-1);
  const finalTask = `final/${search.segments.final.length - 1}`;
  if (finalEnd !== undefined && finalEnd.to >= 1 && (search.tasks.get(finalTask) ?? 0) >= finalEnd.count) return 'final';
  // A reopened search keeps its earlier final network on disk until it ends again.
  if (search.readings > 0) return null;
  if (search.stop !== null) return search.stop.line;
  const vanilla = search.candidates.get('vanilla');
  if (vanilla === undefined || vanilla.checkpoint === null) return null;
  const open = search.steps.find((step) => step.winner === null);
  const survivors = open?.rungs.at(-1)?.survivors ?? [];
  return rank(search, [currentParent(search), ...survivors.filter((id) => candidateOf(search, id).end === null)])[0] ?? null;
}

/** The best network of a search that stops now: among the validated candidates that are left, the parent included. */
export function bestSoFar(state: SearchState): CandidateId {
  const open = state.steps.find((step) => step.winner === null);
  const children = (open?.children ?? []).filter(
    (id) => candidateOf(state, id).end === null && candidateOf(state, id).epochs.length > 0,
  );
  return rank(state, [currentParent(state), ...children])[0] ?? currentParent(state);
}

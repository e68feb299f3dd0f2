/** A run with the values that several parts of its report need. Pure. */
import type { Condition } from '../run/record/read.ts';
import type { Config } from '../run/record/config.ts';
import { plannedSettings } from '../run/planning/budget.ts';
import type { Entry } from '../run/record/events.ts';
import type { RunState } from '../run/record/replay.ts';
import { bestCandidate, currentParent } from '../search/ranking.ts';
import { epochsOf, rungsFor } from '../search/rungs.ts';
import type { Rung } from '../search/methods/method.ts';
import type { Settings } from '../search/settings.ts';
import { methods } from '../search/methods/table.ts';
import { accuraciesAfter, lineage, candidateOf, unfinishedOf } from '../search/state.ts';
import type { Candidate, CandidateId, Step, Unfinished } from '../search/state.ts';

export interface RunRead {
  /** The folder's name. */
  readonly name: string;
  readonly config: Config;
  readonly state: RunState;
  readonly entries: readonly Entry[];
  readonly condition: Condition;
  /** Bytes of an incomplete last line of the journal. */
  readonly torn: number;
  /** The command that repeats the run. */
  readonly command: string;
}

export interface RunDetails extends RunRead {
  /** As scaled by the budget. */
  readonly settings: Settings;
  readonly rungs: readonly Rung[];
  /** Epochs that the winner of a step trains in it. */
  readonly stepEpochs: number;
  /** The start network and the winners of the steps. */
  readonly winners: ReadonlySet<CandidateId>;
  /** The best network so far: `final`, or a candidate of the search. */
  readonly best: CandidateId | null;
  /** The current parent, which the final training would start from. */
  readonly grown: CandidateId | null;
}

export function detailsOf(read: RunRead): RunDetails {
  const { config, state } = read;
  const { search } = state;
  const settings = plannedSettings(config.settings, state.plan);
  const rungs = rungsFor(settings);
  const grown = search.candidates.has('vanilla') ? (search.stop?.line ?? currentParent(search)) : null;
  const winners = new Set(grown === null ? [] : lineage(search, grown).map(({ id }) => id));
  return { ...read, settings, rungs, stepEpochs: epochsOf(rungs), winners, best: bestCandidate(search), grown };
}

export type ChildStatus =
  | { readonly kind: 'won' }
  | { readonly kind: 'dropped'; readonly rung: number }
  | { readonly kind: 'lost'; readonly reason: string }
  /** The method trains another child alone. */
  | { readonly kind: 'undrawn' }
  /** In training, or waiting. */
  | { readonly kind: 'open' }
  /** The search ended before the step did. */
  | { readonly kind: 'stopped' };

export interface Child {
  readonly candidate: Candidate;
  /** Validation accuracy at the end of each rung; null where it was not reached. */
  readonly accuracies: readonly (number | null)[];
  readonly unfinished: Unfinished | null;
  readonly status: ChildStatus;
}

function statusOf(candidate: Candidate, step: Step): ChildStatus {
  if (step.winner === candidate.id) return { kind: 'won' };
  return candidate.end ?? { kind: step.winner === null ? 'open' : 'stopped' };
}

export const childrenOf = ({ state, rungs }: RunDetails, step: Step): readonly Child[] =>
  step.children.map((id) => {
    const candidate = candidateOf(state.search, id);
    const [accuracies, unfinished] = [accuraciesAfter(rungs, candidate), unfinishedOf(rungs, candidate)];
    return { candidate, accuracies, unfinished, status: statusOf(candidate, step) };
  });

/** Epochs that the parent and its ancestors were trained for. */
export const startOf = ({ state }: RunDetails, parent: CandidateId | null): number =>
  parent === null ? 0 : lineage(state.search, parent).reduce((sum, { epochs }) => sum + (epochs.at(-1)?.epoch ?? 0), 0);

/** The candidate's own last validation accuracy, its parent's not included. */
export const lastAccuracy = ({ epochs }: Candidate): number | null =>
  epochs.findLast(({ validation }) => validation !== null)?.validation?.accuracy ?? null;

/** Whether the children of a step compete by their accuracy. */
export const competes = (method: Settings['method']): boolean => methods[method].role === 'search';

/** Explains the brackets of a figure or table in which a child is within a rung. */
export const unfinishedNote = (children: readonly Child[]): string =>
  children.some(({ unfinished }) => unfinished !== null) ? '; (in brackets) within an unfinished rung' : '';

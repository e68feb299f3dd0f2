/** A run as a report looks at it: what was replayed, and what every part of the report asks of it. Pure. */
import type { Condition } from '../run/record/condition.ts';
import type { Config } from '../run/record/config.ts';
import { plannedSettings } from '../run/planning/budget.ts';
import type { Entry } from '../run/record/events.ts';
import type { RunState } from '../run/record/replay.ts';
import { bestCandidate, currentParent } from '../search/ranking.ts';
import { rungsFor } from '../search/rungs.ts';
import type { Rung } from '../search/methods/method.ts';
import type { Settings } from '../search/settings.ts';
import { methods } from '../search/methods/table.ts';
import {
  accuraciesAfter,
  lineage,
  candidateOf,
  unfinishedOf,
  type Candidate,
  type CandidateId,
  type Step,
  type Unfinished,
} from '../search/state.ts';

/** What was read of a run. */
export interface RunRead {
  /** The folder's name. */
  readonly name: string;
  readonly config: Config;
  readonly state: RunState;
  readonly entries: readonly Entry[];
  readonly condition: Condition;
  /** Bytes of a torn last line of the journal. */
  readonly torn: number;
  /** What runs it again. */
  readonly command: string;
}

export interface Subject extends RunRead {
  /** As a budget scaled them. */
  readonly settings: Settings;
  readonly rungs: readonly Rung[];
  /** Epochs that the winner of a step is trained for in it. */
  readonly stepEpochs: number;
  /** The vanilla network and the winners since; ids. */
  readonly winners: ReadonlySet<CandidateId>;
  /** The best network so far: `final`, or a line of the search. */
  readonly best: CandidateId | null;
  /** The line that the search has come to: what the final training starts from. */
  readonly grown: CandidateId | null;
}

export function subjectOf(read: RunRead): Subject {
  const { config, state } = read;
  const { search } = state;
  const settings = plannedSettings(config.settings, state.plan);
  const rungs = rungsFor(settings);
  const grown = search.candidates.has('vanilla') ? (search.stop?.line ?? currentParent(search)) : null;
  return {
    ...read,
    settings,
    rungs,
    stepEpochs: rungs.reduce((sum, { epochs }) => sum + epochs, 0),
    winners: new Set(grown === null ? [] : lineage(search, grown).map(({ id }) => id)),
    best: bestCandidate(search),
    grown,
  };
}

/** How a child stands at the end of what is known. */
export type Fate =
  | { readonly kind: 'won' }
  | { readonly kind: 'dropped'; readonly rung: number }
  | { readonly kind: 'lost'; readonly reason: string }
  /** The method drew another one to be trained. */
  | { readonly kind: 'undrawn' }
  /** In training, or not begun. */
  | { readonly kind: 'open' }
  /** The step was cut short by the end of the search. */
  | { readonly kind: 'stopped' };

/** A child of a step. */
export interface Child {
  readonly line: Candidate;
  /** After each rung; null where it did not come so far. */
  readonly accuracies: readonly (number | null)[];
  readonly unfinished: Unfinished | null;
  readonly fate: Fate;
}

function fateOf(line: Candidate, step: Step): Fate {
  if (step.winner === line.id) return { kind: 'won' };
  if (line.end !== null) return line.end;
  return step.winner === null ? { kind: 'open' } : { kind: 'stopped' };
}

export const childrenOf = ({ state, rungs }: Subject, step: Step): readonly Child[] =>
  step.children.map((id) => {
    const line = candidateOf(state.search, id);
    return { line, accuracies: accuraciesAfter(rungs, line), unfinished: unfinishedOf(rungs, line), fate: fateOf(line, step) };
  });

/** Epochs that a line has behind it where it begins: those of all its ancestors. */
export function startOf({ state }: Subject, parent: CandidateId | null): number {
  let behind = 0;
  for (let id = parent; id !== null;) {
    const line = candidateOf(state.search, id);
    behind += line.epochs.at(-1)?.epoch ?? 0;
    id = line.parent;
  }
  return behind;
}

/** The last accuracy that the line itself was measured at. */
export const lastAccuracy = (line: Candidate): number | null =>
  line.epochs.findLast(({ validation }) => validation !== null)?.validation?.accuracy ?? null;

/** `SHR`. */
export const methodLabel = (method: Settings['method']): string => methods[method].label;

/** Whether the children of a step compete by their accuracy. */
export const competes = (method: Settings['method']): boolean => methods[method].role === 'search';

/** Of a step's figure or table, where some child stands within a rung. */
export const unfinishedWords = (children: readonly Child[]): string =>
  children.some(({ unfinished }) => unfinished !== null) ? '; (in brackets) within a rung, whose end it has not reached' : '';

/** The figure of the paper that shows a step of such a selection. */
export const paperFigure = (selection: string): 2 | 3 | null =>
  selection === 'hill climbing' ? 2 : selection === 'successive halving' ? 3 : null;

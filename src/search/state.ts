/** The state of a search: the replay of its events. Pure; it knows no clock and no disk. */
import { applyAll } from '../morphism/apply.ts';
import type { Edit } from '../morphism/edit.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import { freeze, type Network } from '../network/network.ts';
import type { Certificate, Measured } from '../training/job.ts';
import { must } from '../util/assert.ts';
import { alwaysCopied, type Copy } from '../util/copies.ts';
import type { SearchEvent } from './events.ts';

export type CandidateId = string;

export interface EpochPoint {
  /** Epochs of the line itself, from 1. */
  readonly epoch: number;
  readonly loss: number;
  readonly validation: Measured | null;
  /** Under the training augmentation; null where that was not measured. */
  readonly augmented: Measured | null;
}

/** One network in training, from its birth on. */
export interface Candidate {
  readonly id: CandidateId;
  readonly parent: CandidateId | null;
  /** 0 for the vanilla network. */
  readonly step: number;
  readonly child: number;
  readonly edits: readonly Edit[];
  /** As it was given; null where it is what the edits make of the parent's: `networkOf`. */
  readonly network: Network | null;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Of a vanilla network that was trained before: the checkpoint that its training starts from. */
  readonly origin: string | null;
  /** The latest checkpoint of its own; null before the first. */
  readonly checkpoint: string | null;
  readonly epochs: readonly EpochPoint[];
  readonly certificate: Certificate | null;
  /** Rung after which it was dropped, or why it was lost; or that the method, which draws one child, did not draw it. */
  readonly end:
    | { readonly kind: 'dropped'; readonly rung: number }
    | { readonly kind: 'lost'; readonly reason: string }
    | { readonly kind: 'undrawn' }
    | null;
}

export interface Step {
  readonly step: number;
  readonly parent: CandidateId;
  readonly children: readonly CandidateId[];
  /** Rungs that ended, with who survived. */
  readonly rungs: readonly { readonly survivors: readonly CandidateId[]; readonly dropped: readonly CandidateId[] }[];
  readonly winner: CandidateId | null;
}

export interface Segment {
  readonly rate: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly whole: boolean;
  readonly restart: boolean;
}

export interface SearchState {
  readonly candidates: ReadonlyMap<CandidateId, Candidate>;
  readonly steps: readonly Step[];
  /** Minibatches done, by task. */
  readonly tasks: ReadonlyMap<string, number>;
  /** Failed attempts, by task. */
  readonly failures: ReadonlyMap<string, number>;
  readonly stop: { readonly reason: string; readonly line: CandidateId } | null;
  readonly segments: { readonly final: readonly Segment[]; readonly baseline: readonly Segment[] };
  readonly tests: ReadonlyMap<CandidateId, { readonly measured: Measured; readonly confusion: readonly (readonly number[])[] }>;
  readonly readings: number;
  readonly finished: boolean;
}

export const emptyState: SearchState = {
  candidates: new Map(),
  steps: [],
  tasks: new Map(),
  failures: new Map(),
  stop: null,
  segments: { final: [], baseline: [] },
  tests: new Map(),
  readings: 0,
  finished: false,
};

export const candidateOf = (state: SearchState, id: CandidateId): Candidate => must(state.candidates.get(id), `line ${id}`);

function grownNetwork(parent: Network, edits: readonly Edit[]): Network {
  const grown = applyAll(parent, edits);
  if (typeof grown === 'string') throw new Error(`bug: an edit of the journal does not apply: ${grown}`);
  return grown;
}

/** What was made already: to grow the networks of a long search takes longer than all else of its replay, and few are asked for. */
const made = new WeakMap<Network, WeakMap<readonly Edit[], Network>>();

/** The network of a line, made when it is asked for. An edit that does not apply is a bug, or a journal that was tampered with. */
export function networkOf(state: SearchState, id: CandidateId): Network {
  const { network, parent, edits } = candidateOf(state, id);
  if (network !== null) return network;
  const from = networkOf(state, must(parent, `parent of ${id}`));
  if (edits.length === 0) return from;
  const known = made.get(from) ?? new WeakMap<readonly Edit[], Network>();
  const own = known.get(edits) ?? grownNetwork(from, edits);
  made.set(from, known.set(edits, own));
  return own;
}

/** The last measured validation of a line; of a child not yet measured, that of its parent. */
export function validationOf(state: SearchState, id: CandidateId): Measured | null {
  const line = candidateOf(state, id);
  const own = line.epochs.findLast((point) => point.validation !== null)?.validation ?? null;
  return own ?? (line.parent === null ? null : validationOf(state, line.parent));
}

/** What the search started from: its own network, or one that was given. */
export const startWords = ({ candidates }: SearchState): 'vanilla network' | 'given network' =>
  (candidates.get('vanilla')?.origin ?? null) === null ? 'vanilla network' : 'given network';

/** A child's validation accuracy at the end of each rung; null where it did not come to that end. */
export function accuraciesAfter(rungs: readonly { readonly epochs: number }[], line: Candidate): readonly (number | null)[] {
  let to = 0;
  return rungs.map(({ epochs }) => {
    to += epochs;
    return line.epochs.find(({ epoch }) => epoch === to)?.validation?.accuracy ?? null;
  });
}

/** Where a child stands in a rung whose end it has not reached, or never will. */
export interface Unfinished {
  /** From 0. */
  readonly rung: number;
  /** Of that rung, done. */
  readonly epochs: number;
  readonly accuracy: number;
}

/** Null at the end of a rung, and where nothing was measured since. */
export function unfinishedOf(rungs: readonly { readonly epochs: number }[], line: Candidate): Unfinished | null {
  const last = line.epochs.at(-1);
  let from = 0;
  for (const [rung, { epochs }] of rungs.entries()) {
    const done = (last?.epoch ?? 0) - from;
    if (done > 0 && done < epochs && last?.validation) return { rung, epochs: done, accuracy: last.validation.accuracy };
    from += epochs;
  }
  return null;
}

/** The line and its ancestors, the vanilla network first. */
export function lineage(state: SearchState, id: CandidateId): readonly Candidate[] {
  const line = candidateOf(state, id);
  return line.parent === null ? [line] : [...lineage(state, line.parent), line];
}

const withCandidate = (state: SearchState, line: Candidate, copy: Copy): SearchState => ({
  ...state,
  candidates: copy(state.candidates).set(line.id, line),
});

const change = (state: SearchState, id: CandidateId, fields: Partial<Candidate>, copy: Copy): SearchState =>
  withCandidate(state, { ...candidateOf(state, id), ...fields }, copy);

function newCandidate(
  fields: Pick<Candidate, 'id' | 'parent' | 'step' | 'child' | 'edits' | 'network' | 'parameters' | 'multiplyAdds'>,
): Candidate {
  return { ...fields, origin: null, checkpoint: null, epochs: [], certificate: null, end: null };
}

/** The same network under another name: what final training and baseline are. */
function continuation(state: SearchState, id: CandidateId, of: CandidateId): Candidate {
  const { parameters, multiplyAdds, step } = candidateOf(state, of);
  return newCandidate({ id, parent: of, step, child: 0, edits: [], network: null, parameters, multiplyAdds });
}

/** Without the final line, the baseline and their tasks. */
const withoutEnd = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
  new Map([...map].filter(([key]) => !/^(final|baseline)(\/|$)/.test(key)));

/** The state after an event. An event that does not fit the state is a bug, or a journal that was tampered with. `copy`: of its maps. */
export function reduce(state: SearchState, event: SearchEvent, copy: Copy = alwaysCopied): SearchState {
  switch (event.type) {
    case 'vanilla': {
      const network = freeze(event.network.nodes, event.network.nextId);
      const costs = { parameters: countParameters(network), multiplyAdds: countMultiplyAdds(network) };
      const line = newCandidate({ id: 'vanilla', parent: null, step: 0, child: 0, edits: [], network, ...costs });
      return withCandidate(state, { ...line, origin: event.from?.checkpoint ?? null }, copy);
    }
    case 'step': {
      const parent = candidateOf(state, event.parent);
      const candidates = copy(state.candidates);
      event.children.forEach(({ line, edits, parameters, multiplyAdds }, child) => {
        const isOut = event.drawn !== undefined && event.drawn !== line;
        const fields = { id: line, parent: parent.id, step: event.step, child, edits, network: null, parameters, multiplyAdds };
        candidates.set(line, { ...newCandidate(fields), end: isOut ? { kind: 'undrawn' } : null });
      });
      const step = {
        step: event.step,
        parent: parent.id,
        children: event.children.map((child) => child.line),
        rungs: [],
        winner: null,
      };
      return { ...state, candidates, steps: [...state.steps, step] };
    }
    case 'grown':
      return change(state, event.line, { certificate: event.certificate }, copy);
    case 'epoch': {
      const line = candidateOf(state, event.line);
      const { epoch, loss, validation, augmented = null } = event;
      const epochs = [...line.epochs, { epoch, loss, validation, augmented }];
      const next = change(state, event.line, { checkpoint: event.checkpoint, epochs }, copy);
      return { ...next, tasks: copy(state.tasks).set(event.task, event.done) };
    }
    case 'failed': {
      const failures = copy(state.failures).set(event.task, (state.failures.get(event.task) ?? 0) + 1);
      const next = event.retried
        ? state
        : change(state, event.line, { end: { kind: 'lost', reason: `${event.failure}: ${event.message}` } }, copy);
      return { ...next, failures };
    }
    case 'rung': {
      const { survivors, dropped } = event;
      const steps = state.steps.map((step) =>
        step.step === event.step ? { ...step, rungs: [...step.rungs, { survivors, dropped }] } : step,
      );
      let next: SearchState = { ...state, steps };
      for (const id of dropped) next = change(next, id, { end: { kind: 'dropped', rung: event.rung } }, copy);
      return next;
    }
    case 'selected':
      return { ...state, steps: state.steps.map((step) => (step.step === event.step ? { ...step, winner: event.line } : step)) };
    case 'stop': {
      // A step that was cut short ends with it: its other children are not needed any more, even where the search is reopened.
      const steps = state.steps.map((step) => (step.winner === null ? { ...step, winner: event.line } : step));
      const stop = { reason: event.reason, line: event.line };
      return { ...withCandidate(state, continuation(state, 'final', event.line), copy), steps, stop };
    }
    case 'slice': {
      const { line, rate, from, to, count, whole, restart } = event;
      // The baseline goes on from the vanilla network; `stop` made the final line.
      const known = state.candidates.has(line) ? state : withCandidate(state, continuation(state, line, 'vanilla'), copy);
      return {
        ...known,
        segments: { ...state.segments, [line]: [...state.segments[line], { rate, from, to, count, whole, restart }] },
      };
    }
    case 'test':
      return {
        ...state,
        readings: event.reading,
        tests: copy(state.tests).set(event.line, { measured: event.measured, confusion: event.confusion }),
      };
    case 'finished':
      return { ...state, finished: true };
    case 'reopened': {
      return {
        ...state,
        candidates: withoutEnd(state.candidates),
        tasks: withoutEnd(state.tasks),
        failures: withoutEnd(state.failures),
        tests: withoutEnd(state.tests),
        stop: null,
        segments: { final: [], baseline: [] },
        finished: false,
      };
    }
  }
}

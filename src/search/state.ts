/** The state of a search: the replay of its events. Pure. */
import { applyAll } from '../morphism/apply.ts';
import type { Edit } from '../morphism/edit.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import { freeze, isFrozen, type Network } from '../network/network.ts';
import type { Certificate, Failure, Measured } from '../training/job.ts';
import { must } from '../util/assert.ts';
import { alwaysCopied, type Copy } from '../util/copies.ts';
import type { SearchEvent } from './events.ts';
import { withNetwork, type Objectives } from './front.ts';

export type CandidateId = string;
type StepEvent = Extract<SearchEvent, { type: 'step' }>;

export interface EpochPoint {
  /** Epochs of the candidate itself, from 1. */
  readonly epoch: number;
  readonly loss: number;
  readonly validation: Measured | null;
  /** Under the training augmentation; null where that was not measured. */
  readonly augmented: Measured | null;
}

/** A network in training. */
export interface Candidate {
  readonly id: CandidateId;
  readonly parent: CandidateId | null;
  /** 0 for the vanilla network. */
  readonly step: number;
  readonly child: number;
  readonly edits: readonly Edit[];
  /** Of the start network; null where the edits make it from the parent's: `networkOf`. */
  readonly network: Network | null;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** The checkpoint that its training starts from, where that is not the latest of its parent: of a given start network, or `stop`. */
  readonly origin: string | null;
  /** The latest checkpoint of its own; null before the first. */
  readonly checkpoint: string | null;
  readonly epochs: readonly EpochPoint[];
  readonly certificate: Certificate | null;
  /** The rung after which it was dropped, why it was lost, or that the method trains another child alone. */
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
  /** Candidates that entered a rung one by one, in order, where the method promotes them so. */
  readonly promotions: readonly { readonly candidate: CandidateId; readonly rung: number }[];
  /** Rungs that ended, with who survived. */
  readonly rungs: readonly { readonly survivors: readonly CandidateId[]; readonly dropped: readonly CandidateId[] }[];
  readonly winner: CandidateId | null;
  /** What its mutations were chosen by, where that is learned. */
  readonly expected?: StepEvent['expected'];
}

export interface Segment {
  readonly rate: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly whole: boolean;
  readonly restart: boolean;
}

export interface Failures {
  /** All of them. */
  readonly count: number;
  /** Those of the last kind, one after another, with no epoch of progress between. */
  readonly repeated: number;
  readonly kind: Failure;
  /** Minibatches of the task that were done at the last one. */
  readonly done: number;
}

/** A candidate as it was when it was validated. */
export interface Validated {
  readonly candidate: CandidateId;
  readonly checkpoint: string;
  readonly validation: Measured;
}

/** The same, with what it is compared by on the front. */
export interface OnFront extends Validated, Objectives {}

export interface SearchState {
  readonly candidates: ReadonlyMap<CandidateId, Candidate>;
  /** The best of all validations, of dropped and lost candidates too: (balanced) accuracy, then loss. */
  readonly best: Validated | null;
  /** The same before the final training. */
  readonly bestBefore: Validated | null;
  /** Validated networks that none beats in accuracy, parameters and multiply-adds; their checkpoints are kept. */
  readonly front: readonly OnFront[];
  readonly steps: readonly Step[];
  /** Minibatches done, by task. */
  readonly tasks: ReadonlyMap<string, number>;
  /** Failed attempts, by task. */
  readonly failures: ReadonlyMap<string, Failures>;
  readonly stop: { readonly reason: string; readonly line: CandidateId } | null;
  readonly segments: { readonly final: readonly Segment[]; readonly baseline: readonly Segment[] };
  readonly tests: ReadonlyMap<CandidateId, { readonly measured: Measured; readonly confusion: readonly (readonly number[])[] }>;
  readonly readings: number;
  /** Whether the final training was taken back. */
  readonly undone: boolean;
  readonly finished: boolean;
}

export const emptyState: SearchState = {
  candidates: new Map(),
  best: null,
  bestBefore: null,
  front: [],
  steps: [],
  tasks: new Map(),
  failures: new Map(),
  stop: null,
  segments: { final: [], baseline: [] },
  tests: new Map(),
  readings: 0,
  undone: false,
  finished: false,
};

export const candidateOf = (state: SearchState, id: CandidateId): Candidate => must(state.candidates.get(id), `line ${id}`);

function grownNetwork(parent: Network, edits: readonly Edit[]): Network {
  const grown = applyAll(parent, edits);
  if (typeof grown === 'string') throw new Error(`bug: an edit of the journal does not apply: ${grown}`);
  return grown;
}

/** Networks made before: growing them takes longer than the rest of a replay, and few are needed. */
const made = new WeakMap<Network, WeakMap<readonly Edit[], Network>>();

/** The network of a candidate, made on demand. An edit that does not apply is a bug, or a damaged journal. */
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

/** The last validation of a candidate in its first so many epochs; of a child that has none, its parent's. */
export function validationOf(state: SearchState, id: CandidateId, epochs = Infinity): Measured | null {
  const { epochs: all, parent } = candidateOf(state, id);
  // Of a training that was taken back nothing is left.
  const points = id === 'final' && state.undone ? [] : all;
  const own = points.findLast((point) => point.validation !== null && point.epoch <= epochs)?.validation ?? null;
  return own ?? (parent === null ? null : validationOf(state, parent));
}

/** The start network in words: the vanilla one, the staged one (which has a frozen stem), or a given one. */
export function startWords({ candidates }: SearchState): 'vanilla network' | 'staged network' | 'given network' {
  const start = candidates.get('vanilla');
  if ((start?.origin ?? null) !== null) return 'given network';
  return start?.network?.nodes.some(({ layer }) => isFrozen(layer)) === true ? 'staged network' : 'vanilla network';
}

/** A child's validation accuracy at the end of each rung; null where it did not come to that end. */
export function accuraciesAfter(rungs: readonly { readonly epochs: number }[], line: Candidate): readonly (number | null)[] {
  let to = 0;
  return rungs.map(({ epochs }) => {
    to += epochs;
    return line.epochs.find(({ epoch }) => epoch === to)?.validation?.accuracy ?? null;
  });
}

/** The progress of a child within a rung. */
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

/** The candidate and its ancestors, the start network first. */
export function lineage(state: SearchState, id: CandidateId): readonly Candidate[] {
  const line = candidateOf(state, id);
  return line.parent === null ? [line] : [...lineage(state, line.parent), line];
}

/** The candidate that a task trains. */
export const candidateOfTask = (task: string): CandidateId => task.split('/')[0] ?? task;

/** Minibatches that these candidates themselves were trained on. */
export function minibatchesOf({ tasks }: SearchState, ...ids: readonly CandidateId[]): number {
  const own = new Set(ids);
  return [...tasks].reduce((sum, [task, done]) => (own.has(candidateOfTask(task)) ? sum + done : sum), 0);
}

const withCandidate = (state: SearchState, line: Candidate, copy: Copy): SearchState => ({
  ...state,
  candidates: copy(state.candidates).set(line.id, line),
});

const change = (state: SearchState, id: CandidateId, fields: Partial<Candidate>, copy: Copy): SearchState =>
  withCandidate(state, { ...candidateOf(state, id), ...fields }, copy);

const withStep = (state: SearchState, number: number, fields: (step: Step) => Partial<Step>): SearchState => ({
  ...state,
  steps: state.steps.map((step) => (step.step === number ? { ...step, ...fields(step) } : step)),
});

function newCandidate(
  fields: Pick<Candidate, 'id' | 'parent' | 'step' | 'child' | 'edits' | 'network' | 'parameters' | 'multiplyAdds'>,
): Candidate {
  return { ...fields, origin: null, checkpoint: null, epochs: [], certificate: null, end: null };
}

/** The same network as a candidate of its own: final training, baseline. */
function continuation(state: SearchState, id: CandidateId, of: CandidateId): Candidate {
  const { parameters, multiplyAdds, step } = candidateOf(state, of);
  return newCandidate({ id, parent: of, step, child: 0, edits: [], network: null, parameters, multiplyAdds });
}

/** Without the final line, the baseline and their tasks. */
const withoutEnd = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
  new Map([...map].filter(([key]) => !/^(final|baseline)(\/|$)/.test(key)));

const withoutFinal = (front: readonly OnFront[]): readonly OnFront[] => front.filter(({ candidate }) => candidate !== 'final');

/** The failures of a task with one more, of that kind. */
export function failuresAfter({ failures, tasks }: SearchState, task: string, kind: Failure): Failures {
  const before = failures.get(task);
  const done = tasks.get(task) ?? 0;
  const isRepeated = before !== undefined && before.kind === kind && before.done === done;
  return { count: (before?.count ?? 0) + 1, repeated: isRepeated ? before.repeated + 1 : 1, kind, done };
}

/** Those that compete to be the best so far, where they are validated: the baseline is trained for comparison. */
const competes = (id: CandidateId): boolean => id !== 'baseline';

/** What candidates are compared by: accuracy, balanced where classes count alike. */
export const rightShare = ({ balanced, accuracy }: Measured): number => balanced ?? accuracy;

/** The better of the best so far and a candidate that was validated just now. Equal ones: the earlier. */
function better(best: Validated | null, now: Validated): Validated {
  if (best === null) return now;
  const [before, after] = [best.validation, now.validation];
  const difference = rightShare(after) - rightShare(before);
  return difference > 0 || (difference === 0 && after.loss < before.loss) ? now : best;
}

/** The state after an event. An event that does not fit is a bug, or a damaged journal. `copy`: copies its maps. */
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
        promotions: [],
        rungs: [],
        winner: null,
        ...(event.expected === undefined ? {} : { expected: event.expected }),
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
      const tasks = copy(state.tasks).set(event.task, event.done);
      if (validation === null || !competes(line.id)) return { ...next, tasks };
      const { parameters, multiplyAdds } = line;
      const validated = { candidate: line.id, checkpoint: event.checkpoint, validation };
      const front = withNetwork(state.front, { ...validated, accuracy: rightShare(validation), parameters, multiplyAdds });
      return { ...next, best: better(state.best, validated), front, tasks };
    }
    case 'failed': {
      const failures = copy(state.failures).set(event.task, failuresAfter(state, event.task, event.failure));
      const next = event.retried
        ? state
        : change(state, event.line, { end: { kind: 'lost', reason: `${event.failure}: ${event.message}` } }, copy);
      return { ...next, failures };
    }
    case 'rung': {
      const { survivors, dropped } = event;
      let next = withStep(state, event.step, ({ rungs }) => ({ rungs: [...rungs, { survivors, dropped }] }));
      for (const id of dropped) next = change(next, id, { end: { kind: 'dropped', rung: event.rung } }, copy);
      return next;
    }
    case 'promotion': {
      const promotion = { candidate: event.line, rung: event.rung };
      return withStep(state, event.step, ({ promotions }) => ({ promotions: [...promotions, promotion] }));
    }
    case 'selected': {
      let next = withStep(state, event.step, () => ({ winner: event.line }));
      const { promotions } = must(state.steps.at(event.step - 1), 'step');
      // Without a barrier, all others are dropped at the end of the step, each after the last rung that it entered.
      for (const [id, rung] of new Map(promotions.map((each) => [each.candidate, each.rung])))
        if (id !== event.line && candidateOf(state, id).end === null)
          next = change(next, id, { end: { kind: 'dropped', rung } }, copy);
      return next;
    }
    case 'stop': {
      // A step that was cut short ends with it: its other children are not needed any more, even where the search is reopened.
      const steps = state.steps.map((step) => (step.winner === null ? { ...step, winner: event.line } : step));
      const stop = { reason: event.reason, line: event.line };
      const final = { ...continuation(state, 'final', event.line), origin: event.checkpoint ?? null };
      return { ...withCandidate(state, final, copy), steps, stop, bestBefore: state.best };
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
    case 'undone': {
      const { epochs } = candidateOf(state, event.line);
      const back = { ...continuation(state, event.line, event.to), checkpoint: event.checkpoint, epochs };
      return { ...withCandidate(state, back, copy), front: withoutFinal(state.front), undone: true };
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
        best: state.bestBefore ?? state.best,
        bestBefore: null,
        front: withoutFinal(state.front),
        segments: { final: [], baseline: [] },
        undone: false,
        finished: false,
      };
    }
  }
}

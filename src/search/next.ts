/**
 * What to do next: a pure function of the state. Decisions that follow from the state alone are events to be recorded;
 * training and measuring are tasks; what depends on a clock is asked.
 */
import { sampleEdits, type Mutant } from '../morphism/mutate.ts';
import { paperOperators, paperOperatorsWithSeparable } from '../morphism/operators.ts';
import type { Limits } from '../morphism/operator.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network, Shape } from '../network/network.ts';
import { vanillaNetwork } from '../network/vanilla.ts';
import type { Comparison, Start, TrainingJob } from '../training/job.ts';
import type { Schedule } from '../training/schedule.ts';
import { must } from '../util/assert.ts';
import { random, type KeyPart } from '../util/random.ts';
import type { SearchEvent } from './events.ts';
import { planRungs, scheduleOf, type Rung } from './rungs.ts';
import { methods, type Settings } from './settings.ts';
import { currentParent, rank } from './ranking.ts';
import { lineage, candidateOf, type CandidateId, type SearchState, type Segment, type Step, networkOf } from './state.ts';

/** What a search knows of its data. */
export interface Counts {
  readonly shape: Shape;
  readonly classes: number;
  /** Images that are trained on, without those of validation. */
  readonly train: number;
  readonly validation: number;
}

/** A trained network that a search starts from in place of the vanilla one. */
export interface Origin {
  readonly network: Network;
  /** The hash of the checkpoint that holds its numbers. */
  readonly checkpoint: string;
  /** Null where there was nothing to compare it with. */
  readonly compared: Comparison | null;
}

export interface Context {
  readonly settings: Settings;
  readonly counts: Counts;
  /** Missing: the search starts from the vanilla network. */
  readonly origin?: Origin;
  /** Whether a worker has the memory to train that network. */
  fits(network: Network): boolean;
}

/** Training of one line, as far as the search decides it; the run adds data and engine to make it a job. */
export interface TrainingTask {
  readonly kind: 'training';
  readonly id: string;
  readonly line: CandidateId;
  readonly network: Network;
  readonly start: Start;
  readonly schedule: Schedule;
  readonly whole: boolean;
  readonly key: readonly KeyPart[];
  readonly minibatches: TrainingJob['minibatches'];
  /** How many tasks are planned beside it: what its share of the cores follows from. */
  readonly planned: number;
}

/** A reading of the test set. */
export interface TestTask {
  readonly kind: 'test';
  readonly id: string;
  readonly line: CandidateId;
  readonly network: Network;
  readonly checkpoint: string;
}

export type Task = TrainingTask | TestTask;

export type Decision =
  | { readonly kind: 'record'; readonly event: SearchEvent }
  | { readonly kind: 'work'; readonly tasks: readonly Task[] }
  /** The next slice of the final training, which a budget plans by the clock. */
  | { readonly kind: 'plan'; readonly planned: readonly Segment[] }
  | { readonly kind: 'end' };

export const minibatchesPerEpoch = ({ settings, counts }: Context, whole: boolean): number =>
  Math.floor((counts.train + (whole ? counts.validation : 0)) / settings.batch);

/** The network that a search starts from. */
export const startNetwork = ({ settings, counts, origin }: Context): Network =>
  origin?.network ?? vanillaNetwork(counts.shape, counts.classes, settings.widths);

const record = (event: SearchEvent): Decision => ({ kind: 'record', event });

/** Rungs of settings that were checked. */
export function rungsOf(settings: Settings): readonly Rung[] {
  const rungs = planRungs(settings);
  if (typeof rungs === 'string') throw new Error(`bug: ${rungs}`);
  return rungs;
}

const isDone = (state: SearchState, id: string, count: number): boolean => (state.tasks.get(id) ?? 0) >= count;

interface Piece {
  readonly id: string;
  readonly line: CandidateId;
  readonly first: number;
  readonly count: number;
  readonly schedule: Schedule;
  readonly whole: boolean;
  readonly key: readonly KeyPart[];
  readonly planned: number;
  /** Whether the velocities of the piece before are kept. */
  readonly carry: boolean;
}

/** A piece of a line's training as a task: begun anew or from where its last checkpoint stands. */
function taskOf(state: SearchState, piece: Piece): TrainingTask {
  const line = candidateOf(state, piece.line);
  const done = state.tasks.get(piece.id) ?? 0;
  const parent = line.parent === null ? null : candidateOf(state, line.parent);
  const fresh = line.checkpoint === null;
  const from: Start['from'] =
    line.checkpoint !== null
      ? { kind: 'checkpoint', hash: line.checkpoint }
      : parent === null
        ? line.origin === null
          ? { kind: 'initial', key: [...piece.key, 'initial'] }
          : { kind: 'checkpoint', hash: line.origin }
        : { kind: 'checkpoint', hash: must(parent.checkpoint, `checkpoint of ${parent.id}`) };
  return {
    kind: 'training',
    id: piece.id,
    line: line.id,
    network: networkOf(state, fresh && parent !== null ? parent.id : line.id),
    start: { from, edits: fresh ? line.edits : [], velocities: done > 0 || (piece.carry && !fresh) },
    schedule: piece.schedule,
    whole: piece.whole,
    key: piece.key,
    minibatches: { first: piece.first, count: piece.count, done },
    planned: piece.planned,
  };
}

function vanillaPiece(context: Context): Piece {
  const { seed, vanilla } = context.settings;
  return {
    id: 'vanilla',
    line: 'vanilla',
    first: 0,
    count: vanilla.epochs * minibatchesPerEpoch(context, false),
    schedule: { kind: 'constant', rate: vanilla.rate },
    whole: false,
    key: [seed, 'vanilla'],
    planned: 1,
    carry: false,
  };
}

function rungPiece(context: Context, step: Step, id: CandidateId, child: number, index: number): Piece {
  const { settings } = context;
  const rungs = rungsOf(settings);
  const rung = must(rungs[index], 'rung');
  const perEpoch = minibatchesPerEpoch(context, false);
  const before = rungs.slice(0, index).reduce((sum, { epochs }) => sum + epochs, 0);
  return {
    id: `${id}/${index}`,
    line: id,
    first: before * perEpoch,
    count: rung.epochs * perEpoch,
    schedule: scheduleOf(settings, rungs, index),
    whole: false,
    key: [settings.seed, 'step', step.step, child],
    planned: rung.size,
    carry: methods[settings.method].restart === 'step' && index > 0,
  };
}

/** The limits that mutations keep: asked of each mutated structure before it is made. */
export function limitsOf({ settings, fits }: Context): Limits {
  const { parameters, multiplyAdds, channels } = settings.limits;
  return {
    maxChannels: channels,
    admits: (network) =>
      countParameters(network) <= parameters &&
      (multiplyAdds === null || countMultiplyAdds(network) <= multiplyAdds) &&
      fits(network),
  };
}

/** Child 0 is the parent, trained on like the others (Elsken et al. 2017, Algorithm 1); the others are mutated. */
export function drawChildren(parent: Network, context: Context, step: number): readonly Mutant[] {
  const { settings } = context;
  const options = {
    operators: settings.operators ?? (methods[settings.method].separable ? paperOperatorsWithSeparable : paperOperators),
    mutations: settings.step.mutations,
    limits: limitsOf(context),
  };
  const { selection } = methods[settings.method];
  return Array.from({ length: selection === 'none' ? 1 : settings.step.children }, (_none, child) =>
    child === 0 ? { edits: [], network: parent } : sampleEdits(parent, options, random(settings.seed, 'mutate', step, child)),
  );
}

/** The child that a method without selection goes on with; null where the children compete. */
export function drawnChild({ settings }: Context, step: number): number | null {
  const { selection } = methods[settings.method];
  switch (selection) {
    case 'hill-climbing':
    case 'halving':
      return null;
    case 'random':
      return random(settings.seed, 'draw', step).integer(settings.step.children);
    case 'none':
      return 0;
  }
}

function drawStep(state: SearchState, context: Context, step: number): Decision {
  const parent = candidateOf(state, currentParent(state));
  const drawn = drawnChild(context, step);
  const children = drawChildren(networkOf(state, parent.id), context, step).map(({ edits, network }, child) => ({
    line: `s${step}c${child}`,
    edits: [...edits],
    parameters: countParameters(network),
    multiplyAdds: countMultiplyAdds(network),
  }));
  const grows = methods[context.settings.method].selection !== 'none';
  if (grows && children.every(({ edits }) => edits.length === 0))
    return record({ type: 'stop', reason: 'limits', line: parent.id });
  return record({ type: 'step', step, parent: parent.id, children, ...(drawn === null ? {} : { drawn: `s${step}c${drawn}` }) });
}

function continueStep(state: SearchState, context: Context, step: Step): Decision {
  const rungs = rungsOf(context.settings);
  const index = step.rungs.length;
  const entered = index === 0 ? step.children : (step.rungs[index - 1]?.survivors ?? []);
  const alive = entered.filter((id) => candidateOf(state, id).end === null);
  if (index === rungs.length || alive.length === 0) {
    const winner = rank(state, alive)[0];
    // None survived: the parent goes on.
    return record({ type: 'selected', step: step.step, line: winner ?? step.parent });
  }
  const pieces = alive.map((id) => rungPiece(context, step, id, candidateOf(state, id).child, index));
  const open = pieces.filter((piece) => !isDone(state, piece.id, piece.count));
  if (open.length > 0) return { kind: 'work', tasks: open.map((piece) => taskOf(state, piece)) };
  const kept = rungs[index + 1]?.size ?? 1;
  const ranked = rank(state, alive);
  return record({
    type: 'rung',
    step: step.step,
    rung: index,
    survivors: ranked.slice(0, kept),
    dropped: ranked.slice(kept),
  });
}

function segmentPieces(context: Context, line: 'final' | 'baseline', segments: readonly Segment[]): readonly Piece[] {
  let first = 0;
  let phase = 0;
  return segments.map((slice, index) => {
    // Each restart begins a phase of its own, whose epochs count from 0.
    if (slice.restart && index > 0) {
      phase++;
      first = 0;
    }
    const piece: Piece = {
      id: `${line}/${index}`,
      line,
      first,
      count: slice.count,
      schedule: { kind: 'cosine', rate: slice.rate, from: slice.from, to: slice.to },
      whole: slice.whole,
      key: [context.settings.seed, line, phase],
      planned: 1,
      carry: !slice.restart,
    };
    first += slice.count;
    return piece;
  });
}

/** What the winner's line was trained for after the vanilla network, given to the vanilla network: the same cycles. */
export function baselineSegments(state: SearchState, context: Context): readonly Segment[] {
  const { settings } = context;
  const rungs = rungsOf(settings);
  const perEpoch = minibatchesPerEpoch(context, false);
  const winner = must(state.stop, 'stop').line;
  const steps = lineage(state, winner).filter((line) => line.id.startsWith('s'));
  const searched = steps.flatMap((line) => {
    // A step that was cut short trained its line in fewer rungs, and the last of them in part.
    return rungs.flatMap((rung, index): Segment[] => {
      const schedule = scheduleOf(settings, rungs, index);
      if (schedule.kind !== 'cosine') throw new Error('bug: rungs have cosine schedules');
      const { rate, from } = schedule;
      const count = state.tasks.get(`${line.id}/${index}`) ?? 0;
      if (count === 0) return [];
      const to = from + (schedule.to - from) * (count / (rung.epochs * perEpoch));
      const restart = index === 0 || methods[settings.method].restart === 'rung';
      return [{ rate, from, to, count, whole: false, restart }];
    });
  });
  return [...searched, ...state.segments.final];
}

function continueEnd(state: SearchState, context: Context): Decision {
  const final = state.segments.final;
  const pieces = segmentPieces(context, 'final', final);
  const open = pieces.find((piece) => !isDone(state, piece.id, piece.count));
  if (open !== undefined) return { kind: 'work', tasks: [taskOf(state, open)] };
  if ((final.at(-1)?.to ?? 0) < 1) return { kind: 'plan', planned: final };
  const test = (id: CandidateId): Decision => {
    const line = candidateOf(state, id);
    const checkpoint = must(line.checkpoint, `checkpoint of ${id}`);
    return { kind: 'work', tasks: [{ kind: 'test', id: `${id}/test`, line: id, network: networkOf(state, id), checkpoint }] };
  };
  if (!state.tests.has('final')) return test('final');
  if (context.settings.baseline) {
    const segments = baselineSegments(state, context);
    const following = segments[state.segments.baseline.length];
    const running = segmentPieces(context, 'baseline', state.segments.baseline).find(
      (piece) => !isDone(state, piece.id, piece.count),
    );
    if (running !== undefined) return { kind: 'work', tasks: [taskOf(state, running)] };
    if (following !== undefined) return record({ type: 'slice', line: 'baseline', ...following });
    if (!state.tests.has('baseline')) return test('baseline');
  }
  return record({ type: 'finished', line: 'final' });
}

/** The next decision of a search in this state. */
export function next(state: SearchState, context: Context): Decision {
  const { settings } = context;
  if (state.finished) return { kind: 'end' };
  const vanilla = state.candidates.get('vanilla');
  if (vanilla === undefined) {
    const { origin } = context;
    const start = startNetwork(context);
    const nodes = start.nodes.map((node) => ({ ...node, inputs: [...node.inputs] }));
    const from = origin === undefined ? {} : { from: { checkpoint: origin.checkpoint, compared: origin.compared } };
    return record({ type: 'vanilla', network: { ...start, nodes }, ...from });
  }
  if (state.stop !== null)
    return settings.final.epochs === 0 ? record({ type: 'finished', line: state.stop.line }) : continueEnd(state, context);
  const first = vanillaPiece(context);
  if (!isDone(state, first.id, first.count)) return { kind: 'work', tasks: [taskOf(state, first)] };
  const open = state.steps.find((step) => step.winner === null);
  if (open !== undefined) return continueStep(state, context, open);
  const { steps } = settings.limits;
  if (steps !== null && state.steps.length >= steps) return record({ type: 'stop', reason: 'steps', line: currentParent(state) });
  return drawStep(state, context, state.steps.length + 1);
}

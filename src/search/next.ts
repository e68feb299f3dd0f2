/**
 * What a search does next: a pure function of its state. Decisions that follow from the state alone are events to be recorded;
 * training and evaluation are tasks; what depends on a clock is left to the caller. Steps belong to the method.
 */
import type { Mutant } from '../morphism/mutate.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import { startNetworks } from '../network/start.ts';
import type { Initialisation, LogitComparison, Start, TrainingJob } from '../training/job.ts';
import type { Schedule } from '../training/schedule.ts';
import { must } from '../util/assert.ts';
import type { KeyPart } from '../util/random.ts';
import type { Counts } from './counts.ts';
import type { SearchEvent } from './events.ts';
import { endsWithHead, headAsFinal } from './head-alone.ts';
import type { Entry, Method, Rung } from './methods/method.ts';
import { methods } from './methods/table.ts';
import { expectedBy, type Expectation } from './operator-choice.ts';
import { betterThanFinal, currentParent, winsOfParent } from './ranking.ts';
import { passesOf, type Fitting } from './passes.ts';
import { headMinibatches, teacherOf, type Teacher } from './work.ts';
import { epochsOf, rungsOf } from './rungs.ts';
import { excessOf, limitsOn } from './sizes.ts';
import {
  candidateOf,
  lineage,
  minibatchesOf,
  networkOf,
  type CandidateId,
  type SearchState,
  type Segment,
  type Step,
} from './state.ts';

/** A trained network that a search starts from in place of the vanilla one. */
export interface Origin {
  readonly network: Network;
  /** The hash of the checkpoint that holds its tensors. */
  readonly checkpoint: string;
  /** Null where there was nothing to compare it with. */
  readonly compared: LogitComparison | null;
}

export interface Context extends Fitting {
  readonly counts: Counts;
  /** Missing: the search starts from the vanilla network. */
  readonly origin?: Origin;
  /** The children of a step: sampled (`sampling.ts`), or those that a simulation knows. */
  readonly startStep: StartStep;
}

export interface StepChildren {
  readonly children: readonly Mutant[];
  /** The only child that is trained; null where they compete. */
  readonly trained: number | null;
  /** Whether no mutation fits the limits. */
  readonly isExhausted: boolean;
}

/** `expected`: what mutations are chosen by, where that is learned; null or missing: their weights alone. */
export type StartStep = (
  context: Context,
  step: number,
  parent: Network,
  expected?: readonly Expectation[] | null,
) => StepChildren;

/** Training of a candidate, as far as the search decides it; the run adds data and engine to make it a job. */
export interface TrainingTask {
  readonly kind: 'training';
  readonly id: string;
  readonly line: CandidateId;
  readonly network: Network;
  readonly start: Start;
  readonly schedule: Schedule;
  /** Missing: all layers are trained. */
  readonly part?: 'head';
  readonly whole: boolean;
  readonly key: readonly KeyPart[];
  readonly minibatches: TrainingJob['minibatches'];
  /** Missing: an epoch, and the candidate's own stream. */
  readonly interval?: number;
  readonly stream?: NonNullable<TrainingJob['stream']>;
  /** Passes of a minibatch. Missing: 1. */
  readonly passes?: number;
  /** The network whose predictions it learns too. */
  readonly teacher?: Teacher;
  /** How many tasks are planned beside it: its share of the cores follows from that. */
  readonly planned: number;
}

/** A test evaluation. */
export interface TestTask {
  readonly kind: 'test';
  readonly id: string;
  readonly line: CandidateId;
  readonly network: Network;
  readonly checkpoint: string;
  /** As in its training. */
  readonly passes?: number;
}

export type Task = TrainingTask | TestTask;

export type Decision =
  | { readonly kind: 'record'; readonly event: SearchEvent }
  /** `whenIdle` is recorded as soon as all tasks have a worker and another worker is idle. */
  | { readonly kind: 'work'; readonly tasks: readonly Task[]; readonly whenIdle?: SearchEvent }
  /** The next segment of the final training, which a budget plans by the clock. */
  | { readonly kind: 'plan' }
  | { readonly kind: 'end' };

/** Of a round, where the settings divide epochs into rounds; the final training (`whole`) has epochs of all images. */
export const minibatchesPerEpoch = ({ settings, counts }: Context, whole: boolean): number =>
  whole
    ? Math.floor((counts.train + counts.validation) / settings.batch)
    : Math.floor(Math.floor(counts.train / settings.batch) / settings.rounds);

/** The network that a search starts from. */
export const startNetwork = ({ settings, counts, origin }: Pick<Context, 'settings' | 'counts' | 'origin'>): Network =>
  origin?.network ?? startNetworks[settings.start.network].make(counts.shape, counts.classes, settings.widths);

export const methodOf = ({ settings }: Context): Method => methods[settings.method];

const record = (event: SearchEvent): Decision => ({ kind: 'record', event });

/** A part of a candidate's training, whether or not some of it is done. */
interface Stage {
  readonly id: string;
  readonly line: CandidateId;
  /** Minibatches. */
  readonly first: number;
  readonly count: number;
  readonly schedule: Schedule;
  readonly whole: boolean;
  readonly key: readonly KeyPart[];
  readonly planned: number;
  /** Whether the optimizer's states are kept: those of the stage before, or of the parent. */
  readonly carry: boolean;
  /** Of the start network. Missing: `uniform`. */
  readonly initialisation?: Initialisation;
  readonly part?: 'head';
}

const isComplete = (state: SearchState, { id, count }: Stage): boolean => (state.tasks.get(id) ?? 0) >= count;
/** Where a candidate's training begins: with its parent's tensors, its origin's, or initial ones. */
function beginningOf(state: SearchState, { line: id, key, initialisation }: Stage): Start['from'] {
  const { parent, origin } = candidateOf(state, id);
  if (origin !== null) return { kind: 'checkpoint', hash: origin };
  if (parent !== null)
    return { kind: 'checkpoint', hash: must(candidateOf(state, parent).checkpoint, `checkpoint of ${parent}`) };
  return { kind: 'initial', key: [...key, 'initial'], ...(initialisation === undefined ? {} : { initialisation }) };
}

/** A stage as a task: from the beginning, or from the candidate's last checkpoint. */
function taskOf(state: SearchState, context: Context, stage: Stage): TrainingTask {
  const { id, line, first, count, schedule, whole, key, planned, carry, part } = stage;
  const { parent, checkpoint, edits } = candidateOf(state, line);
  const done = state.tasks.get(id) ?? 0;
  const fresh = checkpoint === null;
  return {
    kind: 'training',
    id,
    line,
    network: networkOf(state, fresh && parent !== null ? parent : line),
    start: {
      from: fresh ? beginningOf(state, stage) : { kind: 'checkpoint', hash: checkpoint },
      edits: fresh ? edits : [],
      optimizerState: done > 0 || carry ? 'kept' : 'reset',
    },
    schedule,
    ...(part === undefined ? {} : { part }),
    whole,
    key,
    minibatches: { first, count, done },
    ...(whole ? {} : sharedStream(state, context, line)),
    ...passesOf(context, networkOf(state, line)),
    ...teacherOf(context.settings, context.origin, line),
    planned,
  };
}

/** Minibatches that a candidate's ancestors were trained on. */
const minibatchesBefore = (state: SearchState, id: CandidateId): number =>
  minibatchesOf(
    state,
    ...lineage(state, id)
      .slice(0, -1)
      .map((ancestor) => ancestor.id),
  );

/** The stream of minibatches that all candidates of a continuous search share. */
function sharedStream(state: SearchState, context: Context, id: CandidateId): Pick<TrainingTask, 'interval' | 'stream'> {
  const { settings } = context;
  return {
    ...(settings.rounds === 1 ? {} : { interval: minibatchesPerEpoch(context, false) }),
    ...(methodOf(context).continuous
      ? { stream: { key: [settings.seed, 'minibatches'], before: minibatchesBefore(state, id) } }
      : {}),
  };
}

/** The training of the start network; of a given one that is fine-tuned, of its head. */
function startStage(context: Context): Stage {
  const { seed, start, vanilla } = context.settings;
  const { rate } = vanilla;
  const { tunes } = methodOf(context);
  return {
    id: 'vanilla',
    line: 'vanilla',
    first: 0,
    count: tunes ? headMinibatches(context) : vanilla.epochs * minibatchesPerEpoch(context, false),
    ...(tunes ? { part: 'head' } : {}),
    // A continuous search warms up with its start network.
    schedule: methodOf(context).continuous ? { kind: 'linear', rate, from: 1, to: 0 } : { kind: 'constant', rate },
    whole: false,
    key: [seed, 'vanilla'],
    planned: 1,
    carry: false,
    ...(start.initialisation === 'uniform' ? {} : { initialisation: start.initialisation }),
  };
}

const rungTask = (id: CandidateId, rung: number): string => `${id}/${rung}`;

/** The training of a child in one of the rungs. */
function rungStage(state: SearchState, context: Context, rungs: readonly Rung[], entry: Entry): Stage {
  const { settings } = context;
  const { continuous, learningRate } = methodOf(context);
  const { segment, restart } = learningRate;
  const { candidate: id, rung, beside } = entry;
  const { step, child } = candidateOf(state, id);
  const perEpoch = minibatchesPerEpoch(context, false);
  return {
    id: rungTask(id, rung),
    line: id,
    first: epochsOf(rungs.slice(0, rung)) * perEpoch,
    count: must(rungs[rung], 'rung').epochs * perEpoch,
    schedule: segment(settings.step, rungs, rung),
    whole: false,
    key: [settings.seed, 'step', step, child],
    planned: beside,
    carry: continuous || (restart === 'step' && rung > 0),
  };
}

function startStep(state: SearchState, context: Context, step: number): Decision {
  const parent = currentParent(state);
  const expected = expectedBy(state, context.settings);
  const started = context.startStep(context, step, networkOf(state, parent), expected);
  if (started.isExhausted) return record({ type: 'stop', reason: 'limits', line: parent });
  const children = started.children.map(({ edits, network }, child) => ({
    line: `s${step}c${child}`,
    edits: [...edits],
    parameters: countParameters(network),
    multiplyAdds: countMultiplyAdds(network),
  }));
  const drawn = started.trained === null ? {} : { drawn: `s${step}c${started.trained}` };
  return record({ type: 'step', step, parent, children, ...drawn, ...(expected === null ? {} : { expected: [...expected] }) });
}

function continueStep(state: SearchState, context: Context, step: Step): Decision {
  const { settings } = context;
  const rungs = rungsOf(settings);
  const perEpoch = minibatchesPerEpoch(context, false);
  const isDone = (id: CandidateId, rung: number): boolean =>
    (state.tasks.get(rungTask(id, rung)) ?? 0) >= must(rungs[rung], 'rung').epochs * perEpoch;
  const advance = methodOf(context).advance({ state, step, settings: settings.step, rungs, isDone });
  switch (advance.kind) {
    case 'record':
      return advance;
    case 'select':
      return record({ type: 'selected', step: step.step, line: advance.candidate ?? step.parent });
    case 'train': {
      const { entries, whenIdle } = advance;
      const tasks = entries.map((entry) => taskOf(state, context, rungStage(state, context, rungs, entry)));
      return { kind: 'work', tasks, ...(whenIdle === undefined ? {} : { whenIdle }) };
    }
  }
}

function segmentStages(context: Context, line: 'final' | 'baseline', segments: readonly Segment[]): readonly Stage[] {
  let first = 0;
  let phase = 0;
  return segments.map((segment, index) => {
    // Each restart begins a phase, whose epochs count from 0; so do other images.
    if (index > 0 && (segment.restart || segment.whole !== segments[index - 1]?.whole)) {
      phase++;
      first = 0;
    }
    const { rate, from, to } = segment;
    const stage: Stage = {
      id: `${line}/${index}`,
      line,
      first,
      count: segment.count,
      schedule: { kind: methodOf(context).continuous ? 'linear' : 'cosine', rate, from, to },
      whole: segment.whole,
      key: [context.settings.seed, line, phase],
      planned: 1,
      carry: !segment.restart,
    };
    first += segment.count;
    return stage;
  });
}

/** The training of the winner's lineage after the start network, given to the start network: the same cycles. */
export function baselineSegments(state: SearchState, context: Context): readonly Segment[] {
  const { settings } = context;
  const { continuous, learningRate } = methodOf(context);
  const { segment, restart } = learningRate;
  const rungs = rungsOf(settings);
  const perEpoch = minibatchesPerEpoch(context, false);
  const steps = lineage(state, must(state.stop, 'stop').line).filter(({ step }) => step > 0);
  if (continuous) {
    const count = minibatchesOf(state, ...steps.map(({ id }) => id));
    const plateau: Segment = { rate: settings.step.rate, from: 0, to: 0, count, whole: false, restart: false };
    return [...(count === 0 ? [] : [plateau]), ...state.segments.final];
  }
  const searched = steps.flatMap(({ id }) =>
    // A step that was cut short trained the candidate in fewer rungs, and the last of them in part.
    rungs.flatMap((rung, index): Segment[] => {
      const schedule = segment(settings.step, rungs, index);
      if (schedule.kind !== 'cosine') throw new Error('bug: rungs have cosine schedules');
      const { rate, from } = schedule;
      const count = state.tasks.get(rungTask(id, index)) ?? 0;
      if (count === 0) return [];
      const to = from + (schedule.to - from) * (count / (rung.epochs * perEpoch));
      return [{ rate, from, to, count, whole: false, restart: index === 0 || restart === 'rung' }];
    }),
  );
  return [...searched, ...state.segments.final];
}

/** The open segment of a training as a task; null where all that are planned are done. */
function openSegment(state: SearchState, context: Context, line: 'final' | 'baseline'): Decision | null {
  const open = segmentStages(context, line, state.segments[line]).find((stage) => !isComplete(state, stage));
  return open === undefined ? null : { kind: 'work', tasks: [taskOf(state, context, open)] };
}

function testOf(state: SearchState, context: Context, id: CandidateId): Decision {
  const checkpoint = must(candidateOf(state, id).checkpoint, `checkpoint of ${id}`);
  const task = { kind: 'test', id: `${id}/test`, line: id, network: networkOf(state, id), checkpoint } as const;
  return { kind: 'work', tasks: [{ ...task, ...passesOf(context, networkOf(state, id)) }] };
}

/** After the last step: final training, test evaluation, baseline. */
function continueEnd(state: SearchState, context: Context): Decision {
  if (!state.undone) {
    const head = headAsFinal(state, context.settings);
    if (head !== null) return record(head);
    const back = methodOf(context).tunes ? betterThanFinal(state, context.counts.validation) : null;
    const isLost = candidateOf(state, 'final').end !== null;
    const open = isLost && back !== null ? null : openSegment(state, context, 'final');
    if (open !== null) return open;
    if (!isLost && (state.segments.final.at(-1)?.to ?? 0) < 1) return { kind: 'plan' };
    if (back !== null) return record({ type: 'undone', line: 'final', to: back.candidate, checkpoint: back.checkpoint });
  }
  if (!state.tests.has('final')) return testOf(state, context, 'final');
  // What was trained no further has nothing to be compared with.
  if (context.settings.baseline && !endsWithHead(state)) {
    const running = openSegment(state, context, 'baseline');
    if (running !== null) return running;
    const following = baselineSegments(state, context)[state.segments.baseline.length];
    if (following !== undefined) return record({ type: 'slice', line: 'baseline', ...following });
    if (!state.tests.has('baseline')) return testOf(state, context, 'baseline');
  }
  return record({ type: 'finished', line: 'final' });
}

/** The next decision of a search in this state. */
export function next(state: SearchState, context: Context): Decision {
  const { settings, origin } = context;
  if (state.finished) return { kind: 'end' };
  if (!state.candidates.has('vanilla')) {
    const start = startNetwork(context);
    const nodes = start.nodes.map((node) => ({ ...node, inputs: [...node.inputs] }));
    const from = origin === undefined ? {} : { from: { checkpoint: origin.checkpoint, compared: origin.compared } };
    return record({ type: 'vanilla', network: { ...start, nodes }, ...from });
  }
  if (state.stop !== null)
    return settings.final.epochs === 0 ? record({ type: 'finished', line: state.stop.line }) : continueEnd(state, context);
  const first = startStage(context);
  if (!isComplete(state, first)) return { kind: 'work', tasks: [taskOf(state, context, first)] };
  const open = state.steps.find((step) => step.winner === null);
  if (open !== undefined) return continueStep(state, context, open);
  const { parentWins, shrinks } = methodOf(context);
  if (shrinks && excessOf(networkOf(state, currentParent(state)), limitsOn(context)) <= 1)
    return record({ type: 'stop', reason: 'kept', line: currentParent(state) });
  if (parentWins !== null && winsOfParent(state) >= parentWins)
    return record({ type: 'stop', reason: 'parent', line: currentParent(state) });
  const { steps } = settings.limits;
  if (steps !== null && state.steps.length >= steps) return record({ type: 'stop', reason: 'steps', line: currentParent(state) });
  return startStep(state, context, state.steps.length + 1);
}

/**
 * A search with models in place of workers: what is decided comes from `next.ts`, what is recorded goes through `reduce`, and
 * seconds and accuracies come from the caller. Plans, forecasts, budgets, benchmarks and tests use it. Pure: its clock is computed.
 */
import type { Measured } from '../training/job.ts';
import { assert } from '../util/assert.ts';
import { copiedOnce } from '../util/copies.ts';
import type { SearchEvent } from './events.ts';
import type { Network } from '../network/network.ts';
import { methods } from './methods/table.ts';
import {
  methodOf,
  minibatchesPerEpoch,
  next,
  type Context,
  type Decision,
  type StepChildren,
  type Task,
  type TrainingTask,
} from './next.ts';
import type { Settings } from './settings.ts';
import { stopForTime } from './ranking.ts';
import { coresOf, type Cores } from './rungs.ts';
import { candidateOf, emptyState, reduce, type Candidate, type CandidateId, type SearchState } from './state.ts';
import { finalMinibatches } from './work.ts';

/** Seconds of a task. */
export interface TaskCost {
  /** Before its first minibatch. */
  readonly start: number;
  readonly minibatch: number;
  /** At the end of each epoch: validation, checkpoint. */
  readonly epoch: number;
}

export interface Model {
  /** `isNew`: a worker process is started for the task. */
  cost(task: Task, threads: number, isNew: boolean, state: SearchState): TaskCost;
  validation(candidate: Candidate, epoch: number, state: SearchState): Measured;
}

/** What a search decides by the clock, at so many seconds. */
export interface ClockDecisions {
  /** A step that is about to begin, or the end of the search in its place. */
  admit(event: SearchEvent, state: SearchState, now: number): SearchEvent;
  /** The next segment of the final training. */
  segment(state: SearchState, now: number): SearchEvent;
  /** When the steps have to end. */
  until(state: SearchState): number;
}

export interface SimulatedJob {
  readonly task: Task;
  /** Of the cores that it has, the first. */
  readonly core: number;
  readonly threads: number;
  readonly from: number;
  readonly to: number;
}

/** An event, when it was recorded, and the job that ends with it. The maps of `state` go on changing with the next events. */
export interface Simulated {
  readonly t: number;
  readonly event: SearchEvent;
  readonly job: SimulatedJob | null;
  readonly state: SearchState;
}

export interface SimulationOptions {
  readonly context: Context;
  readonly cores: Cores;
  readonly model: Model;
  /** Missing: nothing is limited by time, and the final training is one segment. */
  readonly clock?: ClockDecisions;
  readonly from?: SearchState;
  /** Seconds elapsed. */
  readonly elapsed?: number;
  /** Worker processes that wait at the beginning. */
  readonly waiting?: number;
  /** An event that happens before the next decision. */
  readonly before?: (state: SearchState) => SearchEvent | null;
  /** What a task reports in place of what follows from the model. */
  readonly reports?: (task: Task, state: SearchState) => readonly SearchEvent[] | null;
  readonly onDecision?: (decision: Decision, state: SearchState) => void;
}

/** The tasks that start now, each with its threads, in the order of the decision; `idle`: whether a further one could. */
export function assignTasks<T extends Task>(
  tasks: readonly T[],
  inFlight: ReadonlyMap<string, { readonly threads: number }>,
  cores: Cores,
): { readonly starting: readonly { readonly task: T; readonly threads: number }[]; readonly idle: boolean } {
  const threadsOf = (task: Task): number => (task.kind === 'test' ? cores.threads : coresOf(cores, task.planned));
  let free = cores.workers - [...inFlight.values()].reduce((sum, { threads }) => sum + threads, 0);
  const starting: { task: T; threads: number }[] = [];
  let waits = false;
  for (const task of tasks) {
    if (inFlight.has(task.id)) continue;
    const threads = threadsOf(task);
    if (threads > free) {
      waits = true;
      continue;
    }
    starting.push({ task, threads });
    free -= threads;
  }
  return { starting, idle: !waits && free >= Math.max(1, ...tasks.map(threadsOf)) };
}

/** The share of a final training over which its learning rate rises, where it does. */
const warmUpShare = 0.05;

/** Whether the learning rate is to rise first: fine-tuning trains all layers for the first time after a head alone. */
export const warmsUp = (context: Context, { segments, steps }: SearchState): boolean =>
  methodOf(context).tunes && segments.final.length === 0 && steps.length === 0;

/** The final training in one segment, behind a warm-up where there is one, as it is planned where no clock limits it: by epochs, or by the work that is left. */
export const wholeFinal = (context: Context, state: SearchState): SearchEvent => {
  const { settings } = context;
  const { epochs, rate } = settings.final;
  const whole = !settings.validatesFinal;
  const planned = state.segments.final.reduce((sum, segment) => sum + segment.count, 0);
  const all = finalMinibatches(settings, state) ?? epochs * minibatchesPerEpoch(context, whole) - planned;
  const warming = warmsUp(context, state) ? Math.round(warmUpShare * all) : 0;
  const [count, from, to] = warming > 0 ? [warming, 1, 0] : [Math.max(1, all), 0, 1];
  return { type: 'slice', line: 'final', rate, from, to, count, whole, restart: !methodOf(context).continuous };
};

/** Where costs alone are known, the child of median cost is best. */
export function medianFirst({ id, step }: Candidate, _epoch: number, state: SearchState): Measured {
  const siblings = state.steps[step - 1]?.children ?? [];
  const byCost = siblings.toSorted((a, b) => candidateOf(state, a).multiplyAdds - candidateOf(state, b).multiplyAdds);
  const distance = Math.abs(byCost.indexOf(id) - (byCost.length >> 1));
  return byCost.length === 0 ? { loss: 0, accuracy: 0.5 } : { loss: distance, accuracy: 1 / (1 + distance) };
}

/** The candidates whose mean cost a task has: its own at first; of survivors, which may be any, all that were trained. */
export function likelyCandidates({ id, line }: Task, state: SearchState): readonly CandidateId[] {
  const { step } = candidateOf(state, line);
  const trained = (state.steps[step - 1]?.children ?? []).filter((child) => candidateOf(state, child).end?.kind !== 'undrawn');
  return trained.length === 0 || !id.startsWith('s') || id.endsWith('/0') ? [line] : trained;
}

/** A step whose children are copies of their parent, in place of sampled ones. */
export function copiesOf({ method, step }: Settings, parent: Network): StepChildren {
  const { grows, role } = methods[method];
  const children = Array.from({ length: grows ? step.children : 1 }, () => ({ edits: [], network: parent }));
  return { children, trained: role === 'baseline' ? 0 : null, isExhausted: false };
}

interface Flight {
  readonly task: Task;
  readonly threads: number;
  readonly cores: readonly number[];
  readonly from: number;
  /** What it reports, and when; the last report ends it. */
  readonly reports: { readonly t: number; readonly event: SearchEvent }[];
}

/** What a training reports: that a child is grown, and each epoch. */
function trainingReports(
  task: TrainingTask,
  cost: TaskCost,
  options: SimulationOptions,
  from: number,
  state: SearchState,
): Flight['reports'] {
  const { context, model } = options;
  const { id, line, whole, minibatches, start } = task;
  const { first, count, done } = minibatches;
  const perEpoch = minibatchesPerEpoch(context, whole);
  let t = from + cost.start;
  const reports: Flight['reports'] = [];
  if (start.edits.length > 0) reports.push({ t, event: { type: 'grown', line, certificate: { evaluation: 0, training: 0 } } });
  const report = (at: number, epoch: number, validation: Measured | null): number =>
    reports.push({
      t,
      event: { type: 'epoch', line, task: id, done: at, epoch, loss: 1, validation, checkpoint: `${id} ${at}` },
    });
  const last = Math.floor((first + count - 1) / perEpoch) + 1;
  if (whole) {
    // Nothing is decided before its end, which may be thousands of epochs away.
    t += (count - done) * cost.minibatch + (last - Math.floor((first + done) / perEpoch)) * cost.epoch;
    report(count, last, null);
    return reports;
  }
  for (let at = done; at < count;) {
    const epoch = Math.floor((first + at) / perEpoch) + 1;
    const end = Math.min(count, epoch * perEpoch - first);
    t += (end - at) * cost.minibatch + cost.epoch;
    at = end;
    report(at, epoch, model.validation(candidateOf(state, line), epoch, state));
  }
  return reports;
}

/** A test evaluation. Its number is that of the state when it ends. */
function testReport(task: Task, t: number): Flight['reports'] {
  return [{ t, event: { type: 'test', line: task.line, reading: 1, measured: { loss: 0.5, accuracy: 0.5 }, confusion: [[1]] } }];
}

/** The search from its beginning, or from a state, to its end. */
export function* simulate(options: SimulationOptions): Generator<Simulated, void> {
  const { context, cores, model, clock, before, reports: instead, onDecision } = options;
  const copy = copiedOnce();
  let state = options.from ?? emptyState;
  let now = options.elapsed ?? 0;
  const flights = new Map<string, Flight>();
  const free = Array.from({ length: cores.workers }, (_none, core) => core);
  let waiting = options.waiting ?? 0;
  const record = (event: SearchEvent, job: SimulatedJob | null = null): Simulated => {
    state = reduce(state, event, copy);
    return { t: now, event, state, job };
  };

  function start(task: Task, threads: number): void {
    const isNew = waiting === 0;
    if (!isNew) waiting--;
    const cost = model.cost(task, threads, isNew, state);
    const given = instead?.(task, state) ?? null;
    const end = now + cost.start + cost.epoch;
    const reports =
      given !== null
        ? given.map((event, index) => ({ t: now + cost.start + (index + 1) * cost.minibatch, event }))
        : task.kind === 'test'
          ? testReport(task, end)
          : trainingReports(task, cost, options, now, state);
    flights.set(task.id, { task, threads, cores: free.splice(0, threads), from: now, reports });
  }

  function finish({ task, threads, cores: own, from }: Flight): SimulatedJob {
    flights.delete(task.id);
    free.push(...own);
    free.sort((a, b) => a - b);
    waiting++;
    return { task, core: own[0] ?? 0, threads, from, to: now };
  }

  for (;;) {
    const happened = before?.(state) ?? null;
    if (happened !== null) {
      yield record(happened);
      continue;
    }
    const decision = next(state, context);
    onDecision?.(decision, state);
    if (decision.kind === 'end') return;
    if (decision.kind === 'plan') {
      yield record(clock?.segment(state, now) ?? wholeFinal(context, state));
      continue;
    }
    if (decision.kind === 'record') {
      yield record(clock?.admit(decision.event, state, now) ?? decision.event);
      continue;
    }
    // What a stopped step had in training is not asked for any more.
    const wanted = new Set(decision.tasks.map(({ id }) => id));
    for (const [id, { cores: own }] of flights)
      if (!wanted.has(id)) {
        flights.delete(id);
        free.push(...own);
      }
    const { starting, idle } = assignTasks(decision.tasks, flights, cores);
    for (const { task, threads } of starting) start(task, threads);
    if (idle && decision.whenIdle !== undefined) {
      yield record(decision.whenIdle);
      continue;
    }
    // The first report; of several at a time that of the task that started first.
    let first: Flight | undefined;
    for (const flight of flights.values())
      if (first === undefined || (flight.reports[0]?.t ?? 0) < (first.reports[0]?.t ?? 0)) first = flight;
    assert(first !== undefined, () => `nothing runs, and ${decision.tasks.map(({ id }) => id).join(', ')} are to run`);
    const until = state.stop === null && state.steps.length > 0 ? (clock?.until(state) ?? Infinity) : Infinity;
    const report = first.reports.shift();
    if (report === undefined || report.t > until) {
      now = Math.max(now, until);
      yield record(stopForTime(state, methodOf(context).continuous));
      continue;
    }
    now = report.t;
    const { event } = report;
    const numbered = event.type === 'test' ? { ...event, reading: state.readings + 1 } : event;
    yield record(numbered, first.reports.length === 0 ? finish(first) : null);
  }
}

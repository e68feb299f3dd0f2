/**
 * Steps of a search with workers that only let time pass. What is decided is decided by `search/next.ts`; who is given which job
 * when follows `run/drive.ts`: jobs in the order of the decision, as many at a time as there are cores for, none held back. It
 * knows no clock: every second comes from whoever asks.
 */
import type { SearchEvent } from '../src/search/events.ts';
import { minibatchesPerEpoch, next, type Context, type TrainingTask } from '../src/search/next.ts';
import { emptyState, candidateOf, reduce, type Candidate, type SearchState } from '../src/search/state.ts';
import type { Measured } from '../src/training/job.ts';
import { assert, must } from '../src/util/assert.ts';

/** What a job takes. */
export interface Work {
  /** Cores. */
  readonly threads: number;
  /** Seconds from being put on the queue to the first minibatch, and from the last to its result being known. */
  readonly start: number;
  /** Seconds of each epoch. */
  readonly epochs: readonly number[];
}

export interface World {
  readonly context: Context;
  readonly cores: number;
  readonly steps: number;
  work(task: TrainingTask, line: Candidate): Work;
  measured(line: Candidate, epoch: number): Measured;
}

export interface Job {
  readonly task: string;
  readonly line: string;
  /** Of the cores that it has, the first. */
  readonly core: number;
  readonly threads: number;
  /** Seconds since the step began. */
  readonly from: number;
  readonly to: number;
}

export interface SimulatedStep {
  readonly event: Extract<SearchEvent, { type: 'step' }>;
  readonly winner: string;
  readonly seconds: number;
  readonly jobs: readonly Job[];
}

interface Flight {
  readonly task: TrainingTask;
  readonly job: Job;
  readonly cores: readonly number[];
}

/** The steps of a search whose vanilla network takes no time. `known`: steps that were drawn before, with the same settings. */
export function simulateSteps(world: World, known: ReadonlyMap<number, SimulatedStep> = new Map()): readonly SimulatedStep[] {
  const { context, cores } = world;
  let state: SearchState = emptyState;
  let now = 0;
  let begun = 0;
  let step: SimulatedStep['event'] | null = null;
  let jobs: Job[] = [];
  const ended: SimulatedStep[] = [];
  const flights = new Map<string, Flight>();
  const taken = new Set<number>();

  function record(event: SearchEvent): void {
    state = reduce(state, event);
    if (event.type === 'step') [step, begun, jobs] = [event, now, []];
    if (event.type === 'selected') {
      assert(flights.size === 0, () => `a step ends with ${[...flights.keys()].join(', ')} in flight`);
      ended.push({ event: must(step, 'step'), winner: event.line, seconds: now - begun, jobs });
    }
  }

  /** The epochs of a task, all at its end: nothing is decided before. */
  function finish({ id, line, minibatches }: TrainingTask): void {
    const perEpoch = minibatchesPerEpoch(context, false);
    for (let done = perEpoch; done <= minibatches.count; done += perEpoch) {
      const epoch = (minibatches.first + done) / perEpoch;
      const validation = line === 'vanilla' ? null : world.measured(candidateOf(state, line), epoch);
      record({ type: 'epoch', line, task: id, done, epoch, loss: 0, validation, checkpoint: `${line} ${epoch}` });
    }
  }

  function start(task: TrainingTask): void {
    const { threads, start: before, epochs } = world.work(task, candidateOf(state, task.line));
    const wanted = Math.min(threads, cores);
    if (cores - taken.size < wanted) return;
    const own: number[] = [];
    for (let core = 0; own.length < wanted; core++) if (!taken.has(core)) own.push(core);
    for (const core of own) taken.add(core);
    const from = now - begun;
    const to = from + before + epochs.reduce((sum, each) => sum + each, 0);
    const job = { task: task.id, line: task.line, core: must(own[0], 'core'), threads: wanted, from, to };
    jobs.push(job);
    flights.set(task.id, { task, job, cores: own });
  }

  while (ended.length < world.steps) {
    const drawn = state.steps.every(({ winner }) => winner !== null) ? known.get(state.steps.length + 1) : undefined;
    const decision =
      drawn === undefined || !state.tasks.has('vanilla')
        ? next(state, context)
        : ({ kind: 'record', event: drawn.event } as const);
    if (decision.kind === 'record') {
      if (decision.event.type === 'stop') break;
      record(decision.event);
      continue;
    }
    assert(decision.kind === 'work', () => `a step has no ${decision.kind}`);
    for (const task of decision.tasks) {
      assert(task.kind === 'training', () => `${task.id} trains`);
      if (task.line === 'vanilla') finish(task);
      else if (!flights.has(task.id)) start(task);
    }
    // The first that ends; of several those that were begun first.
    const [first] = [...flights.values()].toSorted((a, b) => a.job.to - b.job.to);
    if (first === undefined) continue;
    flights.delete(first.task.id);
    for (const core of first.cores) taken.delete(core);
    now = begun + first.job.to;
    finish(first.task);
  }
  return ended;
}

/** Of the cores' seconds those in which they worked. */
export const busyShare = ({ jobs, seconds }: SimulatedStep, cores: number): number =>
  jobs.reduce((sum, { from, to, threads }) => sum + threads * (to - from), 0) / (cores * seconds);

/** Steps of a search by the project's simulation, with the seconds of each job given; what each worker did in them. */
import { isDeepStrictEqual } from 'node:util';
import type { Network } from '../src/network/network.ts';
import type { SearchEvent } from '../src/search/events.ts';
import {
  minibatchesPerEpoch,
  type Context,
  type StartStep,
  type StepChildren,
  type Task,
  type TrainingTask,
} from '../src/search/next.ts';
import type { Cores } from '../src/search/rungs.ts';
import { simulate } from '../src/search/simulation.ts';
import { candidateOf, type Candidate } from '../src/search/state.ts';
import type { Measured } from '../src/training/job.ts';
import { assert, must } from '../src/util/assert.ts';

/** Seconds of a job. */
export interface Work {
  /** Seconds from the enqueueing to the first minibatch, and from the last one to the arrival of the result. */
  readonly start: number;
  /** The seconds of each epoch. */
  readonly epochs: readonly number[];
}

export interface World {
  readonly context: Context;
  readonly cores: Cores;
  readonly steps: number;
  work(task: TrainingTask, candidate: Candidate): Work;
  measured(candidate: Candidate, epoch: number): Measured;
}

export interface Job {
  readonly task: string;
  readonly line: string;
  /** The first of its cores. */
  readonly core: number;
  readonly threads: number;
  /** Seconds since the start of the step. */
  readonly from: number;
  readonly to: number;
}

/** What a step begins with: sampling takes longer than the rest of a simulation. */
interface Started {
  readonly parent: Network;
  readonly children: StepChildren;
}

export interface SimulatedStep {
  readonly event: Extract<SearchEvent, { type: 'step' }>;
  readonly started: Started;
  readonly winner: string;
  readonly seconds: number;
  readonly jobs: readonly Job[];
}

const isChild = (task: Task): task is TrainingTask => task.kind === 'training' && task.line !== 'vanilla';

/** A job's last epoch, its only report: no method decides anything before the end of a job, and it has many epochs. */
function endOf({ id, line, minibatches }: TrainingTask, { context, measured }: World, candidate: Candidate): SearchEvent {
  const { first, count } = minibatches;
  const epoch = Math.ceil((first + count) / minibatchesPerEpoch(context, false));
  const validation = measured(candidate, epoch);
  return { type: 'epoch', line, task: id, done: count, epoch, loss: 1, validation, checkpoint: `${id} ${count}` };
}

/** The steps of a search whose start network takes no time. `known`: steps that were sampled before, of the same parents. */
export function simulateSteps(world: World, known: ReadonlyMap<number, SimulatedStep> = new Map()): readonly SimulatedStep[] {
  const { context, cores, steps } = world;
  const started = new Map<number, Started>();
  const startStep: StartStep = (asked, step, parent) => {
    const before = known.get(step)?.started ?? { parent, children: context.startStep(asked, step, parent) };
    assert(isDeepStrictEqual(before.parent, parent), () => `step ${step} was sampled of another parent`);
    started.set(step, before);
    return before.children;
  };
  const ended: SimulatedStep[] = [];
  let begun = { event: null as SimulatedStep['event'] | null, t: 0 };
  let jobs: Job[] = [];
  const simulation = simulate({
    context: { ...context, startStep },
    cores,
    model: {
      cost(task, _threads, _isNew, state) {
        if (!isChild(task)) return { start: 0, minibatch: 0, epoch: 0 };
        const { start, epochs } = world.work(task, candidateOf(state, task.line));
        // A report is given the time of a minibatch, and a job has one.
        return { start, minibatch: epochs.reduce((sum, epoch) => sum + epoch, 0), epoch: 0 };
      },
      validation: () => ({ loss: 1, accuracy: 0 }),
    },
    reports: (task, state) => (isChild(task) ? [endOf(task, world, candidateOf(state, task.line))] : null),
  });
  for (const { t, event, job } of simulation) {
    if (job !== null && begun.event !== null) {
      const { task, core, threads, from, to } = job;
      jobs.push({ task: task.id, line: task.line, core, threads, from: from - begun.t, to: to - begun.t });
    }
    if (event.type === 'step') [begun, jobs] = [{ event, t }, []];
    if (event.type === 'stop') break;
    if (event.type !== 'selected') continue;
    const byStart = jobs.toSorted((a, b) => a.from - b.from);
    const own = must(started.get(event.step), 'a step that began');
    ended.push({ event: must(begun.event, 'step'), started: own, winner: event.line, seconds: t - begun.t, jobs: byStart });
    if (ended.length === steps) break;
  }
  return ended;
}

/** The share of the cores' time in which they worked. */
export const busyShare = ({ jobs, seconds }: SimulatedStep, { workers }: Cores): number =>
  jobs.reduce((sum, { from, to, threads }) => sum + threads * (to - from), 0) / (workers * seconds);

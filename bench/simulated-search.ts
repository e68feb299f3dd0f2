/** Simulates steps of a search with given times of jobs, and records what each worker does. */
import { applyAll } from '../src/morphism/apply.ts';
import type { SearchEvent } from '../src/search/events.ts';
import type { Context, StartStep, TrainingTask } from '../src/search/next.ts';
import type { Cores } from '../src/search/rungs.ts';
import { simulate } from '../src/search/simulation.ts';
import { candidateOf, type Candidate } from '../src/search/state.ts';
import type { Measured } from '../src/training/job.ts';
import { must } from '../src/util/assert.ts';
import { mean } from '../src/util/numbers.ts';

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

export interface SimulatedStep {
  readonly event: Extract<SearchEvent, { type: 'step' }>;
  readonly winner: string;
  readonly seconds: number;
  readonly jobs: readonly Job[];
}

/** The steps of a search whose start network takes no time. `known`: steps with the same parents that were sampled before. */
export function simulateSteps(world: World, known: ReadonlyMap<number, SimulatedStep> = new Map()): readonly SimulatedStep[] {
  const { context, cores, steps } = world;
  const startStep: StartStep = (asked, step, parent) => {
    const found = known.get(step)?.event.children;
    if (found === undefined) return context.startStep(asked, step, parent);
    const children = found.map(({ edits }) => {
      const network = applyAll(parent, edits);
      if (typeof network === 'string') throw new Error(`bug: step ${step} was sampled of another parent: ${network}`);
      return { edits, network };
    });
    return { children, trained: null, isExhausted: false };
  };
  const ended: SimulatedStep[] = [];
  let begun = { event: null as SimulatedStep['event'] | null, t: 0 };
  let jobs: Job[] = [];
  const simulation = simulate({
    context: { ...context, startStep },
    cores,
    model: {
      cost(task, _threads, _isNew, state) {
        if (task.kind === 'test' || task.line === 'vanilla') return { start: 0, minibatch: 0, epoch: 0 };
        const { start, epochs } = world.work(task, candidateOf(state, task.line));
        return { start, minibatch: 0, epoch: mean(epochs) };
      },
      validation: (candidate, epoch) =>
        candidate.id === 'vanilla' ? { loss: 1, accuracy: 0 } : world.measured(candidate, epoch),
    },
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
    ended.push({ event: must(begun.event, 'step'), winner: event.line, seconds: t - begun.t, jobs: byStart });
    if (ended.length === steps) break;
  }
  return ended;
}

/** The share of the cores' time in which they worked. */
export const busyShare = ({ jobs, seconds }: SimulatedStep, { workers }: Cores): number =>
  jobs.reduce((sum, { from, to, threads }) => sum + threads * (to - from), 0) / (workers * seconds);

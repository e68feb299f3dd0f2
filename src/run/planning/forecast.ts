/**
 * A forecast: what a search trains, how long each phase takes and when it ends, by what tasks cost on this machine. It is read off a
 * simulation of the search. Training alone can tell which child is best: here it is the one of average cost.
 */
import type { SearchEvent, StopReason } from '../../search/events.ts';
import { endsWithHead } from '../../search/head-alone.ts';
import { minibatchesPerEpoch, type Context, type StartStep, type Task } from '../../search/next.ts';
import { coresOf, rungsOf, type Cores } from '../../search/rungs.ts';
import {
  medianFirst,
  likelyCandidates,
  copiesOf,
  simulate,
  type Model,
  type Simulated,
  type SimulatedJob,
  type TaskCost,
} from '../../search/simulation.ts';
import {
  candidateOf,
  emptyState,
  minibatchesOf,
  networkOf,
  type CandidateId,
  type SearchState,
  type Step,
} from '../../search/state.ts';
import { must } from '../../util/assert.ts';
import { mean } from '../../util/numbers.ts';
import type { Plan } from '../record/events.ts';
import { clockDecisions } from './clock.ts';
import { sizeOf, stepsOf, type Costs, type Size } from './costs.ts';

export interface ForecastRung {
  readonly size: number;
  /** Epochs of each child. */
  readonly epochs: number;
  /** Of each task. */
  readonly threads: number;
  readonly seconds: number;
}

export interface ForecastStep {
  readonly step: number;
  /** The children of the first step are the search's own; of the others the sizes are a guess. */
  readonly children: readonly Size[];
  readonly rungs: readonly ForecastRung[];
  readonly minibatches: number;
  readonly seconds: number;
  /** Whether it ends before the time for the search is over. */
  readonly ends: boolean;
}

/** Training of one network with all threads. */
export interface ForecastTraining {
  readonly size: Size;
  readonly epochs: number;
  readonly minibatches: number;
  readonly seconds: number;
}

export type PhaseName = 'beginning' | 'vanilla' | 'steps' | 'final' | 'test' | 'baseline' | 'export';

export interface Forecast {
  /** In their order; without those that the search does not have. */
  readonly phases: readonly { readonly name: PhaseName; readonly seconds: number; readonly until: number }[];
  readonly vanilla: ForecastTraining;
  readonly steps: readonly ForecastStep[];
  /** Why the search ends; `open` where it goes on for more steps than a forecast has. */
  readonly stop: StopReason | 'open';
  /** Null where there is to be none. */
  readonly final: ForecastTraining | null;
  readonly baseline: ForecastTraining | null;
  /** Of training, in all. */
  readonly minibatches: number;
  readonly seconds: number;
}

export interface Question extends Cores {
  /** With the settings as a budget scales them. */
  readonly context: Context;
  readonly costs: Costs;
  readonly testImages: number;
  /** Seconds that are gone when the start network's training begins. */
  readonly elapsed: number;
  /** What a budget buys; null where steps and epochs limit the search. */
  readonly planned: { readonly budget: number; readonly plan: Plan } | null;
}

/** Steps whose children are sampled, which takes seconds for large networks; in further ones networks stay as they are. */
const mostSampled = 4;
/** Steps of a forecast. */
const mostSteps = 200;

const sizeIn = (state: SearchState, id: CandidateId): Size => sizeOf(networkOf(state, id));

const isFirstOfStep = (state: SearchState, { line }: Task): boolean => {
  const { step } = candidateOf(state, line);
  return step > 0 && !!state.steps[step - 1]?.children.every((id) => !state.tasks.has(`${id}/0`));
};

/** Tasks by what was timed. The file of what won is verified beside the first tasks that follow, and takes a share of their cores. */
function modelOf({ context, costs, workers, testImages }: Question): Model {
  const { settings, counts } = context;
  const batches = (images: number): number => Math.ceil(images / settings.batch);
  const verification = (size: Size, images: number): number =>
    (costs.start(1) + costs.verification(size, 1, batches(images))) / workers;

  /** Seconds that verification takes from a task, which begins with it. */
  function verified(task: Task, state: SearchState): number {
    if (task.id === 'final/0') return verification(sizeIn(state, task.line), counts.validation);
    if (task.id === 'baseline/0') return verification(sizeIn(state, 'final'), testImages);
    const { parent } = candidateOf(state, task.line);
    return parent !== null && isFirstOfStep(state, task) ? verification(sizeIn(state, parent), counts.validation) : 0;
  }

  /** Seconds of a network: before its first minibatch, a minibatch, the end of an epoch. */
  function costOfSize(size: Size, threads: number, whole: boolean): TaskCost {
    const validations = whole ? 0 : batches(counts.validation) * (settings.augmentedValidation ? 2 : 1);
    return {
      start: costs.preparation(size, threads),
      minibatch: costs.minibatch(size, threads),
      epoch: validations * costs.evaluation(size, threads) + costs.saving(size),
    };
  }

  function cost(task: Task, threads: number, isNew: boolean, state: SearchState): TaskCost {
    const begin = isNew ? costs.start(threads) : 0;
    if (task.kind === 'test') {
      const size = sizeIn(state, task.line);
      const evaluation = batches(testImages) * costs.evaluation(size, threads);
      return { start: begin + costs.preparation(size, threads), minibatch: 0, epoch: evaluation };
    }
    const all = likelyCandidates(task, state).map((id) => costOfSize(sizeIn(state, id), threads, task.whole));
    const { edits } = task.start;
    const grown = edits.length === 0 ? 0 : costs.growth(sizeOf(task.network), stepsOf(task.network, edits));
    return {
      start: begin + grown + verified(task, state) + mean(all.map(({ start }) => start)),
      minibatch: mean(all.map(({ minibatch }) => minibatch)),
      epoch: mean(all.map(({ epoch }) => epoch)),
    };
  }
  return { cost, validation: medianFirst };
}

/** What happened in the simulation: events with their times, and jobs that ended. */
interface Course {
  readonly state: SearchState;
  readonly events: readonly Pick<Simulated, 't' | 'event'>[];
  readonly jobs: readonly SimulatedJob[];
  readonly stop: Forecast['stop'];
}

function simulateCourse(question: Question): Course {
  const { context, costs, workers, threads, testImages, elapsed, planned } = question;
  const cores: Cores = { workers, threads };
  const pace = {
    minibatch: (id: CandidateId, state: SearchState) => costs.minibatch(sizeIn(state, id), threads),
    start: (id: CandidateId, state: SearchState) => {
      const size = sizeIn(state, id);
      return costs.preparation(size, threads) + costs.minibatch(size, threads);
    },
  };
  const budget = planned === null ? null : { seconds: planned.budget, plan: planned.plan, searchUntil: planned.plan.searchUntil };
  const clock = clockDecisions({ context, cores, testImages, budget, pace });
  /** Further steps start copies of their parent. */
  const startStep: StartStep = (asked, step, parent) =>
    step > mostSampled ? copiesOf(context.settings, parent) : context.startStep(asked, step, parent);
  let isOpen = false;
  let state = emptyState;
  const events: Course['events'][number][] = [];
  const jobs: SimulatedJob[] = [];
  const simulation = simulate({
    context: { ...context, startStep },
    cores,
    model: modelOf(question),
    clock: {
      ...clock,
      admit(event, now, t) {
        if (event.type !== 'step' || event.step <= mostSteps) return clock.admit(event, now, t);
        isOpen = true;
        return { type: 'stop', reason: 'steps', line: event.parent };
      },
    },
    elapsed,
    // The measurement that a budget is planned with leaves its workers behind.
    waiting: planned === null ? 0 : workers,
  });
  for (const { t, event, job, state: after } of simulation) {
    events.push({ t, event });
    if (job !== null) jobs.push(job);
    state = after;
  }
  return { state, events, jobs, stop: isOpen ? 'open' : (must(state.stop, 'stop').reason as Forecast['stop']) };
}

/** A step as it went by in the simulation. Rungs that time cut off are as they were planned. */
function stepOf(
  { state, jobs }: Course,
  { context, ...cores }: Question,
  step: Step,
  from: number,
  to: number,
  ends: boolean,
): ForecastStep {
  const own = new Set(step.children);
  const rungs = rungsOf(context.settings).map(({ size, epochs }, rung): ForecastRung => {
    const inRung = jobs.filter(({ task }) => own.has(task.line) && task.id.endsWith(`/${rung}`));
    const begun = Math.min(...inRung.map((job) => job.from));
    const ended = Math.max(...inRung.map((job) => job.to));
    const threads = inRung[0]?.threads ?? coresOf(cores, size);
    return { size: ends ? inRung.length : size, epochs, threads, seconds: inRung.length === 0 ? 0 : ended - begun };
  });
  const children = step.children.map((id) => sizeIn(state, id));
  return { step: step.step, children, rungs, minibatches: minibatchesOf(state, ...step.children), seconds: to - from, ends };
}

export function forecast(question: Question): Forecast {
  const { context, costs, threads, testImages, elapsed } = question;
  const { settings, counts } = context;
  const course = simulateCourse(question);
  const { state, events, stop } = course;
  /** When the last such event was recorded. */
  const timeOf = (is: (event: SearchEvent) => boolean): number =>
    must(
      events.findLast(({ event }) => is(event)),
      'event',
    ).t;
  const trained = (line: CandidateId): number => timeOf((event) => event.type === 'epoch' && event.line === line);
  const tested = (line: CandidateId): number => timeOf((event) => event.type === 'test' && event.line === line);
  const phases: Forecast['phases'][number][] = [];
  let time = 0;
  const pass = (name: PhaseName, until: number): number => {
    const seconds = until - time;
    phases.push({ name, seconds, until });
    time = until;
    return seconds;
  };
  const training = (line: CandidateId, epochs: number, seconds: number): ForecastTraining => {
    return { size: sizeIn(state, line), epochs, minibatches: minibatchesOf(state, line), seconds };
  };
  const verification = (size: Size, threadsOf: number, images: number): number =>
    costs.start(threadsOf) + costs.verification(size, threadsOf, Math.ceil(images / settings.batch));

  pass('beginning', elapsed);
  const vanilla = training('vanilla', settings.vanilla.epochs, pass('vanilla', trained('vanilla')));
  const stopped = timeOf(({ type }) => type === 'stop');
  const steps = state.steps.map((step) => {
    const selected = events.find(({ event }) => event.type === 'selected' && event.step === step.step);
    const begun = timeOf((event) => event.type === 'step' && event.step === step.step);
    return stepOf(course, question, step, begun, selected?.t ?? stopped, selected !== undefined);
  });
  pass('steps', stopped);
  const minibatches = [...state.tasks.values()].reduce((sum, count) => sum + count, 0);
  const { line: winner } = must(state.stop, 'stop');
  if (settings.final.epochs === 0) {
    pass('export', time + verification(sizeIn(state, winner), 1, counts.validation));
    return { phases, vanilla, steps, stop, final: null, baseline: null, minibatches, seconds: time };
  }
  const wholeEpoch = minibatchesPerEpoch(context, true);
  if (endsWithHead(state)) {
    pass('test', tested('final'));
    pass('export', time + verification(sizeIn(state, winner), threads, testImages));
    return { phases, vanilla, steps, stop, final: null, baseline: null, minibatches, seconds: time };
  }
  const finalSeconds = pass('final', trained('final'));
  const finalEpochs = minibatchesOf(state, 'final') / wholeEpoch;
  const final = training('final', finalEpochs, finalSeconds);
  pass('test', tested('final'));
  let baseline: ForecastTraining | null = null;
  if (settings.baseline) {
    const seconds = pass('baseline', tested('baseline'));
    const searched = minibatchesOf(state, 'baseline') - final.minibatches;
    baseline = training('baseline', searched / minibatchesPerEpoch(context, false) + finalEpochs, seconds);
  } else pass('export', time + verification(final.size, threads, testImages));
  return { phases, vanilla, steps, stop, final, baseline, minibatches, seconds: time };
}

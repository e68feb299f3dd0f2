/**
 * A search foretold: what it trains, how long each phase takes and when it ends, by what tasks cost on this machine. Pure. It
 * decides as `search/next.ts` and `drive.ts` do, but for what training alone can tell, which child wins: there it goes on with
 * the one of middle size, and takes every survivor of a rung for one of average cost.
 */
import type { Mutant } from '../../morphism/mutate.ts';
import type { Network } from '../../network/network.ts';
import { drawChildren, drawnChild, minibatchesPerEpoch, rungsOf, startNetwork, type Context } from '../../search/next.ts';
import { coresOf, type Rung } from '../../search/rungs.ts';
import { methods } from '../../search/settings.ts';
import type { Segment } from '../../search/state.ts';
import { must } from '../../util/assert.ts';
import { mean } from '../../util/numbers.ts';
import { admitsStep, epochImages, planSegment, readingSeconds } from './budget.ts';
import { middleOf, sizeOf, stepsOf, type Costs, type Size } from './costs.ts';
import type { Plan } from '../record/events.ts';

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
  /** Those of the first step are the search's own; of the others their sizes are a guess. */
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
  /** Why the search ends; `open` where it goes on for more steps than are foretold. */
  readonly stop: 'steps' | 'time' | 'limits' | 'open';
  /** Null where there is to be none. */
  readonly final: ForecastTraining | null;
  readonly baseline: ForecastTraining | null;
  /** Of training, in all. */
  readonly minibatches: number;
  readonly seconds: number;
}

export interface Question {
  /** With the settings as a budget scales them. */
  readonly context: Context;
  readonly costs: Costs;
  readonly workers: number;
  /** The most threads of one job. */
  readonly threads: number;
  readonly testImages: number;
  /** Seconds that are gone when the vanilla network's training begins. */
  readonly elapsed: number;
  /** What a budget buys; null where steps and epochs limit the search. */
  readonly planned: { readonly budget: number; readonly plan: Plan } | null;
}

/** Steps that are drawn, for large networks take seconds to draw from; further ones are taken for the last of them again. */
const mostDrawn = 4;
/** Steps that are foretold. */
const mostSteps = 200;

/** Worker processes that wait, by their threads: a task takes one that fits, or a new one in the place of another. */
type Idle = readonly number[];

interface Job {
  readonly size: Size;
  readonly threads: number;
  /** Seconds, without the start of a worker. */
  readonly seconds: number;
}

/** When the last of the jobs ends that are given to workers in their order, each as soon as its threads are free. */
export function makespan(
  jobs: readonly Omit<Job, 'size'>[],
  workers: number,
  idle: Idle,
  start: (threads: number) => number,
): { readonly seconds: number; readonly idle: Idle } {
  const threads = must(jobs[0], 'job').threads;
  const slots = Math.min(jobs.length, Math.max(1, Math.floor(workers / threads)));
  const warm = idle.filter((each) => each === threads).length;
  // Each slot is taken at once, and what a new worker needs to start passes there.
  const ends = jobs.slice(0, slots).map(({ seconds }, slot) => seconds + (slot < warm ? 0 : start(threads)));
  for (const { seconds } of jobs.slice(slots)) {
    const next = ends.indexOf(Math.min(...ends));
    ends[next] = must(ends[next], 'end') + seconds;
  }
  const others = idle.filter((each) => each !== threads).slice(Math.max(0, slots - warm));
  return { seconds: Math.max(...ends), idle: [...others, ...Array.from({ length: Math.max(warm, slots) }, () => threads)] };
}

/** Seconds of tasks of a search. */
function tasksOf({ context, costs }: Question) {
  const { settings, counts } = context;
  const validations = Math.ceil(counts.validation / settings.batch) * (settings.augmentedValidation ? 2 : 1);
  return {
    /** So many epochs, each validated. */
    epochs: (size: Size, threads: number, epochs: number): number =>
      costs.preparation(size, threads) +
      epochs *
        (minibatchesPerEpoch(context, false) * costs.minibatch(size, threads) +
          validations * costs.evaluation(size, threads) +
          costs.saving(size)),
    /** So many minibatches of a training that is not validated. */
    whole: (size: Size, threads: number, minibatches: number): number =>
      costs.preparation(size, threads) +
      minibatches * costs.minibatch(size, threads) +
      Math.ceil(minibatches / minibatchesPerEpoch(context, true)) * costs.saving(size),
    reading: (size: Size, threads: number, images: number): number =>
      costs.preparation(size, threads) + Math.ceil(images / settings.batch) * costs.evaluation(size, threads),
    verification: (size: Size, threads: number, images: number): number =>
      costs.start(threads) + costs.verification(size, threads, Math.ceil(images / settings.batch)),
  };
}

interface SamplingOptions {
  readonly children: readonly Mutant[];
  readonly sizes: readonly Size[];
  /** Of the parent. */
  readonly size: Size;
  readonly growth: readonly number[];
  /** The child that the next step starts from. */
  readonly winner: Mutant;
  /** Those that are trained. */
  readonly trained: readonly number[];
}

/** The children of a step as the search draws them; null where the limits allow no mutation. */
function drawStep({ context, costs }: Question, parent: Network, step: number): SamplingOptions | null {
  const children = drawChildren(parent, context, step);
  const grows = methods[context.settings.method].selection !== 'none';
  if (grows && children.every(({ edits }) => edits.length === 0)) return null;
  const drawn = drawnChild(context, step);
  const size = sizeOf(parent);
  return {
    children,
    size,
    sizes: children.map(({ network }) => sizeOf(network)),
    growth: children.map(({ edits }) => costs.growth(size, stepsOf(parent, edits))),
    winner: drawn === null ? middleOf(children) : must(children[drawn], 'child'),
    trained: drawn === null ? children.map((_child, at) => at) : [drawn],
  };
}

/** The rungs of a step one after another: seconds of each, with the verification of the parent's file beside the first. */
function climb(
  question: Question,
  drawing: SamplingOptions,
  rungs: readonly Rung[],
  idle: Idle,
): { rungs: ForecastRung[]; idle: Idle } {
  const { workers, costs, context } = question;
  const tasks = tasksOf(question);
  let waiting = idle;
  const climbed = rungs.map(({ size, epochs }, index): ForecastRung => {
    const threads = coresOf(question, size);
    const all = drawing.trained.map((at) => ({
      threads,
      seconds:
        tasks.epochs(must(drawing.sizes[at], 'size'), threads, epochs) + (index === 0 ? must(drawing.growth[at], 'growth') : 0),
    }));
    const usual = { threads, seconds: mean(all.map(({ seconds }) => seconds)) };
    const jobs = index === 0 ? all : Array.from({ length: Math.min(size, all.length) }, () => usual);
    const run = makespan(jobs, workers, waiting, costs.start);
    waiting = run.idle;
    // It takes a share of the cores that the children have.
    const verification = index === 0 ? tasks.verification(drawing.size, 1, context.counts.validation) / workers : 0;
    return { size: jobs.length, epochs, threads, seconds: run.seconds + verification };
  });
  return { rungs: climbed, idle: waiting };
}

interface Searched {
  readonly steps: readonly ForecastStep[];
  readonly stop: Forecast['stop'];
  readonly size: Size;
  readonly until: number;
  /** Minibatches of the winner's line, in so many tasks. */
  readonly line: { readonly minibatches: number; readonly tasks: number };
  readonly idle: Idle;
}

/** All steps, from when the vanilla network is trained. */
function searchSteps(question: Question, from: number, startIdle: Idle): Searched {
  const { context, planned, workers, threads } = question;
  const { settings } = context;
  const rungs = rungsOf(settings);
  const perEpoch = minibatchesPerEpoch(context, false);
  const end = planned?.plan.searchUntil ?? settings.limits.seconds ?? Infinity;
  const images = epochImages(perEpoch * settings.batch, context.counts.validation, settings);
  let parent = startNetwork(context);
  let idle = startIdle;
  let time = from;
  let line = { minibatches: 0, tasks: 0 };
  const steps: ForecastStep[] = [];
  const ended = (stop: Forecast['stop']): Searched => ({ steps, stop, size: sizeOf(parent), until: time, line, idle });
  let last: SamplingOptions | null = null;
  for (let step = 1; step <= mostSteps; step++) {
    if (settings.limits.steps !== null && step > settings.limits.steps) return ended('steps');
    const drawing: SamplingOptions | null = step > mostDrawn ? last : drawStep(question, parent, step);
    if (drawing === null) return ended('limits');
    last = drawing;
    const asked =
      planned === null ? null : { plan: planned.plan, rungs, children: drawing.sizes, images, cores: { workers, threads } };
    if (!admitsStep(end - time, step === 1, asked)) return ended('time');
    const climbed = climb(question, drawing, rungs, idle);
    const seconds = climbed.rungs.reduce((sum, rung) => sum + rung.seconds, 0);
    const minibatches = climbed.rungs.reduce((sum, { size, epochs }) => sum + size * epochs * perEpoch, 0);
    const left = end - time;
    const ends = seconds <= left;
    const share = ends ? 1 : left / seconds;
    const counted = Math.floor(share * minibatches);
    steps.push({ step, children: drawing.sizes, rungs: climbed.rungs, minibatches: counted, seconds: share * seconds, ends });
    // The workers of a step that is cut short are ended.
    idle = ends ? climbed.idle : [];
    time += share * seconds;
    // Of a step that is cut short, the best child so far goes on where each was measured.
    if (!ends && left < must(climbed.rungs[0], 'rung').seconds) return ended('time');
    parent = drawing.winner.network;
    const epochs = rungs.reduce((sum, rung) => sum + rung.epochs, 0);
    line = { minibatches: line.minibatches + Math.floor(share * epochs * perEpoch), tasks: line.tasks + rungs.length };
    if (!ends) return ended('time');
  }
  return ended('open');
}

/** The segments of a final training that a budget limits, each planned from the speed of the one before. */
function segmentsOf(
  question: Question,
  searched: Searched,
  vanilla: Size,
): { minibatches: number; segments: number; seconds: number } {
  const { context, costs, threads, planned, testImages } = question;
  const { settings } = context;
  const { size, until, line } = searched;
  const { budget } = must(planned, 'budget');
  const minibatch = costs.minibatch(size, threads);
  const start = costs.preparation(size, threads) + minibatch;
  const segments: Segment[] = [];
  let seconds = 0;
  while ((segments.at(-1)?.to ?? 0) < 1) {
    const slice = planSegment({
      budget,
      elapsed: until + seconds,
      planned: segments,
      rate: settings.final.rate,
      minibatch,
      baselineMinibatch: settings.baseline ? costs.minibatch(vanilla, threads) : 0,
      baselineSearched: settings.baseline ? line.minibatches : 0,
      test: readingSeconds(settings.baseline, start, testImages / settings.batch, minibatch),
      start,
    });
    segments.push(slice);
    seconds += tasksOf(question).whole(size, threads, slice.count);
  }
  return { minibatches: segments.reduce((sum, { count }) => sum + count, 0), segments: segments.length, seconds };
}

export function forecast(question: Question): Forecast {
  const { context, costs, workers, threads, testImages, elapsed, planned } = question;
  const { settings, counts } = context;
  const tasks = tasksOf(question);
  const phases: Forecast['phases'][number][] = [];
  let time = 0;
  const pass = (name: PhaseName, seconds: number): void => {
    time += seconds;
    phases.push({ name, seconds, until: time });
  };
  pass('beginning', elapsed);

  const size = sizeOf(startNetwork(context));
  const { epochs } = settings.vanilla;
  // The measurement that a budget is planned with leaves a worker with all threads behind.
  const started = planned === null ? costs.start(threads) : 0;
  const vanillaSeconds = started + tasks.epochs(size, threads, epochs);
  pass('vanilla', vanillaSeconds);
  const vanilla = { size, epochs, minibatches: epochs * minibatchesPerEpoch(context, false), seconds: vanillaSeconds };

  const searched = searchSteps(question, time, [threads]);
  pass('steps', searched.until - time);
  const trained = vanilla.minibatches + searched.steps.reduce((sum, step) => sum + step.minibatches, 0);
  const perEpoch = minibatchesPerEpoch(context, true);
  if (settings.final.epochs === 0) {
    pass('export', tasks.verification(searched.size, 1, counts.validation));
    const nothing = { final: null, baseline: null };
    return { phases, vanilla, steps: searched.steps, stop: searched.stop, ...nothing, minibatches: trained, seconds: time };
  }

  const again = searched.idle.includes(threads) ? 0 : costs.start(threads);
  // What won is exported and verified beside it.
  const beside = again + tasks.verification(searched.size, 1, counts.validation) / workers;
  const segments =
    planned === null
      ? {
          minibatches: settings.final.epochs * perEpoch,
          segments: 1,
          seconds: beside + tasks.whole(searched.size, threads, settings.final.epochs * perEpoch),
        }
      : segmentsOf({ ...question }, { ...searched, until: searched.until + beside }, size);
  const finalSeconds = segments.seconds + (planned === null ? 0 : beside);
  pass('final', finalSeconds);
  const final = {
    size: searched.size,
    epochs: segments.minibatches / perEpoch,
    minibatches: segments.minibatches,
    seconds: finalSeconds,
  };
  pass('test', tasks.reading(searched.size, threads, testImages));

  let baseline: ForecastTraining | null = null;
  if (settings.baseline) {
    const { minibatches, tasks: pieces } = searched.line;
    const seconds =
      tasks.epochs(size, threads, minibatches / minibatchesPerEpoch(context, false)) +
      (pieces - 1) * costs.preparation(size, threads) +
      tasks.whole(size, threads, segments.minibatches) +
      (segments.segments - 1) * costs.preparation(size, threads) +
      tasks.reading(size, threads, testImages) +
      tasks.verification(searched.size, 1, testImages) / workers;
    pass('baseline', seconds);
    const all = minibatches + segments.minibatches;
    baseline = { size, epochs: minibatches / minibatchesPerEpoch(context, false) + final.epochs, minibatches: all, seconds };
  } else pass('export', tasks.verification(searched.size, threads, testImages));
  return {
    phases,
    vanilla,
    steps: searched.steps,
    stop: searched.stop,
    final,
    baseline,
    minibatches: trained + segments.minibatches + (baseline?.minibatches ?? 0),
    seconds: time,
  };
}

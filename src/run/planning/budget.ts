/** Plans a budget from measured speeds. Pure. Times are active seconds. */
import { fewestEpochs } from '../../search/rungs.ts';
import { mergeSettings, type Settings, type SettingsOverride } from '../../search/settings.ts';
import type { Segment } from '../../search/state.ts';
import { UserError } from '../../util/user-error.ts';
import type { Network } from '../../network/network.ts';
import type { Plan } from '../record/events.ts';
import type { Counts } from '../../search/counts.ts';
import { costOfTraining } from '../../search/work.ts';
import { planWork, plannedWork, settingsOfWork, type WorkPlan } from '../../search/work-plan.ts';

/** The share of the budget that is planned; the rest is a reserve. */
const end = 0.97;
/** Shares of the time for the start network and the steps; the final training has the rest. */
const vanillaShare = 0.1;
const searchShare = 0.5;
/** With fewer epochs the start network learns too little; then fewer images are used. */
const fewVanillaEpochs = 6;

export interface BudgetQuestion {
  /** Seconds a multiply-add of training (forward multiply-adds, one image): one job with all threads. */
  readonly alone: number;
  /** The same for each of `workers` jobs side by side. */
  readonly beside: number;
  readonly budget: number;
  /** Seconds elapsed. */
  readonly elapsed: number;
  readonly settings: Settings;
  /** Training images available, without validation. */
  readonly images: number;
  /** Validation images, where so many train. */
  validated(images: number): number;
  readonly testImages: number;
  /** The vanilla network's, an image. */
  readonly multiplyAdds: number;
  /** Mean multiply-adds of a step's children over the start network's, for each step that is planned. */
  readonly growth: readonly number[];
  readonly workers: number;
}

/** What an epoch costs with its validation, in images that are trained on. */
export const epochImages = (images: number, validated: number, { augmentedValidation }: Settings): number =>
  images + (augmentedValidation ? 2 : 1) * evaluationShare * validated;

/** The largest number up to `most` of which that holds, which holds of all that are smaller; 0 where it holds of none. */
function largest(most: number, holds: (count: number) => boolean): number {
  let [low, high] = [0, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Scales images, epochs and children of the settings so that start network, steps and final training fit. A UserError where none fit. */
export function planBudget(question: BudgetQuestion): Plan {
  const { budget, elapsed, settings, multiplyAdds, growth, alone, beside, workers, testImages } = question;
  const winner = multiplyAdds * (growth.at(-1) ?? 1) * alone * settings.batch;
  // Test evaluation and verification of the file come first.
  const reading = evaluationSeconds(settings.baseline, 0, testImages / settings.batch, winner);
  const time = end * budget - elapsed - reading;
  const most = Math.min(question.images, settings.images ?? Infinity);
  const imageAlone = multiplyAdds * alone;
  /** Seconds that an epoch a step costs for each image, over all steps. */
  const imageSteps = (multiplyAdds * beside * growth.reduce((sum, factor) => sum + factor, 0)) / workers;

  const cost = (count: number): number => epochImages(count, question.validated(count), settings);
  const least = Math.min(most, 4 * settings.batch);
  const vanillaImages = (vanillaShare * time) / (Math.min(settings.vanilla.epochs, fewVanillaEpochs) * imageAlone);
  let images = Math.max(
    least,
    largest(most, (count) => cost(count) <= vanillaImages),
  );
  let { children } = settings.step;
  const fewest = (): number => fewestEpochs({ ...settings, step: { ...settings.step, children } });
  const searchImages = (searchShare * time) / imageSteps;
  const epochsFor = (): number => Math.floor(searchImages / cost(images));
  /** So many images, if fewer, with which the fewest epochs fit; one that validates many costs as much with few. */
  const fitting = (count: number): number => largest(count, (fewer) => cost(fewer) * fewest() <= searchImages);
  // Fewer images, down to a half; then fewer children; then fewer images again.
  images = Math.max(least, Math.min(images, Math.max(Math.ceil(images / 2), fitting(images))));
  while (epochsFor() < fewest() && children > 4) children = Math.ceil(children / 2);
  if (epochsFor() < fewest()) images = Math.max(least, fitting(images));
  while (epochsFor() < fewest() && children > 2) children--;
  if (time <= 0 || epochsFor() < fewest()) {
    const needed = (elapsed + reading + (fewest() * cost(images) * imageSteps) / searchShare) / end;
    throw new UserError(
      // In the form that the option takes.
      `--budget ${Math.round(budget)}s is too short on this machine: use at least ${Math.ceil(needed / 10) * 10}s`,
    );
  }
  const vanillaEpochs = Math.max(
    1,
    Math.min(settings.vanilla.epochs, Math.floor((vanillaShare * time) / (cost(images) * imageAlone))),
  );
  const stepEpochs = Math.max(fewest(), Math.min(settings.step.epochs, epochsFor()));
  const searchUntil = elapsed + (vanillaShare + searchShare) * time;
  return { images, vanillaEpochs, children, stepEpochs, searchUntil, alone, beside };
}

/** Seconds: no budget is looked for beyond this. */
const longestAdvice = 1e7;

/** What start network and steps may take of what they are planned to. */
const searchSlack = 2;
/** The part of the time that they may take in all: the rest is for the final training and the test. */
const searchMost = 0.85;

export interface WorkQuestion extends Pick<
  BudgetQuestion,
  'alone' | 'beside' | 'budget' | 'elapsed' | 'settings' | 'testImages' | 'workers'
> {
  /** Of all images. */
  readonly counts: Counts;
  /** A given start network. */
  readonly from: Network | null;
  /** Settings that are not the plan's to decide. */
  readonly given: SettingsOverride;
}

/** The work that fits into the time, and what a search of that work trains. For methods that are one training. */
export function planWorkBudget(question: WorkQuestion): Plan {
  const { budget, elapsed, settings, counts, from, given, alone, beside, workers, testImages } = question;
  const secondsOf = (work: number): { readonly plan: WorkPlan; readonly search: number; readonly seconds: number } => {
    const plan = planWork(settings, counts, work, given, from);
    const { start, steps } = plannedWork(settings, counts, plan, from);
    const perWork = (seconds: number): number => seconds / costOfTraining(1, 1);
    const validated = 1 + (evaluationShare * counts.validation * plan.rounds) / counts.train;
    const tasks = 1 + plan.steps * Math.ceil(plan.children / workers);
    const inSteps = plan.children >= workers ? beside / workers : alone;
    const search = taskStart * tasks + validated * (start * perWork(alone) + steps * perWork(inSteps));
    const reading = evaluationSeconds(settings.baseline, 0, testImages, plan.multiplyAdds * alone);
    return { plan, search, seconds: search + reading + Math.max(0, work - start - steps) * perWork(alone) };
  };
  /** The work that fits into so many seconds in all; null where steps and start network leave no time for the final training. */
  const fitting = (all: number): { readonly work: number; readonly plan: WorkPlan; readonly search: number } | null => {
    const time = end * all - elapsed;
    if (time <= 0) return null;
    let [least, most] = [costOfTraining(1, counts.train), (costOfTraining(1, 1) * time) / alone];
    for (let index = 0; index < 30 && most / least > 1.002; index++) {
      const middle = Math.sqrt(least * most);
      if (secondsOf(middle).seconds <= time) least = middle;
      else most = middle;
    }
    const { plan, search } = secondsOf(least);
    return search > 0.8 * time ? null : { work: least, plan, search };
  };
  const found = fitting(budget);
  if (found === null) {
    let enough = Math.max(budget, elapsed);
    while (fitting(enough) === null && enough < longestAdvice) enough += Math.max(1, 0.05 * enough);
    throw new UserError(
      `--budget ${Math.round(budget)}s is too short on this machine: use at least ${Math.ceil(enough / 10) * 10}s`,
    );
  }
  const { plan, search, work } = found;
  const { widths, rounds, vanillaEpochs, steps, children, stepEpochs, multiplyAdds, strong } = plan;
  return {
    images: counts.train,
    vanillaEpochs,
    children,
    stepEpochs,
    // The steps may take longer than planned; then the final training is shorter.
    searchUntil: elapsed + Math.min(searchSlack * search, searchMost * (end * budget - elapsed)),
    alone,
    beside,
    sizes: {
      work: Math.round(work),
      widths: [...widths],
      rounds,
      steps,
      multiplyAdds,
      ...(strong === undefined ? {} : { strong }),
    },
  };
}

/** The settings as a plan scales them; without one, as they are. */
export function plannedSettings(settings: Settings, plan: Plan | null): Settings {
  if (plan === null) return settings;
  const { sizes, images, vanillaEpochs, children, stepEpochs } = plan;
  return sizes === undefined
    ? mergeSettings(settings, { images, vanilla: { epochs: vanillaEpochs }, step: { children, epochs: stepEpochs } })
    : settingsOfWork(settings, sizes.work, { vanillaEpochs, children, stepEpochs, ...sizes });
}

/** Seconds before the first minibatch of a task, where none was measured. */
export const taskStart = 1.5;

/** The verification of the final file takes as long as so many test evaluations: the engine's and the file's. */
const verificationEvaluations = 2;
/** Seconds of evaluating an image over those of training on it, as a budget plans them. */
const evaluationShare = 0.4;

/** Seconds that a budget reserves for test evaluation and verification. `start`: of a task. */
export const evaluationSeconds = (baseline: boolean, start: number, minibatches: number, minibatch: number): number =>
  ((baseline ? 2 : 1) + verificationEvaluations) * (start + minibatches * minibatch * evaluationShare);

/** Where the segments of a budgeted final training end; after each the rest is planned again from the measured speed. */
const segmentEnds = [0.03, 0.2, 0.4, 0.55, 0.68, 0.78, 0.86, 0.92, 0.97, 1];

export interface SegmentQuestion {
  readonly budget: number;
  readonly elapsed: number;
  readonly planned: readonly Segment[];
  readonly rate: number;
  /** Seconds a minibatch of the final training. */
  readonly minibatch: number;
  /** The same for the baseline that follows; 0 without one. */
  readonly baselineMinibatch: number;
  /** Minibatches that the baseline trains before its final training. */
  readonly baselineSearched: number;
  /** Seconds of the test evaluation, and of the start of a task. */
  readonly test: number;
  readonly start: number;
}

/** The next slice of the final training: as many minibatches as the time left allows, the cosine ending with it. */
export function planSegment(question: SegmentQuestion): Segment {
  const { budget, elapsed, planned, rate, minibatch, baselineMinibatch, baselineSearched, test, start } = question;
  const from = planned.at(-1)?.to ?? 0;
  const left = segmentEnds.filter((boundary) => boundary > from).length;
  const done = planned.reduce((sum, slice) => sum + slice.count, 0);
  const time = end * budget - elapsed - test - left * start - (baselineSearched + done) * baselineMinibatch;
  const minibatches = Math.max(1, time / (minibatch + baselineMinibatch));
  const before = (boundary: number): number => Math.round((minibatches * (boundary - from)) / (1 - from));
  // A slice without a minibatch joins the next one.
  const to = segmentEnds.find((boundary) => boundary > from && before(boundary) > 0) ?? 1;
  const count = Math.max(1, before(to));
  return { rate, from, to, count, whole: true, restart: planned.length === 0 };
}

/**
 * Measures the speed of this machine by probes in workers: the start network in both modes (as many jobs of one thread as there
 * are workers, and one job of all threads), and what a budget buys at that speed. Writes nothing.
 */
import type { JobObserver, Pool } from '../../execution/pool.ts';
import { applyAll } from '../../morphism/apply.ts';
import { countMultiplyAdds } from '../../network/cost.ts';
import type { Network } from '../../network/network.ts';
import { methodOf, startNetwork, type Context } from '../../search/next.ts';
import { passesOf } from '../../search/passes.ts';
import { evaluationWeightsOf, learningOf, type Settings, type SettingsOverride } from '../../search/settings.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { JobFailure, type Job, type ProbeJob, type Stage } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { mean } from '../../util/numbers.ts';
import { RunError } from '../../util/user-error.ts';
import { splitCounts } from '../../data/split-counts.ts';
import { planBudget, planWorkBudget } from './budget.ts';
import { dataReference, engineOf, type Config } from '../record/config.ts';
import { growthOf } from './clock.ts';
import type { RunEvent } from '../record/events.ts';

/** The parts of a run that a probe needs. */
export interface ProbeSetup {
  readonly config: Config;
  readonly pool: Pool;
  readonly signal: AbortSignal;
  elapsed(): number;
  contextFor(settings: Settings): Context;
}

/**
 * Of the start network: minibatches, at most, and the seconds after which no further one starts. By time: where a minibatch is
 * short, the code that makes it is compiled only after some dozens.
 */
const ofStart = { minibatches: 500, seconds: 3 };
/** Minibatches at the beginning that are not counted. */
const warmup = (count: number): number => Math.max(1, Math.floor(0.4 * count));
/** Batches of an evaluation. */
export const evaluations = 4;
/** Steps that a budget is planned for; more follow where there is time. */
const plannedSteps = 2;

/** What was results of a probe: seconds of its worker's clock, as what the parent hears late it hears in a burst. */
export interface ProbeResult {
  /** Seconds until it started, by this process's clock. */
  readonly start: number;
  /** When each minibatch ended. */
  readonly minibatches: readonly number[];
  readonly reached: ReadonlyMap<Stage, number>;
  /** Seconds that ONNX Runtime takes for a batch of the file, and that its verification took. */
  readonly verified: { readonly batch: number; readonly seconds: number } | null;
}

export type ProbeRequest = Pick<ProbeJob, 'network' | 'edits' | 'minibatches' | 'seconds' | 'evaluations' | 'verification'>;

/** The network that a probe trains. */
function trainedBy({ network, edits = [] }: ProbeRequest): Network {
  const trained = applyAll(network, edits);
  if (typeof trained === 'string') throw new Error(`bug: ${trained}`);
  return trained;
}

/** Runs a probe. A RunError where it fails. */
export async function probe(
  { config, pool, signal, contextFor }: ProbeSetup,
  asked: ProbeRequest,
  id: string,
  threads: number,
): Promise<ProbeResult> {
  const { batch, augmentation, validation, images } = config.settings;
  const job: Job = {
    kind: 'probe',
    id: `probe ${id}`,
    ...asked,
    data: dataReference(config, images, validation),
    batch,
    ...passesOf(contextFor(config.settings), trainedBy(asked)),
    augmentation,
    learning: learningOf(config.settings),
    engine: engineOf(config, threads),
    ...evaluationWeightsOf(config.settings),
  };
  const times: number[] = [];
  const reached = new Map<Stage, number>();
  let verified: ProbeResult['verified'] = null;
  let start = 0;
  const begun = performance.now();
  const report: JobObserver['report'] = (each, _peak, clock) => {
    if (each.kind === 'progress') times.push(clock);
    else if (each.kind === 'verified')
      verified = {
        batch: ((job.passes ?? 1) * each.verified.latency.batch) / 1000,
        seconds: clock - (reached.get('compared') ?? clock),
      };
    else if (each.kind === 'reached') {
      reached.set(each.stage, clock);
      if (each.stage === 'begun' && start === 0) start = (performance.now() - begun) / 1000;
    }
  };
  await pool.run(job, { report }, signal).catch((error: unknown) => {
    if (!(error instanceof JobFailure)) throw error;
    throw new RunError(`measuring the speed failed (${error.failure}): ${error.message}`);
  });
  return { start, minibatches: times, reached, verified };
}

/** Probes side by side, on one thread each. */
export const probeInParallel = (run: ProbeSetup, jobs: readonly ProbeRequest[]): Promise<readonly ProbeResult[]> =>
  Promise.all(jobs.map((asked, index) => probe(run, asked, String(index), 1)));

/** Seconds a minibatch. */
export function secondsAMinibatch({ minibatches: times }: ProbeResult): number {
  const skipped = warmup(times.length);
  return (must(times.at(-1), 'time') - must(times[skipped - 1], 'time')) / (times.length - skipped);
}

/** Seconds from one stage to another. */
export const between = ({ reached }: ProbeResult, from: Stage, to: Stage): number =>
  must(reached.get(to), to) - must(reached.get(from), from);

export interface Start {
  readonly beside: readonly ProbeResult[];
  readonly alone: ProbeResult;
}

/** The start network in both modes. `more`: with evaluation and verification. */
export async function timeStart(run: ProbeSetup, network: Network, more: boolean): Promise<Start> {
  const { workers, threads } = coresOfRun(run.config);
  const asked: ProbeRequest = { network, ...ofStart, ...(more ? { evaluations, verification: true } : {}) };
  const jobs = Array.from({ length: workers }, () => asked);
  const beside = await probeInParallel(run, jobs);
  const alone = threads === 1 ? must(beside[0], 'probe') : await probe(run, asked, 'alone', threads);
  return { beside, alone };
}

/** Measures one job with all threads, and as many jobs of one thread as there are workers, and plans the budget with that. */
export async function measureBudget(run: ProbeSetup, context: Context, budget: number): Promise<RunEvent> {
  const start = await timeStart(run, startNetwork(context), false);
  return planOf(run, context, budget, start, run.elapsed());
}

/** Of what a plan of work decides, that which was given. */
function givenIn({ settings: { widths, step, limits, augmentation }, given = [] }: Config): SettingsOverride {
  const augmented = (['crop', 'mixup', 'policy'] as const).filter((name) => given.includes(`augmentation.${name}`));
  return {
    ...(augmented.length === 0 ? {} : { augmentation: Object.fromEntries(augmented.map((name) => [name, augmentation[name]])) }),
    ...(given.includes('widths') ? { widths } : {}),
    ...(given.includes('step.children') ? { step: { children: step.children } } : {}),
    ...(given.includes('limits.steps') ? { limits: { steps: limits.steps } } : {}),
  };
}

/** What a budget buys by the timings of the start network, after so many seconds. */
export function planOf(
  run: ProbeSetup,
  context: Context,
  budget: number,
  { beside, alone }: Start,
  elapsed: number,
): Extract<RunEvent, { type: 'plan' }> {
  const { settings, workers } = run.config;
  const network = startNetwork(context);
  const multiplyAdds = countMultiplyAdds(network);
  const perMultiplyAdd = (seconds: number): number => seconds / settings.batch / multiplyAdds;
  const speed = {
    alone: perMultiplyAdd(secondsAMinibatch(alone)),
    beside: perMultiplyAdd(mean(beside.map(secondsAMinibatch))),
  };
  const { testImages } = run.config.data;
  if (methodOf(context).continuous)
    return {
      type: 'plan',
      budget,
      plan: planWorkBudget({
        ...speed,
        budget,
        elapsed,
        settings,
        counts: context.counts,
        from: context.origin?.network ?? null,
        given: givenIn(run.config),
        testImages,
        workers,
      }),
    };
  const question = {
    ...speed,
    budget,
    settings,
    images: run.contextFor({ ...settings, images: null }).counts.train,
    validated: (images: number) => splitCounts(run.config.data, { ...settings, images }).validation,
    testImages,
    multiplyAdds,
    growth: growthOf(context, plannedSteps),
    workers,
    elapsed,
  };
  return { type: 'plan', budget, plan: planBudget(question) };
}

/**
 * The speed of this machine, measured by trying out networks in workers: the one that the search starts from in both ways of
 * working, and what a budget buys at that. Nothing is written.
 */
import type { Pool } from '../../execution/pool.ts';
import { countMultiplyAdds } from '../../network/cost.ts';
import type { Network } from '../../network/network.ts';
import { drawChildren, startNetwork, type Context } from '../../search/next.ts';
import { learningOf, type Settings } from '../../search/settings.ts';
import { coresOfRun } from '../../search/rungs.ts';
import type { Job, ProbeJob, Stage } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { mean } from '../../util/numbers.ts';
import { splitCounts } from '../../data/split-counts.ts';
import { planBudget } from './budget.ts';
import { dataReference, engineOf, type Config } from '../record/config.ts';
import { middleOf } from './costs.ts';
import type { RunEvent } from '../record/events.ts';

/** What of a run a measurement needs. */
export interface Measuring {
  readonly config: Config;
  readonly pool: Pool;
  readonly signal: AbortSignal;
  elapsed(): number;
  contextFor(settings: Settings): Context;
}

/** Minibatches of the first network, at most, and the seconds after which no further one is begun. */
const minibatches = 14;
const mostSeconds = 6;
/** Of minibatches, those at the beginning that are not counted: at least one, at most four. */
const warmup = (count: number): number => Math.max(1, Math.min(4, Math.floor(0.3 * count)));
/** Batches of an evaluation. */
export const evaluations = 4;
/** Steps that a budget is planned for; more are made where there is time. */
const plannedSteps = 2;

/** How much larger than the vanilla network the children of each step are, on average, as they would be drawn. */
function growthOf(vanilla: Network, context: Context): readonly number[] {
  const factors: number[] = [];
  let parent = vanilla;
  for (let step = 1; step <= plannedSteps; step++) {
    const children = drawChildren(parent, context, step);
    factors.push(mean(children.map(({ network }) => countMultiplyAdds(network))) / countMultiplyAdds(vanilla));
    parent = middleOf(children).network;
  }
  return factors;
}

/** What was heard of a probe: seconds of its worker's clock, as what the parent hears late it hears in a burst. */
export interface Heard {
  /** Seconds until it began, by this process's clock. */
  readonly start: number;
  /** When each minibatch was done. */
  readonly minibatches: readonly number[];
  readonly reached: ReadonlyMap<Stage, number>;
  /** Seconds that ONNX Runtime takes for a batch of the file, and that its verification took. */
  readonly verified: { readonly batch: number; readonly seconds: number } | null;
}

export type Asked = Pick<ProbeJob, 'network' | 'edits' | 'minibatches' | 'seconds' | 'evaluations' | 'verification'>;

export async function probe({ config, pool, signal }: Measuring, asked: Asked, id: string, threads: number): Promise<Heard> {
  const { batch, augmentation, validation, images } = config.settings;
  const job: Job = {
    kind: 'probe',
    id: `probe ${id}`,
    ...asked,
    data: dataReference(config, images, validation),
    batch,
    augmentation,
    learning: learningOf(config.settings),
    engine: engineOf(config, threads),
  };
  const times: number[] = [];
  const reached = new Map<Stage, number>();
  let verified: Heard['verified'] = null;
  let start = 0;
  const begun = performance.now();
  await pool.run(
    job,
    {
      report(report, _peak, clock) {
        if (report.kind === 'progress') times.push(clock);
        else if (report.kind === 'verified')
          verified = { batch: report.verified.latency.batch / 1000, seconds: clock - (reached.get('compared') ?? clock) };
        else if (report.kind === 'reached') {
          reached.set(report.stage, clock);
          if (report.stage === 'begun' && start === 0) start = (performance.now() - begun) / 1000;
        }
      },
      started: () => undefined,
    },
    signal,
  );
  return { start, minibatches: times, reached, verified };
}

/** So many jobs at once, on one thread each. */
export const besideEachOther = (run: Measuring, jobs: readonly Asked[]): Promise<readonly Heard[]> =>
  Promise.all(jobs.map((asked, index) => probe(run, asked, String(index), 1)));

/** Seconds a minibatch. */
export function secondsEach({ minibatches: times }: Heard): number {
  const skipped = warmup(times.length);
  return (must(times.at(-1), 'time') - must(times[skipped - 1], 'time')) / (times.length - skipped);
}

/** Seconds from one stage to another. */
export const between = ({ reached }: Heard, from: Stage, to: Stage): number =>
  must(reached.get(to), to) - must(reached.get(from), from);

export interface Start {
  readonly beside: readonly Heard[];
  readonly alone: Heard;
}

/** The first network in both ways. `more`: evaluation and verification too. */
export async function tryStart(run: Measuring, network: Network, more: boolean): Promise<Start> {
  const { workers, threads } = coresOfRun(run.config);
  const asked: Asked = { network, minibatches, seconds: mostSeconds, ...(more ? { evaluations, verification: true } : {}) };
  const jobs = Array.from({ length: workers }, () => asked);
  const beside = await besideEachOther(run, jobs);
  const alone = threads === 1 ? must(beside[0], 'probe') : await probe(run, asked, 'alone', threads);
  return { beside, alone };
}

/** Measures one job with all threads, and as many jobs of one thread as there are workers, and plans the budget with that. */
export async function measureBudget(run: Measuring, context: Context, budget: number): Promise<RunEvent> {
  const start = await tryStart(run, startNetwork(context), false);
  return planOf(run, context, budget, start, run.elapsed());
}

/** What a budget buys by a measurement of the first network, when so many seconds are gone. */
export function planOf(
  run: Measuring,
  context: Context,
  budget: number,
  { beside, alone }: Start,
  elapsed: number,
): Extract<RunEvent, { type: 'plan' }> {
  const { settings, workers } = run.config;
  const network = startNetwork(context);
  const multiplyAdds = countMultiplyAdds(network);
  const perMultiplyAdd = (seconds: number): number => seconds / settings.batch / multiplyAdds;
  const question = {
    budget,
    settings,
    images: run.contextFor({ ...settings, images: null }).counts.train,
    validated: (images: number) => splitCounts(run.config.data.trainImages, { ...settings, images }).validation,
    testImages: run.config.data.testImages,
    multiplyAdds,
    growth: growthOf(network, context),
    workers,
    alone: perMultiplyAdd(secondsEach(alone)),
    beside: perMultiplyAdd(mean(beside.map(secondsEach))),
    elapsed,
  };
  return { type: 'plan', budget, plan: planBudget(question) };
}

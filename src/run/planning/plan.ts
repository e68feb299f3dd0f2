/** Forecasts a search on this machine: reads its data, times the machine, simulates the search. Trains nothing that is kept. */
import { createPool } from '../../execution/pool.ts';
import { startNetwork, type Origin } from '../../search/next.ts';
import type { Settings } from '../../search/settings.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { begin, defaultPatience, type AskedOptions, type Beginning } from '../preparing/begin.ts';
import { configOf } from '../preparing/config-of.ts';
import { temporaryCache } from '../preparing/spare-cache.ts';
import { plannedSettings } from './budget.ts';
import { contextOf } from '../preparing/check.ts';
import type { Config } from '../record/config.ts';
import { costsOf, type Timings } from './costs.ts';
import type { Plan } from '../record/events.ts';
import { forecast, type Forecast } from './forecast.ts';
import { timeAll } from './timing.ts';

export interface PlanOptions extends AskedOptions {
  /** Called when the data is read and timing starts. */
  readonly onMeasuring?: () => void;
}

/** Times are seconds. */
export interface PlanReport {
  /** What the search would run with. */
  readonly config: Config;
  /** What the budget scales; null without one. */
  readonly plan: Plan | null;
  /** The settings as the budget scales them. */
  readonly settings: Settings;
  /** Training images, those of them that train while others validate, and those that validate. */
  readonly images: { readonly train: number; readonly validation: number };
  /** Passes of a minibatch of the start network. */
  readonly passes: number;
  readonly forecast: Forecast;
  /** What was timed, and how long the plan took. */
  readonly timings: Timings;
  readonly measured: { readonly reading: number; readonly seconds: number };
}

/**
 * The forecast of a search with the same options. Only the cache of decoded data is written. A budget that is too short throws the
 * UserError that the search would throw. Aborting the signal ends it at once, with the signal's reason.
 */
export async function plan(options: PlanOptions): Promise<PlanReport> {
  const begun = performance.now();
  const elapsed = (): number => (performance.now() - begun) / 1000;
  const spare = temporaryCache();
  try {
    return await planWith(options, await begin(options, spare), elapsed);
  } finally {
    spare.remove();
  }
}

async function planWith(options: PlanOptions, beginning: Beginning, elapsed: () => number): Promise<PlanReport> {
  const { dataset, settings, prepared, engineName } = beginning;
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  // Its tensors do not change any cost.
  const origin: Origin | null = prepared === null ? null : { network: prepared.network, checkpoint: '', compared: null };
  const config = configOf(options, beginning, origin);
  const contextFor = (of: Settings): ReturnType<typeof contextOf> => contextOf(dataset, of, origin, engineName, beginning.times);
  const reading = elapsed();
  options.onMeasuring?.();
  // Probes neither read checkpoints nor write them.
  const pool = createPool({ checkpoints: '', patience: options.patience ?? defaultPatience });
  try {
    const asked = contextFor(settings);
    const found = await timeAll({ config, pool, signal, elapsed, contextFor }, asked);
    const scaled = plannedSettings(settings, found.plan);
    const context = contextFor(scaled);
    const { train, validation } = context.counts;
    return {
      config,
      plan: found.plan,
      settings: scaled,
      images: { train, validation },
      passes: asked.passesFor(startNetwork(asked)) ?? 1,
      forecast: forecast({
        context,
        costs: costsOf(found.timings),
        ...coresOfRun(config),
        testImages: dataset.test.labels.length,
        elapsed: reading + (found.plan === null ? 0 : found.ownMeasurement),
        planned: found.plan === null || options.budget === undefined ? null : { budget: options.budget, plan: found.plan },
      }),
      timings: found.timings,
      measured: { reading, seconds: elapsed() },
    };
  } finally {
    pool.close();
  }
}

/**
 * Instar as a library: `search` and `resume` give a run as an async iterator of its events; `readRun` reads one.
 *
 * ```ts
 * import { search } from 'instar';
 * for await (const event of search({ dataset: './photos', budget: '30m' })) console.log(event.type);
 * ```
 *
 * `plan` forecasts what a search with the same options would do on this machine, and how long it would take.
 *
 * Options are checked before anything is read: a UserError names the option that is wrong, in one line.
 */
import { checkPlan, checkResume, checkSearch } from './options/check.ts';
import * as run from './run/driving/open.ts';
import type { RunItem } from './run/driving/drive.ts';
import * as planning from './run/planning/plan.ts';

/** `budget`: seconds, or a time such as `'1h30m'`. */
type WithTime<Options extends { readonly budget?: number }> = Omit<Options, 'budget'> & { readonly budget?: number | string };

export type SearchOptions = WithTime<run.SearchOptions>;
export type PlanOptions = WithTime<planning.PlanOptions>;
export type ResumeOptions = WithTime<run.ResumeOptions>;

/** Starts a search. Leaving the loop early, or aborting the signal, interrupts it: the best network is kept. */
export async function* search(options: SearchOptions): AsyncGenerator<RunItem> {
  yield* run.search(checkSearch(options) as run.SearchOptions);
}

/** Resumes a run where its journal ends. `budget`: time that is added. */
export async function* resume(root: string, options: ResumeOptions = {}): AsyncGenerator<RunItem> {
  yield* run.resume(root, checkResume(options) as run.ResumeOptions);
}

/** Forecasts the search with the same options; starts no run. */
export const plan = async (options: PlanOptions): Promise<planning.PlanReport> =>
  planning.plan(checkPlan(options) as planning.PlanOptions);

export type { RunItem };
export type { PlanReport } from './run/planning/plan.ts';
export type { Forecast, ForecastStep, ForecastRung, ForecastTraining } from './run/planning/forecast.ts';
export type { Timings } from './run/planning/costs.ts';
export { cacheFolder, type AskedOptions } from './run/preparing/begin.ts';
export { readRun } from './run/record/read.ts';
export { exportNetwork, type ExportOptions, type ExportResult } from './run/driving/export.ts';
export type { Entry, Plan, Progress, RunEvent } from './run/record/events.ts';
export type { RunState } from './run/record/replay.ts';
export type { Config } from './run/record/config.ts';
export type { SearchEvent } from './search/events.ts';
export type { Candidate, SearchState, Step, Segment, EpochPoint } from './search/state.ts';
export { methods, type MethodName } from './search/methods/table.ts';
export { presets, type Settings, type SettingsOverride, type PresetName } from './search/settings.ts';
export type { Network, Node, Layer, Shape } from './network/network.ts';
export { printNetwork } from './network/print.ts';
export { UserError, RunError } from './util/user-error.ts';

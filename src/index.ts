/**
 * Instar as a library: `search` and `resume` give a run as an async iterator of its events; `readRun` reads one.
 *
 * ```ts
 * import { search } from 'instar';
 * for await (const event of search({ dataset: './photos', budget: 1800 })) console.log(event.type);
 * ```
 *
 * `plan` says what a search with the same options would do on this machine, and how long it would take.
 */
export { search, resume } from './run/driving/open.ts';
export { plan } from './run/planning/plan.ts';
export type { PlanOptions, PlanReport } from './run/planning/plan.ts';
export type { Forecast, ForecastStep, ForecastRung, ForecastTraining } from './run/planning/forecast.ts';
export type { Timings } from './run/planning/costs.ts';
export { cacheFolder } from './run/preparing/begin.ts';
export type { AskedOptions } from './run/preparing/begin.ts';
export { readRun } from './run/record/read.ts';
export { exportNetwork } from './run/driving/export.ts';
export type { ExportOptions, ExportResult } from './run/driving/export.ts';
export type { SearchOptions, ResumeOptions } from './run/driving/open.ts';
export type { RunItem } from './run/driving/drive.ts';
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

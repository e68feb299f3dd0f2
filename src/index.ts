/**
 * Instar as a library: searches as items of an async iterator, trained networks that predict and are evaluated, reports, exports and
 * lists of runs.
 *
 * ```ts
 * import { load, search } from 'instar';
 * for await (const item of search({ dataset: './photos', budget: '30m' })) if (item.type === 'done') console.log(item.folder);
 * const model = await load('runs/NAME');
 * const [best] = await model.predict('cat.jpg');
 * ```
 *
 * Arguments are checked before anything is read: a UserError names what is wrong, in one line.
 */
export { search, resume, plan, type SearchOptions, type ResumeOptions, type PlanOptions } from './library/search.ts';
export {
  load,
  evaluate,
  type Model,
  type LoadOptions,
  type PredictOptions,
  type EvaluateOptions,
  type Prediction,
  type Preprocessing,
} from './library/model.ts';
export {
  exportModel,
  report,
  runs,
  type ExportOptions,
  type Exported,
  type ReportOptions,
  type Report,
} from './library/report.ts';
export type * from './library/events.ts';

export type { ImageInput, RawImage } from './inference/images.ts';
export type { ClassProbability } from './inference/ranked.ts';
export type { EvaluationResult } from './inference/evaluation.ts';
export type { ListedRun } from './web/list-runs.ts';
export type { RowState } from './web/api.ts';
export type { Fit } from './data/fit.ts';
export type { PixelScale } from './data/pixel-scales.ts';
export type { ViewsName } from './network/views.ts';
export type { ConvolutionAlgorithms, Device, EngineName } from './engine/engine.ts';
export type { DataEvent } from './data/source.ts';
export type { Certificate, Failure, LogitComparison, Measured, Verified } from './training/job.ts';

export type { PlanReport } from './run/planning/plan.ts';
export type { Forecast, ForecastStep, ForecastRung, ForecastTraining } from './run/planning/forecast.ts';
export type { Timings } from './run/planning/costs.ts';
export type { Elsewhere } from './run/driving/open.ts';
export { cacheFolder } from './run/preparing/begin.ts';

export { readRun } from './run/record/read.ts';
export type { RunState } from './run/record/replay.ts';
export type { Config } from './run/record/config.ts';
export type { Candidate, SearchState, Step, Segment, EpochPoint } from './search/state.ts';
export { methods, type MethodName } from './search/methods/table.ts';
export { presets, type Settings, type SettingsOverride, type PresetName } from './search/settings.ts';
export type { Edit } from './morphism/edit.ts';
export type { Network, Node, Layer, Shape } from './network/network.ts';
export { printNetwork } from './network/print.ts';
export { UserError, RunError, type ErrorCode } from './util/user-error.ts';

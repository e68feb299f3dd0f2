/** Reads the results of a study's runs from their folders, also while the study is running. */
import { join } from 'node:path';
import type { Config } from '../run/record/config.ts';
import { isRun } from '../run/record/folder.ts';
import { readRun, type Read } from '../run/record/read.ts';
import { splitCounts } from '../data/split-counts.ts';
import { formatRungs, rungsFor } from '../search/rungs.ts';
import type { Settings } from '../search/settings.ts';
import { lineage, candidateOf, validationOf, networkOf } from '../search/state.ts';
import { must } from '../util/assert.ts';
import { UserError } from '../util/user-error.ts';
import { formatDuration } from '../util/duration.ts';
import { formatCount, formatWhole, plural } from '../util/words.ts';
import type { PlannedArm, Study } from './file.ts';
import { armLabel, listed } from './labels.ts';
import type { Arm, Outcome, StudyResult } from './result.ts';
import { plannedRuns, type PlannedRun } from './run.ts';

/** A run that has a folder, finished or not. */
export interface StudyRun {
  readonly run: PlannedRun;
  readonly read: Read;
}

/** The outcome of a run; undefined if it has not finished. */
function outcomeOf({ run, read }: StudyRun): Outcome | undefined {
  const { search, seconds } = read.state;
  if (!search.finished || search.stop === null) return undefined;
  const candidate = search.stop.line;
  const winner = candidateOf(search, candidate);
  return {
    repetition: run.repetition,
    run: run.folder,
    network: networkOf(search, candidate),
    test: search.tests.get('final')?.measured.accuracy ?? null,
    validation: must(validationOf(search, candidate), `validation of ${candidate}`).accuracy,
    parameters: winner.parameters,
    multiplyAdds: winner.multiplyAdds,
    epochs: lineage(search, 'final').reduce((sum, { epochs }) => sum + epochs.length, 0),
    seconds,
    vanilla: candidateOf(search, 'vanilla').epochs.flatMap(({ validation: clean, augmented }) =>
      clean === null ? [] : [{ clean: clean.accuracy, augmented: augmented?.accuracy ?? null }],
    ),
  };
}

function searchScale({ step, limits, final }: Settings): string {
  const { steps, seconds, parameters, multiplyAdds } = limits;
  const time = seconds === null ? '' : `, ${formatDuration(seconds)} at most`;
  return [
    `${steps === null ? 'steps within the time' : plural(steps, 'step')}${time}, each of ${step.children} children, ${plural(step.mutations, 'mutation')} per child and ${step.epochs} epochs`,
    `networks of at most ${formatCount(parameters)} parameters${multiplyAdds === null ? '' : ` and ${formatCount(multiplyAdds)} multiply-adds per image`}`,
    `final training of ${plural(final.epochs, 'epoch')}, on training and validation images`,
  ].join('; ');
}

function startScale({ widths, vanilla, ...split }: Settings, dataset: string, data: Config['data'] | undefined): string {
  const counts = data === undefined ? null : splitCounts(data, split);
  const images =
    counts === null
      ? dataset
      : `${data?.name}: ${formatWhole(counts.train)} training and ${formatWhole(counts.validation)} validation images`;
  return `${images}; vanilla network of widths ${widths.join('-')}, ${plural(vanilla.epochs, 'epoch')}`;
}

/** The descriptions of all arms. One that all share is given once, without names of arms. */
function byArm(arms: readonly PlannedArm[], describe: (settings: Settings) => string): readonly string[] {
  const described = arms.map((arm) => ({ name: armLabel(arm), text: describe(arm.settings) }));
  const texts = [...new Set(described.map(({ text }) => text))];
  return texts.map((text) => {
    const names = described.filter((arm) => arm.text === text).map(({ name }) => name);
    return texts.length === 1 ? text : `${listed(names)}: ${text}`;
  });
}

/** Data, networks, epochs and limits of the study, in one sentence. */
function scaleOf({ kind, arms, dataset }: Study, data: Config['data'] | undefined): string {
  const start = byArm(arms, (settings) => startScale(settings, dataset, data));
  if (kind === 'vanilla') return `${start.join('; ')}.`;
  const methods = arms.filter(({ baseline }) => !baseline);
  const rungs = byArm(methods, (settings) => formatRungs(rungsFor(settings))).join(', ');
  const plan = rungs === '' ? [] : [`children × epochs of a step: ${rungs}`];
  return `${[...start, ...byArm(arms, searchScale), ...plan].join('; ')}.`;
}

export interface Collected {
  readonly result: StudyResult;
  /** The run of the shared vanilla network, once it has started. */
  readonly vanilla: StudyRun | null;
  readonly runs: readonly StudyRun[];
  /** Runs that cannot be read. */
  readonly damaged: readonly { readonly run: PlannedRun; readonly message: string }[];
}

/** The sub-folder in which a study that is kept as a record may have its runs. */
export const keptRuns = 'runs';

/** Where a run of a study is read: in the study's folder, or among its kept runs. */
export function placeOfRun(root: string, folder: string): string {
  const own = join(root, folder);
  const kept = join(root, keptRuns, folder);
  return !isRun(own) && isRun(kept) ? kept : own;
}

export function collectStudy(study: Study, root: string): Collected {
  const planned = plannedRuns(study);
  const damaged: Collected['damaged'][number][] = [];
  const existing = (run: PlannedRun): StudyRun[] => {
    const folder = placeOfRun(root, run.folder);
    if (!isRun(folder)) return [];
    try {
      return [{ run, read: readRun(folder) }];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      damaged.push({ run, message: error.message });
      return [];
    }
  };
  const runs = planned.runs.flatMap(existing);
  const [vanilla = null] = planned.vanilla === null ? [] : existing(planned.vanilla);
  const arms = study.arms.map(({ name, method, baseline, settings }): Arm => ({
    name,
    method,
    baseline,
    augmentation: settings.augmentation,
    outcomes: runs.filter(({ run }) => run.arm === name).flatMap((each) => outcomeOf(each) ?? []),
  }));
  const { title, kind, repetitions } = study;
  const scale = scaleOf(study, runs[0]?.read.config.data);
  return { result: { title, kind, scale, repetitions, arms }, vanilla, runs, damaged };
}

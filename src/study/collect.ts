/** What the runs of a study say, read from their folders: also of a study that is not over. */
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

/** A run of the study that is there, finished or not. */
export interface StudyRun {
  readonly run: PlannedRun;
  readonly read: Read;
}

export interface Damaged {
  readonly run: PlannedRun;
  readonly message: string;
}

/** Undefined where the run is not finished. */
function outcomeOf({ run, read }: StudyRun): Outcome | undefined {
  const { search, seconds } = read.state;
  if (!search.finished || search.stop === null) return undefined;
  const { line } = search.stop;
  const winner = candidateOf(search, line);
  const validation = validationOf(search, line);
  return {
    repetition: run.repetition,
    run: run.folder,
    network: networkOf(search, line),
    test: search.tests.get('final')?.measured.accuracy ?? null,
    validation: must(validation, `validation of ${line}`).accuracy,
    parameters: winner.parameters,
    multiplyAdds: winner.multiplyAdds,
    epochs: lineage(search, 'final').reduce((sum, { epochs }) => sum + epochs.length, 0),
    seconds,
    vanilla: candidateOf(search, 'vanilla').epochs.flatMap(({ validation: clean, augmented }) =>
      clean === null ? [] : [{ clean: clean.accuracy, augmented: augmented?.accuracy ?? null }],
    ),
  };
}

/** How large the search of an arm was. */
function searchScale(settings: Settings): string {
  const { step, limits, final } = settings;
  const { steps, seconds, parameters, multiplyAdds } = limits;
  const rungs = rungsFor({ ...settings, method: 'shr' });
  const time = seconds === null ? '' : `, ${formatDuration(seconds)} at most`;
  return [
    `${steps === null ? 'steps as time allows' : plural(steps, 'step')}${time}, each of ${step.children} children, ${plural(step.mutations, 'mutation')} a child and ${step.epochs} epochs${rungs.length === 0 ? '' : ` (halving: ${formatRungs(rungs)})`}`,
    `networks of at most ${formatCount(parameters)} parameters${multiplyAdds === null ? '' : ` and ${formatCount(multiplyAdds)} multiply-adds an image`}`,
    `final training of ${plural(final.epochs, 'epoch')}, with the validation images too`,
  ].join('; ');
}

/** The images and the network that the search of an arm begins with. */
function startScale({ widths, vanilla, ...split }: Settings, dataset: string, data: Config['data'] | undefined): string {
  const counts = data === undefined ? null : splitCounts(data.trainImages, split);
  const images =
    counts === null
      ? dataset
      : `${data?.name}: ${formatWhole(counts.train)} training images, ${formatWhole(counts.validation)} to validate`;
  return `${images}; vanilla network ${widths.join('-')} wide, ${plural(vanilla.epochs, 'epoch')}`;
}

/** What is the same for all arms once, what is not with the names of those that it is true of. */
function byArm(arms: readonly PlannedArm[], scaleOfArm: (settings: Settings) => string): readonly string[] {
  const told = arms.map((arm) => ({ name: armLabel(arm), scale: scaleOfArm(arm.settings) }));
  const scales = [...new Set(told.map(({ scale }) => scale))];
  return scales.map((scale) => {
    const names = told.filter((arm) => arm.scale === scale).map(({ name }) => name);
    return scales.length === 1 ? scale : `${listed(names)}: ${scale}`;
  });
}

/** What the numbers were measured on, in a sentence. */
function scaleOf({ kind, arms, dataset }: Study, reads: readonly Read[]): string {
  const data = reads[0]?.config.data;
  const start = byArm(arms, (settings) => startScale(settings, dataset, data));
  return `${[...start, ...(kind === 'vanilla' ? [] : byArm(arms, searchScale))].join('; ')}.`;
}

export interface Collected {
  readonly result: StudyResult;
  /** The vanilla network's run, where it is shared and begun. */
  readonly vanilla: StudyRun | null;
  readonly runs: readonly StudyRun[];
  /** Runs that are there and cannot be read. */
  readonly damaged: readonly Damaged[];
}

export function collectStudy(study: Study, root: string): Collected {
  const planned = plannedRuns(study);
  const damaged: Damaged[] = [];
  const there = (run: PlannedRun): StudyRun[] => {
    const folder = join(root, run.folder);
    if (!isRun(folder)) return [];
    try {
      return [{ run, read: readRun(folder) }];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      damaged.push({ run, message: error.message });
      return [];
    }
  };
  const runs = planned.runs.flatMap(there);
  const [vanilla = null] = planned.vanilla === null ? [] : there(planned.vanilla);
  const arms = study.arms.map(({ name, method, baseline, settings }): Arm => ({
    name,
    method,
    baseline,
    augmentation: settings.augmentation,
    outcomes: runs.filter(({ run }) => run.arm === name).flatMap((each) => outcomeOf(each) ?? []),
  }));
  const { title, kind, repetitions } = study;
  const scale = scaleOf(
    study,
    runs.map(({ read }) => read),
  );
  return { result: { title, kind, scale, repetitions, arms }, vanilla, runs, damaged };
}

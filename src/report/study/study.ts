/** A study as its report needs it: the results, and the runs behind them. Pure. */
import type { Arm, Outcome, StudyResult } from '../../study/result.ts';
import type { RunDetails } from '../run-details.ts';

/** A run of the study, finished or not. */
export interface StudyRunDetails {
  /** The arm's name. */
  readonly arm: string;
  readonly repetition: number;
  readonly details: RunDetails;
  /** The path of its own report, relative to the page, with forward slashes; null where there is none. */
  readonly report: string | null;
}

export interface StudyDetails {
  readonly result: StudyResult;
  /** Runs with a journal; figures of steps are made from them. */
  readonly runs: readonly StudyRunDetails[];
  /** Runs that cannot be read. */
  readonly damaged: readonly { readonly arm: string; readonly repetition: number; readonly folder: string }[];
  /** The text of the study's file. */
  readonly file: string;
  /** The command that repeats the study. */
  readonly command: string;
}

export const runsOf = ({ runs }: StudyDetails, arm: Arm): readonly StudyRunDetails[] =>
  runs.filter((run) => run.arm === arm.name);

/** The finished run with the highest test accuracy, or validation accuracy where there is no test; null without a journal. */
export function bestRunOf(study: StudyDetails, arm: Arm): StudyRunDetails | null {
  const accuracy = ({ test, validation }: Outcome): number => test ?? validation;
  const ordered = arm.outcomes.toSorted((a, b) => accuracy(b) - accuracy(a));
  const runs = ordered.flatMap(({ repetition }) => runsOf(study, arm).find((run) => run.repetition === repetition) ?? []);
  return runs[0] ?? null;
}

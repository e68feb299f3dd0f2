/** A study as its page looks at it: what was found, and the runs behind it. Pure. */
import type { Arm, Outcome, StudyResult } from '../../study/result.ts';
import type { Subject } from '../subject.ts';

/** A run of the study, ended or not. */
export interface ShownRun {
  /** The arm's name. */
  readonly arm: string;
  readonly repetition: number;
  readonly subject: Subject;
  /** Its own report, from where the page lies, with forward slashes; null where there is none. */
  readonly report: string | null;
}

export interface ShownStudy {
  readonly result: StudyResult;
  /** Those whose journals are there; figures of steps are made from them. */
  readonly runs: readonly ShownRun[];
  /** Runs that are there and cannot be read. */
  readonly damaged: readonly { readonly arm: string; readonly repetition: number; readonly folder: string }[];
  /** The study's file, as it is. */
  readonly file: string;
  /** What makes the study again. */
  readonly command: string;
}

export const runsOf = ({ runs }: ShownStudy, arm: Arm): readonly ShownRun[] => runs.filter((run) => run.arm === arm.name);

export const runOf = (study: ShownStudy, arm: Arm, { repetition }: Outcome): ShownRun | null =>
  runsOf(study, arm).find((run) => run.repetition === repetition) ?? null;

/** By test accuracy, or by validation accuracy where no test set was read; of those whose journal is there. */
export function bestRunOf(study: ShownStudy, arm: Arm): { readonly outcome: Outcome; readonly run: ShownRun } | null {
  const found = arm.outcomes.flatMap((outcome) => {
    const run = runOf(study, arm, outcome);
    return run === null ? [] : [{ outcome, run }];
  });
  const [first] = found;
  if (first === undefined) return null;
  const accuracy = ({ outcome }: typeof first): number => outcome.test ?? outcome.validation;
  return found.reduce((best, each) => (accuracy(each) > accuracy(best) ? each : best), first);
}

/** Makes a report of runs or of a study, and writes it. `written`: the date in it, for people. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { OpenOptions } from '../engine/open.ts';
import { writeState } from '../training/checkpoint.ts';
import { makeFolder } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { isStudy, studyIn } from './collect-study.ts';
import { collectRun } from './collect.ts';
import { svgFile } from './figure.ts';
import { figuresOf, listFigures } from './figures.ts';
import { reportPage, type ReportedRun } from './page.ts';
import { detailsOf } from './run-details.ts';
import { studyFigures } from './study-figures.ts';
import { studyPage } from './study-page.ts';
import type { StudyDetails } from './study/study.ts';

/** A report that is ready to be written. */
export interface MadeReport {
  readonly page: string;
  /** Gives the number of figures. */
  writeFigures(folder: string): Promise<number>;
  /** What could not be shown, in lines. */
  readonly problems: readonly string[];
}

/** The report in a run's folder. */
export const reportIn = (root: string): string => join(root, 'report.html');

/** Where a report is written. `out`: what was asked for. */
export function outputFor(runs: readonly string[], out: string | undefined): string {
  const [run] = runs;
  if (out === undefined && (runs.length !== 1 || run === undefined))
    throw new UserError('--out FILE is missing: several runs go into one file', 'INSTAR_MISSING_OPTION');
  const path = out ?? reportIn(run as string);
  if (!existsSync(dirname(resolve(path)))) throw new UserError(`--out ${path}: the folder does not exist`, 'INSTAR_NOT_FOUND');
  if (existsSync(path) && !statSync(path).isFile()) throw new UserError(`--out ${path}: exists and is not a file`);
  return path;
}

/** For a file's name. */
const plain = (name: string): string => name.replaceAll(/[^\w.-]+/g, '-');

/** The figures' files; where there are several runs, named after them too. */
async function writeRunFigures(folder: string, runs: readonly ReportedRun[]): Promise<number> {
  let count = 0;
  for (const [index, { read }] of runs.entries()) {
    const subject = detailsOf(read);
    if (subject.grown === null) continue;
    for (const figure of listFigures(figuresOf(subject))) {
      const prefix = runs.length === 1 ? '' : `${index + 1}-${plain(read.name)}-`;
      await writeState(join(folder, `${prefix}${figure.name}.svg`), svgFile(figure));
      count++;
    }
  }
  return count;
}

/** Files written. */
export async function writeStudyFigures(shown: StudyDetails, folder: string): Promise<number> {
  makeFolder(folder);
  const figures = listFigures(studyFigures(shown));
  for (const figure of figures) await writeState(join(folder, `${figure.name}.svg`), svgFile(figure));
  return figures.length;
}

/** `from`: the folder of the page. */
function reportOfStudy(root: string, from: string, written: string): MadeReport {
  const { shown, collected } = studyIn(root, from);
  const problems = collected.damaged.map(({ message }) => message);
  return { page: studyPage(shown, written), writeFigures: (folder) => writeStudyFigures(shown, folder), problems };
}

async function reportOfRuns(
  roots: readonly string[],
  environment: OpenOptions['environment'],
  written: string,
): Promise<MadeReport> {
  const runs: ReportedRun[] = [];
  for (const root of roots) runs.push(await collectRun(root, environment));
  const problems = runs.flatMap(({ read, mistakes }) =>
    mistakes.kind === 'absent' ? [`${read.name}: no images: ${mistakes.reason}`] : [],
  );
  return { page: reportPage(runs, written), writeFigures: (folder) => writeRunFigures(folder, runs), problems };
}

/** `roots`: folders of runs, or one of a study. `out`: where the page will be; null where it is not written. */
export async function makeReport(
  roots: readonly string[],
  out: string | null,
  environment: OpenOptions['environment'],
  written: string,
): Promise<MadeReport> {
  const study = roots.find(isStudy);
  if (study === undefined) return reportOfRuns(roots, environment, written);
  if (roots.length > 1) throw new UserError(`${study} is a study: give it alone`);
  return reportOfStudy(study, out === null ? study : dirname(out), written);
}

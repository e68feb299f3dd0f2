/** `instar report`: runs as one HTML file to look at, and their figures as SVG files. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeFolder } from '../util/files.ts';
import { isStudy, studyIn } from '../report/collect-study.ts';
import { collectRun } from '../report/collect.ts';
import { svgFile } from '../report/figure.ts';
import { figuresOf, listFigures } from '../report/figures.ts';
import { reportPage, type ReportedRun } from '../report/page.ts';
import { detailsOf } from '../report/run-details.ts';
import { writeState } from '../training/checkpoint.ts';
import { UserError } from '../util/user-error.ts';
import { formatBytes, plural, printable } from '../util/words.ts';
import { printLines, writtenAt, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';
import { studyPageOf, writeStudyFigures } from './study-files.ts';

function outputFor(runs: readonly string[], out: string | undefined): string {
  const [run] = runs;
  if (out === undefined && (runs.length !== 1 || run === undefined))
    throw new UserError('--out FILE is missing: several runs go into one file');
  const path = out ?? join(run as string, 'report.html');
  if (!existsSync(dirname(resolve(path)))) throw new UserError(`--out ${path}: the folder does not exist`);
  if (existsSync(path) && !statSync(path).isFile()) throw new UserError(`--out ${path}: exists and is not a file`);
  return path;
}

/** For a file's name. */
const plain = (name: string): string => name.replaceAll(/[^\w.-]+/g, '-');

/** The figures' files; where there are several runs, named after them too. */
async function writeFigures(folder: string, runs: readonly ReportedRun[]): Promise<number> {
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

/** A report that is ready to be written. */
interface Report {
  readonly page: string;
  /** Gives the number of figures. */
  writeFigures(folder: string): Promise<number>;
  readonly problems: readonly string[];
}

function reportOfStudy(root: string, out: string, io: Io): Report {
  const { shown, collected } = studyIn(root, dirname(out));
  const problems = collected.damaged.map(({ message }) => message);
  return { page: studyPageOf(shown, io), writeFigures: (folder) => writeStudyFigures(shown, folder), problems };
}

async function reportOfRuns(roots: readonly string[], io: Io): Promise<Report> {
  const runs: ReportedRun[] = [];
  for (const root of roots) runs.push(await collectRun(root, io.environment));
  const problems = runs.flatMap(({ read, mistakes }) =>
    mistakes.kind === 'absent' ? [`${read.name}: no images: ${mistakes.reason}`] : [],
  );
  return { page: reportPage(runs, writtenAt(io)), writeFigures: (folder) => writeFigures(folder, runs), problems };
}

export async function reportCommand(roots: readonly string[], { out: asked, figures }: Given<'report'>, io: Io): Promise<number> {
  const study = roots.find(isStudy);
  if (study !== undefined && roots.length > 1) throw new UserError(`${study} is a study: give it alone`);
  const out = outputFor(roots, asked);
  const report = study === undefined ? await reportOfRuns(roots, io) : reportOfStudy(study, out, io);
  if (figures !== undefined) makeFolder(figures, `--figures ${figures}`);
  await writeState(out, report.page);
  printLines(io.out, [`${printable(out)}: ${formatBytes(Buffer.byteLength(report.page))}`]);
  if (figures !== undefined)
    printLines(io.out, [`${printable(figures)}: ${plural(await report.writeFigures(figures), 'figure')}`]);
  printLines(io.err, report.problems.map(printable));
  return 0;
}

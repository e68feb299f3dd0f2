/** Reads a study's folder for its report. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { collectStudy, placeOfRun, type Collected } from '../study/collect.ts';
import { readStudy, type Study } from '../study/file.ts';
import { quoted } from '../util/quoted.ts';
import { isThere, readRunText } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import { runReadOf } from './collect.ts';
import type { StudyDetails } from './study/study.ts';
import { detailsOf } from './run-details.ts';

/** The study's file in its folder. */
export const studyFile = (root: string): string => join(root, 'study.yaml');

export const isStudy = (root: string): boolean => isThere(studyFile(root));

interface StudyFile {
  readonly study: Study;
  readonly text: string;
}

/** A study with the text of the file that a person named. */
export function readStudyFile(path: string): StudyFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`);
  }
  return { study: readStudy(text, path), text };
}

/** A study with the text of its file in its folder. */
export function readStudyIn(root: string): StudyFile {
  const path = studyFile(root);
  const text = readRunText(path).toString('utf8');
  return { study: readStudy(text, path), text };
}

/** The study in a folder, finished or not. `from`: the folder of its page. */
export function studyIn(root: string, from = root): { readonly shown: StudyDetails; readonly collected: Collected } {
  const { study, text } = readStudyIn(root);
  const collected = collectStudy(study, root);
  const { result, runs } = collected;
  const data = runs[0]?.read.config.data.folder ?? null;
  const shown: StudyDetails = {
    result,
    runs: runs.map(({ run, read }) => {
      const report = join(placeOfRun(root, run.folder), 'report.html');
      return {
        arm: run.arm ?? '',
        repetition: run.repetition,
        details: detailsOf(runReadOf(read, run.folder)),
        report: existsSync(report) ? relative(from, report).replaceAll(sep, '/') : null,
      };
    }),
    damaged: collected.damaged.map(({ run: { arm, repetition, folder } }) => ({ arm: arm ?? '', repetition, folder })),
    file: text,
    command: ['instar', 'study', 'study.yaml', ...(data === null ? [] : ['--data', quoted(data)])].join(' '),
  };
  return { shown, collected };
}

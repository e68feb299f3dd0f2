/** What the report of a study needs, read from its folder. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../run/config.ts';
import { collectStudy, type Collected } from '../study/collect.ts';
import { readStudy, type Study } from '../study/file.ts';
import { UserError } from '../util/user-error.ts';
import { runReadOf } from './collect.ts';
import type { ShownStudy } from './study/study.ts';
import { subjectOf } from './subject.ts';

/** Its file, in its folder. */
export const studyFile = (root: string): string => join(root, 'study.yaml');

export const isStudy = (root: string): boolean => existsSync(studyFile(root));

export interface FiledStudy {
  readonly study: Study;
  /** Its file, as it is. */
  readonly text: string;
}

export function readStudyFile(path: string): FiledStudy {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`);
  }
  return { study: readStudy(text, path), text };
}

/** `command`: what makes the study again; `commandOf`: what makes a run again. */
export function shownStudy(
  { result, runs }: Collected,
  root: string,
  { text, command, commandOf }: { readonly text: string; readonly command: string; commandOf(config: Config): string },
): ShownStudy {
  return {
    result,
    runs: runs.map(({ run, read }) => {
      const subject = subjectOf(runReadOf(read, run.folder, commandOf(read.config)));
      const report = `${run.folder}/report.html`;
      return {
        arm: run.arm ?? '',
        repetition: run.repetition,
        subject,
        report: existsSync(join(root, report)) ? report : null,
      };
    }),
    file: text,
    command,
  };
}

/** The study that a folder holds, as far as it has come. */
export function collectStudyFolder(root: string): FiledStudy & { readonly collected: Collected } {
  const filed = readStudyFile(studyFile(root));
  return { ...filed, collected: collectStudy(filed.study, root) };
}

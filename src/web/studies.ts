/**
 * The page of a study, made by the report in a process of its own, since many runs take memory and time, and kept until one of
 * its runs changes.
 */
import { fileURLToPath } from 'node:url';
import { readStudyIn, studyFile } from '../report/collect-study.ts';
import { holderOf } from '../run/record/read.ts';
import { folderOf } from '../run/record/folder.ts';
import { placeOfRun } from '../study/collect.ts';
import { plannedRuns } from '../study/run.ts';
import { factsOfRunFile } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import { outputOf } from './actions.ts';
import type { StudyPage } from './api.ts';
import { versionOf } from './disk.ts';

const program = fileURLToPath(new URL('study-process.js', import.meta.url));
/** Bytes. */
const longestPage = 64 << 20;
/** Milliseconds for which a page is kept while its runs change. */
const keptFor = 10_000;

/** What a study's page depends on, and when that last changed. */
function versionOfStudy(root: string) {
  const { study } = readStudyIn(root);
  const { vanilla, runs } = plannedRuns(study);
  const folders = [vanilla, ...runs].flatMap((run) => (run === null ? [] : [folderOf(placeOfRun(root, run.folder))]));
  const stats = [studyFile(root), ...folders.map(({ journal }) => journal)].map(factsOfRunFile);
  // A run that is killed writes no event.
  const held = folders.map(({ lock }) => holderOf(lock) !== null);
  return {
    version: [...stats.map(versionOf), ...held].join(),
    changed: Math.max(...stats.map((each) => each?.mtimeMs ?? 0)),
    title: study.title,
  };
}

export function studyPages(signal: AbortSignal): (root: string) => Promise<StudyPage> {
  const pages = new Map<string, { readonly version: string; readonly made: number; readonly page: Promise<StudyPage> }>();
  return (root) => {
    const { version, changed, title } = versionOfStudy(root);
    const known = pages.get(root);
    if (known !== undefined && (known.version === version || Date.now() - known.made < keptFor)) return known.page;
    const failed = (line: string): Error => new UserError(line);
    const output = outputOf(process.execPath, [program, root], { signal, longest: longestPage, failed });
    const page = output.then((html) => ({ title, html, changed }));
    const made = { version, made: Date.now(), page };
    pages.set(root, made);
    page.catch(() => pages.get(root) === made && pages.delete(root));
    return page;
  };
}

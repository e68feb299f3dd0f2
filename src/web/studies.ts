/**
 * The page of a study, made by the report's own parts in a process of its own (many runs take memory and time that a server
 * should not take), and kept until one of its runs changes.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readStudyFile, studyFile } from '../report/collect-study.ts';
import { holderOf } from '../run/record/condition.ts';
import { folderOf } from '../run/record/folder.ts';
import { plannedRuns } from '../study/run.ts';
import { UserError } from '../util/user-error.ts';
import type { StudyPage } from './api.ts';

const maker = fileURLToPath(new URL('study-process.js', import.meta.url));
/** Characters of a page that are believed. */
const longest = 64 << 20;

function make(root: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [maker, root], { stdio: ['ignore', 'pipe', 'pipe'], signal });
    const parts: string[] = [];
    let length = 0;
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      parts.push(text);
      length += text.length;
      if (length > longest) child.kill();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(-2000)));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(parts.join(''));
      else reject(new UserError(said.trim().split('\n').at(-1) || `the study's page could not be made (${code})`));
    });
  });
}

/** What a study's page depends on, and when that last changed. */
function keyOf(root: string): { readonly key: string; readonly changed: number; readonly title: string } {
  const { study } = readStudyFile(studyFile(root));
  const { vanilla, runs } = plannedRuns(study);
  const folders = [vanilla, ...runs].flatMap((run) => (run === null ? [] : [folderOf(join(root, run.folder))]));
  const facts = [studyFile(root), ...folders.map(({ journal }) => journal)].map((path) =>
    statSync(path, { throwIfNoEntry: false }),
  );
  // A run that was killed says nothing of it in its journal.
  const held = folders.map(({ lock }) => holderOf(lock) !== null);
  return {
    key: [...facts.map((each) => `${each?.size ?? 0} ${each?.mtimeMs ?? 0}`), ...held].join(),
    changed: Math.max(...facts.map((each) => each?.mtimeMs ?? 0)),
    title: study.title,
  };
}

/** Milliseconds for which a page is good enough while its runs go on. */
const fresh = 10_000;

export function studyPages(now: () => number, signal: AbortSignal): (root: string) => Promise<StudyPage> {
  const pages = new Map<string, { readonly key: string; readonly made: number; readonly page: Promise<StudyPage> }>();
  return (root) => {
    const { key, changed, title } = keyOf(root);
    const known = pages.get(root);
    if (known !== undefined && (known.key === key || now() - known.made < fresh)) return known.page;
    const page = make(root, signal).then((html) => ({ title, html, changed }));
    const made = { key, made: now(), page };
    pages.set(root, made);
    page.catch(() => pages.get(root) === made && pages.delete(root));
    return page;
  };
}

/** The folder of a new run: its name, its making, and its removal where the run did not begin. */
import { existsSync, mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { codeOf, reasonOf } from '../../util/files.ts';
import { quoted } from '../../util/quoted.ts';
import { UserError } from '../../util/user-error.ts';
import { folderOf, isRun, newRunName } from '../record/folder.ts';

export interface NewFolder {
  readonly root: string;
  /** Removes what a run that did not begin has left, and the folders that were made for it. Files of others stay. */
  remove(): void;
}

/** Characters of the data's name in the name of a run, at most. */
const longest = 40;

const nameOf = (data: string, method: string, date: Date): string =>
  newRunName(
    data
      .replaceAll(/[^\p{L}\p{N}_.-]+/gu, '-')
      .slice(-longest)
      .replace(/^[-.]+/, '') || 'run',
    method,
    date,
  );

const failure = (root: string, error: unknown): UserError => new UserError(`${root} cannot be made: ${reasonOf(error)}`);

/** Makes a folder and those above it, and gives the topmost that was made; undefined where it was there. */
export function make(root: string): string | undefined {
  try {
    return mkdirSync(root, { recursive: true });
  } catch (error) {
    throw failure(root, error);
  }
}

/** Whether the folder was made: false where something of that name is there. */
export function makeNew(root: string): boolean {
  try {
    mkdirSync(root);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw failure(root, error);
  }
}

/** Folders from `root` up to `top`, as long as they are empty. */
export function removeEmpty(root: string, top: string): void {
  const last = resolve(top);
  for (let at = resolve(root); at.length >= last.length; at = dirname(at))
    try {
      rmdirSync(at);
    } catch {
      return; // Something of others is in it.
    }
}

/** Makes a folder of a new name: after data, method and time, with a number behind it where there is one of that name. */
export function makeNamedFolder(parent: string, data: string, method: string, date: Date): string {
  const name = nameOf(data, method, date);
  for (let count = 1; ; count++) {
    const root = join(parent, count === 1 ? name : `${name}-${count}`);
    if (makeNew(root)) return root;
  }
}

export function refuseRun(root: string): void {
  if (isRun(root)) throw new UserError(`${root} already holds a run: 'instar resume ${quoted(root)}' continues it`);
  if (existsSync(root) && !statSync(root).isDirectory()) throw new UserError(`${root} is not a folder`);
}

/** The folder that was asked for, or a new one in `runs/` that no other search has. */
export function makeRunFolder(asked: string | undefined, data: string, method: string, date: Date): NewFolder {
  const above = make(asked ?? 'runs');
  const root = asked ?? makeNamedFolder('runs', data, method, date);
  const top = above ?? (asked === undefined ? root : undefined);
  const folder = folderOf(root);
  make(folder.checkpoints);
  return {
    root,
    remove() {
      for (const path of [folder.config, folder.journal, folder.live, folder.lock, folder.checkpoints, folder.cache])
        rmSync(path, { recursive: true, force: true });
      if (top !== undefined) removeEmpty(root, top);
    },
  };
}

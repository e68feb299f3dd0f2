/**
 * What a page may do to runs: begin, resume, stop, name, delete. A search is a process of its own, which lives on when the
 * server ends; what it says goes to a file beside its journal. Arguments are options of the command line, never a shell's.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, lstatSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { holderOf } from '../run/condition.ts';
import { folderOf, isRun } from '../run/folder.ts';
import { UserError } from '../util/user-error.ts';
import type { SearchForm } from './api.ts';
import { logFile, type RunPlace } from './catalogue.ts';
import { optionsOf } from './options.ts';

/** Another state of the run is needed for it. */
export class Refused extends Error {}

export interface Actions {
  /** Whether a process that was started here for that folder is alive. */
  isStarted(root: string): boolean;
  /** Begins a search in a new folder below `folder`; gives its name. */
  begin(folder: string, form: SearchForm, data: readonly string[]): string;
  resume(place: RunPlace, budget: string | undefined): void;
  /** In order: the best network is kept. */
  stop(place: RunPlace): void;
  rename(place: RunPlace, name: string): void;
  remove(place: RunPlace): void;
  /** What a budget buys here: the text of `instar plan --json`. */
  plan(form: SearchForm, data: readonly string[], signal: AbortSignal): Promise<string>;
}

/** Bytes of an answer that are believed to be a plan. */
const longestPlan = 1 << 20;

/** `program`: what is run as `instar`, with the arguments before ours. `date`: for the names of runs. */
export function openActions(program: readonly string[], date: () => Date): Actions {
  const started = new Map<string, ChildProcess>();
  const [command = '', ...before] = program;

  function start(root: string, args: readonly string[]): void {
    const log = openSync(logFile(root), 'a');
    try {
      const child = spawn(command, [...before, ...args], { detached: true, stdio: ['ignore', log, log] });
      child.on('error', () => started.delete(root));
      child.on('exit', () => started.delete(root));
      child.unref();
      started.set(root, child);
    } finally {
      closeSync(log);
    }
  }

  const isBusy = ({ root }: RunPlace): boolean => started.has(root) || holderOf(folderOf(root).lock) !== null;

  return {
    isStarted: (root) => started.has(root),
    begin(folder, form, data) {
      const when = date().toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '');
      const name = form.name ?? `${form.data.replaceAll(/[^\p{L}\p{N}.-]+/gu, '-').replace(/^[-.]+/, '')}-${form.method}-${when}`;
      const root = join(folder, name);
      try {
        mkdirSync(root);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new Refused(`${name} is there already: take another name`);
        throw new UserError(`${root} cannot be made: ${(error as Error).message}`);
      }
      start(root, ['search', ...optionsOf(form, data), `--run=${root}`]);
      return name;
    },
    resume(place, budget) {
      if (!isRun(place.root)) throw new Refused(`${place.id} did not begin, so that there is nothing to go on with`);
      if (isBusy(place)) throw new Refused(`${place.id} is running`);
      start(place.root, ['resume', place.root, ...(budget === undefined ? [] : [`--budget=+${budget}`])]);
    },
    stop(place) {
      const child = started.get(place.root);
      const holder = holderOf(folderOf(place.root).lock) ?? child?.pid ?? null;
      if (holder === null) throw new Refused(`${place.id} is not running`);
      try {
        process.kill(holder, 'SIGINT');
      } catch (error) {
        throw new Refused(`${place.id} cannot be stopped from here: ${(error as Error).message}`);
      }
    },
    rename(place, name) {
      if (place.study !== null) throw new Refused('a run of a study has the name that its study gives it');
      if (isBusy(place)) throw new Refused(`${place.id} is running: stop it first`);
      const to = join(dirname(place.root), name);
      if (existsSync(to)) throw new Refused(`${name} is there already: take another name`);
      renameSync(place.root, to);
    },
    remove(place) {
      if (isBusy(place)) throw new Refused(`${place.id} is running: stop it first`);
      if (lstatSync(place.root).isSymbolicLink())
        throw new Refused(`${basename(place.root)} is a link: remove it where it leads to`);
      rmSync(place.root, { recursive: true });
    },
    plan: (form, data, signal) =>
      new Promise((resolve, reject) => {
        const child = spawn(command, [...before, 'plan', ...optionsOf(form, data), '--json'], {
          stdio: ['ignore', 'pipe', 'pipe'],
          signal,
        });
        let [out, err] = ['', ''];
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          out += text;
          if (out.length > longestPlan) child.kill();
        });
        child.stderr.setEncoding('utf8').on('data', (text: string) => (err = `${err}${text}`.slice(-2000)));
        child.on('error', reject);
        child.on('close', (code) => {
          if (code === 0) resolve(out);
          else reject(new Refused(err.trim().split('\n').at(-1) ?? `instar plan ended with ${code}`));
        });
      }),
  };
}

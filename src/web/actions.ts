/**
 * What a page may do to runs: begin, resume, stop, name, delete. A search is a process of its own, which lives on when the
 * server ends; what it says goes to a file beside its journal. Arguments are options of the command line, never a shell's.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, lstatSync, mkdirSync, openSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isStudy } from '../report/collect-study.ts';
import { holderOf } from '../run/record/condition.ts';
import { readConfig } from '../run/record/config.ts';
import { folderOf, isRun, newRunName } from '../run/record/folder.ts';
import { lockRun } from '../run/record/lock.ts';
import { wordsOf } from '../options/form.ts';
import { planOptions } from '../options/table.ts';
import { presets } from '../search/settings.ts';
import { UserError } from '../util/user-error.ts';
import type { SearchForm } from './api.ts';
import { beginnings, endOf, logFile, type RunPlace } from './catalogue.ts';

/** Another state of the run is needed for it. */
export class Refused extends Error {}

export interface Actions {
  /** Whether a process that was started here for that folder is alive. */
  isStarted(root: string): boolean;
  /** Begins a search in a new folder below; gives its name. */
  begin(form: SearchForm, data: readonly string[]): string;
  /** Fulfilled once it goes on; Refused with what it said, where it ended before. */
  resume(place: RunPlace, budget: string | undefined): Promise<void>;
  /** In order: the best network is kept. */
  stop(place: RunPlace): void;
  rename(place: RunPlace, name: string): void;
  remove(place: RunPlace): void;
  /** What a budget buys here: the text of `instar plan --json`. */
  plan(form: SearchForm, data: readonly string[], signal: AbortSignal): Promise<string>;
}

/** Milliseconds in which a process that is to go on with a run has done so or ended, and between two looks. */
const startTime = 8000;
const glance = 100;

/** Bytes of an answer that are believed to be a plan. */
const longestPlan = 1 << 20;

/** `folder`: that is served. `program`: what is run as `instar`, with the arguments before ours. `date`: for the names of runs. */
export function openActions(folder: string, program: readonly string[], date: () => Date): Actions {
  const started = new Map<string, ChildProcess>();
  const [command = '', ...before] = program;

  /** Processes that were asked to stop: asked again they would end without keeping the best. */
  const stopping = new Map<string, number>();

  function start(root: string, args: readonly string[]): ChildProcess {
    let log: number;
    try {
      log = openSync(logFile(root), 'a');
    } catch (error) {
      throw new UserError(`${logFile(root)} cannot be written: ${(error as Error).message}`);
    }
    try {
      const child = spawn(command, [...before, ...args], { detached: true, stdio: ['ignore', log, log] });
      child.on('error', () => started.delete(root));
      child.on('exit', () => started.delete(root));
      child.unref();
      started.set(root, child);
      return child;
    } finally {
      closeSync(log);
    }
  }

  const isBusy = ({ root }: RunPlace): boolean => started.has(root) || holderOf(folderOf(root).lock) !== null;

  /** Does it while no process can begin with the run. */
  function whileIdle({ id, root }: RunPlace, act: () => void): void {
    if (root === resolve(folder)) throw new Refused(`${id} is the folder that is served: do it where it stands`);
    if (started.has(root)) throw new Refused(`${id} is running: stop it first`);
    let release: () => void;
    try {
      release = lockRun(folderOf(root).lock);
    } catch (error) {
      if (error instanceof UserError) throw new Refused(`${id} is running, or may not be changed: ${error.message}`);
      throw error;
    }
    try {
      act();
    } catch (error) {
      throw new Refused(`${id} cannot be changed: ${(error as Error).message}`);
    } finally {
      release();
    }
  }

  return {
    isStarted: (root) => started.has(root),
    begin(form, data) {
      if (isRun(folder) || isStudy(folder))
        throw new Refused('what is served is one run or one study: begin a search where instar ui shows the folder above');
      const of =
        form.data
          .replaceAll(/[^\p{L}\p{N}.-]+/gu, '-')
          .slice(-40)
          .replace(/^[-.]+/, '') || 'search';
      const name = form.name ?? newRunName(of, String(form['method'] ?? presets.laptop.method), date());
      const root = join(folder, name);
      try {
        mkdirSync(root);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new Refused(`${name} is there already: take another name`);
        throw new UserError(`${root} cannot be made: ${(error as Error).message}`);
      }
      start(root, ['search', ...data, ...wordsOf(planOptions, form), `--run=${root}`]);
      return name;
    },
    async resume(place, budget) {
      if (!isRun(place.root)) throw new Refused(`${place.id} did not begin, so that there is nothing to go on with`);
      if (isBusy(place)) throw new Refused(`${place.id} is running`);
      const { journal } = folderOf(place.root);
      const size = (): number => statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
      const earlier = size();
      const child = start(place.root, ['resume', place.root, ...(budget === undefined ? [] : [`--budget=+${budget}`])]);
      // It looks at engine, processor and data before it goes on, and ends with a line where they are others.
      for (let waited = 0; waited < startTime && child.exitCode === null && size() === earlier; waited += glance)
        await new Promise((settle) => setTimeout(settle, glance));
      if (child.exitCode !== null && child.exitCode !== 0)
        throw new Refused(endOf(logFile(place.root), 2000).trim().split('\n').at(-1) || `it ended with ${child.exitCode}`);
    },
    stop(place) {
      const child = started.get(place.root);
      const holder = holderOf(folderOf(place.root).lock) ?? child?.pid ?? null;
      if (holder === null) throw new Refused(`${place.id} is not running`);
      if (stopping.get(place.root) === holder) return;
      try {
        process.kill(holder, 'SIGINT');
        stopping.set(place.root, holder);
      } catch (error) {
        throw new Refused(`${place.id} cannot be stopped from here: ${(error as Error).message}`);
      }
    },
    rename(place, name) {
      if (place.study !== null) throw new Refused('a run of a study has the name that its study gives it');
      const to = join(dirname(place.root), name);
      if (existsSync(to)) throw new Refused(`${name} is there already: take another name`);
      whileIdle(place, () => renameSync(place.root, to));
    },
    remove(place) {
      if (lstatSync(place.root).isSymbolicLink())
        throw new Refused(`${basename(place.root)} is a link: remove it where it leads to`);
      const { root } = place;
      whileIdle(place, () => {
        if (isRun(root)) {
          // What has no configuration of ours may be anybody's.
          readConfig(folderOf(root).config);
          rmSync(root, { recursive: true });
        } else {
          for (const name of beginnings) rmSync(join(root, name), { recursive: true, force: true });
          rmdirSync(root);
        }
      });
    },
    plan: (form, data, signal) =>
      new Promise((settle, reject) => {
        const child = spawn(command, [...before, 'plan', ...data, ...wordsOf(planOptions, form), '--json'], {
          stdio: ['ignore', 'pipe', 'pipe'],
          signal,
        });
        let [out, err] = ['', ''];
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          out += text;
          if (out.length > longestPlan) child.kill();
        });
        child.stderr.setEncoding('utf8').on('data', (text: string) => (err = `${err}${text}`.slice(-2000)));
        child.on('error', (error) => reject(signal.aborted ? new Refused('the plan was given up') : error));
        child.on('close', (code) => {
          if (code === 0) settle(out);
          else reject(new Refused(err.trim().split('\n').at(-1) || `instar plan ended with ${code}`));
        });
      }),
  };
}

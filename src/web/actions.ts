/**
 * What a page may do to runs: start, resume, stop, rename, delete. A search is a process of its own, which outlives the server;
 * its output goes to a file beside its journal. Arguments are an array of options: no shell reads them.
 */
import { execFile, spawn, type ChildProcess, type ExecFileException } from 'node:child_process';
import { closeSync, lstatSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isStudy } from '../report/collect-study.ts';
import { holderOf, readRun } from '../run/record/read.ts';
import { readConfig } from '../run/record/config.ts';
import { folderOf, isRun } from '../run/record/folder.ts';
import { lockRun } from '../run/record/lock.ts';
import { wordsOf } from '../options/form.ts';
import { makeNamedFolder, makeNew } from '../run/driving/run-folder.ts';
import { planOptions } from '../options/table.ts';
import { presetFor, presetNames, presets } from '../search/settings.ts';
import { factsOfRunFile, isThere, openRunFile } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import { inDataFolder, type SearchForm } from './api.ts';
import { remains, type RunPlace } from './catalogue.ts';
import { attempt, lastLine, logFile, logOf } from './disk.ts';

/** The run is not in a state that allows it. */
export class Refused extends Error {}

export type Actions = ReturnType<typeof openActions>;

/** Milliseconds to wait for a resumed run's first event or its end, for the end of a process whose work is done, and between two looks. */
const startTime = 8000;
const endTime = 8000;
const pollTime = 100;

/** Bytes. */
const longestPlan = 1 << 20;

/** What a process wrote to stdout; rejects where it fails. `failed` makes the error from the last line of its stderr. */
export function outputOf(
  command: string,
  args: readonly string[],
  { signal, longest, failed }: { signal: AbortSignal; longest: number; failed: (line: string) => Error },
): Promise<string> {
  return new Promise((settle, reject) => {
    const done = (error: ExecFileException | null, out: string, err: string): void => {
      if (error === null) settle(out);
      else reject(failed(lastLine(err) || `the process ended with ${error.code ?? error.signal}`));
    };
    execFile(command, args, { signal, maxBuffer: longest }, done).stdin?.end();
  });
}

/** Whether the journal says that the run was interrupted or is finished. */
function saysItsEnd(root: string): boolean {
  try {
    const { state } = readRun(root);
    return state.interrupted || state.search.finished;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** A process outlives the last event of its run by what it takes to end: pages show the event, and may ask already. */
async function waitForItsEnd(root: string, isBusy: (root: string) => boolean): Promise<void> {
  if (!isBusy(root) || !saysItsEnd(root)) return;
  for (let waited = 0; waited < endTime && isBusy(root); waited += pollTime)
    await new Promise((settle) => setTimeout(settle, pollTime));
}

function removeRun(root: string): void {
  if (isRun(root)) {
    // A folder without a valid configuration may be something else.
    readConfig(folderOf(root).config);
    rmSync(root, { recursive: true });
  } else {
    for (const name of remains) rmSync(join(root, name), { recursive: true, force: true });
    rmdirSync(root);
  }
}

/** `folder`: the served one. `program`: the command that runs `instar`, and its first arguments. */
export function openActions(folder: string, program: readonly string[]) {
  const started = new Map<string, ChildProcess>();
  const [command = '', ...before] = program;

  /** Processes that were sent SIGINT: after a second one they end without keeping the best network. */
  const stopping = new Map<string, number>();

  function start(root: string, args: readonly string[]): ChildProcess {
    const log = openRunFile(logFile(root), 'append');
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

  const isBusy = (root: string): boolean => started.has(root) || holderOf(folderOf(root).lock) !== null;

  /** Holds the run's lock meanwhile. */
  async function whileIdle({ id, root }: RunPlace, act: () => void): Promise<void> {
    if (root === resolve(folder)) throw new Refused(`${id} is the served folder: rename or delete it in a file manager`);
    await waitForItsEnd(root, isBusy);
    if (started.has(root)) throw new Refused(`${id} is running: stop it first`);
    let release: () => void;
    try {
      release = lockRun(folderOf(root).lock);
    } catch (error) {
      if (error instanceof UserError) throw new Refused(`${id} is running, or cannot be locked: ${error.message}`);
      throw error;
    }
    try {
      attempt(act, (why) => new Refused(`${id} cannot be changed: ${why}`));
    } finally {
      release();
    }
  }

  return {
    /** Whether a process that was started here for that folder is alive. */
    isStarted: (root: string): boolean => started.has(root),
    /** Starts a search in a new folder and returns its name. */
    begin(form: SearchForm, data: readonly string[]): string {
      if (isRun(folder) || isStudy(folder))
        throw new Refused('the served folder is itself a run or a study: start instar ui with the folder above it');
      const preset = presetNames.find((each) => each === form['preset']) ?? presetFor({}, form['from'] !== undefined);
      const method = String(form['method'] ?? presets[preset].method);
      const root =
        form.name === undefined
          ? makeNamedFolder(folder, form.data.replace(inDataFolder, ''), method, new Date())
          : join(folder, form.name);
      const name = basename(root);
      if (form.name !== undefined && !makeNew(root)) throw new Refused(`${name} exists: choose another name`);
      start(root, ['search', ...data, ...wordsOf(planOptions, form), `--run=${root}`]);
      return name;
    },
    /** Resolves once the run continues. Refused, with the process's last line, where it ends before that. */
    async resume(place: RunPlace, budget: string | undefined): Promise<void> {
      if (!isRun(place.root)) throw new Refused(`${place.id} did not start, so there is nothing to resume`);
      const { journal } = folderOf(place.root);
      await waitForItsEnd(place.root, isBusy);
      if (isBusy(place.root)) throw new Refused(`${place.id} is running`);
      const size = (): number => factsOfRunFile(journal)?.size ?? 0;
      const earlier = size();
      const child = start(place.root, ['resume', place.root, ...(budget === undefined ? [] : [`--budget=+${budget}`])]);
      // It first checks engine, processor and data, and ends with one line where they differ.
      for (let waited = 0; waited < startTime && child.exitCode === null && size() === earlier; waited += pollTime)
        await new Promise((settle) => setTimeout(settle, pollTime));
      if (child.exitCode !== null && child.exitCode !== 0)
        throw new Refused(lastLine(logOf(place.root, 2000)) || `instar resume ended with ${child.exitCode}`);
    },
    /** The run keeps its best network. */
    stop(place: RunPlace): void {
      const child = started.get(place.root);
      const holder = holderOf(folderOf(place.root).lock) ?? child?.pid ?? null;
      if (holder === null) throw new Refused(`${place.id} is not running`);
      if (stopping.get(place.root) === holder) return;
      attempt(
        () => process.kill(holder, 'SIGINT'),
        (why) => new Refused(`${place.id} cannot be stopped from here: ${why}`),
      );
      stopping.set(place.root, holder);
    },
    async rename(place: RunPlace, name: string): Promise<void> {
      if (place.study !== null) throw new Refused('the runs of a study cannot be renamed');
      const to = join(dirname(place.root), name);
      if (isThere(to)) throw new Refused(`${name} exists: choose another name`);
      await whileIdle(place, () => renameSync(place.root, to));
    },
    async remove(place: RunPlace): Promise<void> {
      if (lstatSync(place.root).isSymbolicLink())
        throw new Refused(`${basename(place.root)} is a link: delete the folder that it leads to`);
      await whileIdle(place, () => removeRun(place.root));
    },
    /** The output of `instar plan --json`. */
    plan: (form: SearchForm, data: readonly string[], signal: AbortSignal): Promise<string> =>
      outputOf(command, [...before, 'plan', ...data, ...wordsOf(planOptions, form), '--json'], {
        signal,
        longest: longestPlan,
        failed: (line) => new Refused(line),
      }),
  };
}

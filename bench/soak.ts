/**
 * `npm run soak`: one undisturbed search of some ten seconds; then twenty times the same search, with the run or one of its workers
 * killed by `kill -9` at a random moment, and the run resumed at once. The winner must be the same, bit for bit. Continues an earlier
 * soak that was stopped, and writes results/soak.md. `--rounds 40` for more.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openEngine } from '../src/engine/open.ts';
import { resume, search, type SearchOptions } from '../src/run/driving/open.ts';
import { readRun } from '../src/run/record/read.ts';
import { candidateOf } from '../src/search/state.ts';
import { random } from '../src/util/random.ts';
import { version } from '../src/util/version.ts';
import { soak, type Found } from './rounds.ts';

/** Not kept in git. */
const place = join('.cache', 'soak');
const report = join('results', 'soak.md');

const options: SearchOptions = {
  dataset: 'fashion-mnist',
  preset: 'quick',
  engine: 'onednn',
  workers: 2,
  settings: {
    widths: [8, 16, 16],
    images: 1000,
    validation: 0.01,
    batch: 64,
    vanilla: { epochs: 3 },
    step: { children: 4, epochs: 12 },
    limits: { steps: 2, memory: 2 ** 32 },
    final: { epochs: 3 },
  },
};

interface Round {
  readonly round: number;
  /** The moment of the kill, in seconds of the run's time. */
  readonly moment: number;
  readonly target: 'run' | 'worker';
  /** The number of events in the journal at the kill, and the last of them. */
  readonly events: number;
  readonly last: string;
  /** Seconds more than undisturbed: repeated work, and the start of processes. */
  readonly lost: number;
  readonly same: boolean;
}

const sleep = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

function winnerOf(run: string): string {
  const { search: state } = readRun(run).state;
  const test = state.tests.get('final');
  if (!state.finished || test === undefined) throw new Error(`${run} is not finished`);
  return `${candidateOf(state, 'final').checkpoint} ${test.measured.loss} ${test.measured.accuracy}`;
}

/** Starts this file as a process that only runs the search. */
function begin(what: 'search' | 'resume', run: string): { readonly child: ChildProcess; readonly ended: Promise<number | null> } {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), what, run], {
    env: { ...process.env, INSTAR_SOAK_RUN: run },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { child, ended: new Promise((resolve) => child.on('close', (code) => resolve(code))) };
}

/** The run's worker processes, found by their environment. */
function workersOf(run: string): number[] {
  const has = (pid: string): boolean => {
    try {
      return (
        readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`INSTAR_SOAK_RUN=${run}`) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker.js')
      );
    } catch {
      // The process is gone, or belongs to another user.
      return false;
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && has(name))
    .map(Number);
}

/** Wall-clock seconds from the start to the last event. */
function wallOf(run: string): number {
  const { entries } = readRun(run).replay;
  return (Date.parse(entries.at(-1)?.at ?? '') - Date.parse(entries[0]?.at ?? '')) / 1000;
}

async function disturbed(round: number, { winner, undisturbed }: Found<Round>): Promise<Round> {
  const stream = random('soak', round);
  const target = stream.float() < 0.5 ? 'run' : 'worker';
  const run = join(place, `round-${round}`);
  rmSync(run, { recursive: true, force: true });
  const { child, ended } = begin('search', run);
  while (!existsSync(join(run, 'journal.jsonl'))) await sleep(0.02);
  const moment = stream.float() * undisturbed;
  const began = performance.now();
  while (performance.now() - began < 1000 * moment && child.exitCode === null) await sleep(0.005);
  let killed = false;
  if (target === 'worker') {
    // Between two tasks there may be no worker for a moment.
    while (!killed && child.exitCode === null) {
      const workers = workersOf(run);
      if (workers.length > 0) {
        process.kill(stream.pick(workers), 'SIGKILL');
        killed = true;
      } else await sleep(0.005);
    }
  } else if (child.exitCode === null) killed = child.kill('SIGKILL');
  const { entries } = readRun(run).replay;
  if (target === 'run') await begin('resume', run).ended;
  else await ended;
  const same = winnerOf(run) === winner;
  const lost = wallOf(run) - undisturbed;
  const last = entries.at(-1);
  const where = last === undefined ? 'none' : 'task' in last ? `${last.type} ${last.task}` : last.type;
  if (same) rmSync(run, { recursive: true, force: true });
  return { round, moment, target, events: entries.length, last: killed ? where : `${where} (it had ended)`, lost, same };
}

function machine(): string {
  const flags = existsSync('/proc/cpuinfo') ? (/^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '') : '';
  const relevant = flags
    .split(' ')
    .filter((flag) => /^(avx2|fma|avx512f|avx512_bf16|avx512_vnni|amx_bf16|asimd|sve)$/.test(flag));
  return `${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'} (${relevant.join(', ')})`;
}

function write({ winner, undisturbed, rounds }: Found<Round>, library: string): void {
  const failed = rounds.filter(({ same }) => !same).length;
  const seconds = (value: number): string => value.toFixed(1);
  const rows = rounds.map(
    ({ round, moment, target, events, last, lost, same }) =>
      `| ${round} | ${seconds(moment)} s | ${target} | ${events} | ${last} | ${seconds(lost)} | ${same ? 'yes' : '**no**'} |`,
  );
  mkdirSync('results', { recursive: true });
  writeFileSync(
    report,
    `${[
      '# Soak: killed by `kill -9` at random moments',
      '',
      `A search of ${seconds(undisturbed)} s on Fashion-MNIST, once undisturbed. Then in each round a new search, in which the run (then resumed at once) or`,
      'one of its workers is killed at a random moment. The winner is the hash of its checkpoint, with loss and accuracy on the test set.',
      'Seconds lost are wall-clock seconds more than undisturbed; they may be negative if the machine was less busy.',
      '',
      `- command: \`npm run soak\`; ${rounds.length} rounds, ${failed === 0 ? 'each with the same winner' : `**${failed} with another winner**`}`,
      `- machine: ${machine()}`,
      `- versions: Instar ${version}, Node ${process.versions.node}, ${library}`,
      `- winner: \`${winner}\``,
      '',
      '| round | moment | killed | events then | last event | seconds lost | same winner |',
      '| ---: | ---: | --- | ---: | --- | ---: | --- |',
      ...rows,
    ].join('\n')}\n`,
  );
}

async function disturb(count: number): Promise<void> {
  const { fingerprint } = await openEngine('onednn', { threads: 1, environment: process.env });
  const library = `oneDNN ${fingerprint.version} (${fingerprint.instructionSet})`;
  await soak<Round>({
    folder: place,
    of: JSON.stringify({ options, version, library, node: process.versions.node }),
    count,
    async undisturbed() {
      const run = join(place, 'undisturbed');
      rmSync(run, { recursive: true, force: true });
      await begin('search', run).ended;
      return { winner: winnerOf(run), undisturbed: wallOf(run) };
    },
    disturbed,
    describe: ({ target, moment, last, same }) =>
      `${target} killed after ${moment.toFixed(1)} s (${last}): ${same ? 'the same winner' : 'ANOTHER WINNER'}`,
    failed: ({ same }) => !same,
    write: (found) => write(found, library),
  });
}

const [what = '', run = ''] = process.argv.slice(2);
const all = what === 'search' ? search({ ...options, run }) : what === 'resume' ? resume(run) : null;
if (all !== null) while ((await all.next()).done !== true);
else await disturb(what === '--rounds' ? Number(run) : 20);

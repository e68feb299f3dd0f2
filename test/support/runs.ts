/** Small searches for tests: a dataset that is learned in seconds, and runs in this process or in one that can be killed. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readDataset } from '../../src/data/read.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { search, type SearchOptions } from '../../src/run/driving/open.ts';
import { chainAnew } from '../../src/run/record/chain.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import { readRun } from '../../src/run/record/read.ts';
import type { RunItem } from '../../src/run/driving/drive.ts';
import { candidateOf, networkOf } from '../../src/search/state.ts';
import { random } from '../../src/util/random.ts';
import { anyEngineName } from './machine.ts';

/** The folder of this test file, with the cache of decoded data. It is removed at the end. */
export const place = mkdtempSync(join(tmpdir(), 'instar-runs-'));
process.env['INSTAR_CACHE'] = join(place, 'cache');
process.on('exit', () => rmSync(place, { recursive: true, force: true, maxRetries: 5 }));

let folders = 0;
/** The path of a folder that does not exist yet. */
export const newFolder = (): string => join(place, `run-${folders++}`);

export const engine = await anyEngineName();

const side = 8;
export const classes = 4;

/** An IDX file. */
function idx(magic: number, extents: readonly number[], elements: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4 + 4 * extents.length + elements.length);
  [magic, ...extents].forEach((word, at) => bytes.writeUInt32BE(word, 4 * at));
  bytes.set(elements, 4 + 4 * extents.length);
  return bytes;
}

/** Noise in which one quadrant is brighter. The class is the index of that quadrant. */
function quadrants(count: number, name: string): { images: Uint8Array; labels: Uint8Array } {
  const stream = random('quadrants', name);
  const labels = Uint8Array.from({ length: count }, (_none, image) => image % classes);
  const images = new Uint8Array(count * side * side);
  labels.forEach((label, image) => {
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const bright = (y < side / 2 ? 0 : 2) + (x < side / 2 ? 0 : 1) === label;
        images[(image * side + y) * side + x] = stream.integer(150) + (bright ? 60 : 0);
      }
  });
  return { images, labels };
}

/** The folder of an IDX dataset: 8×8 grey images of four classes, 240 to train and 80 to test. */
export const quadrantFolder = join(place, 'quadrants');
mkdirSync(quadrantFolder);
for (const [stem, count] of [
  ['train', 240],
  ['t10k', 80],
] as const) {
  const { images, labels } = quadrants(count, stem);
  writeFileSync(join(quadrantFolder, `${stem}-images-idx3-ubyte`), idx(0x803, [count, side, side], images));
  writeFileSync(join(quadrantFolder, `${stem}-labels-idx1-ubyte`), idx(0x801, [count], labels));
}

export const readQuadrants = (): Promise<{ dataset: Dataset; path: string }> =>
  readDataset(quadrantFolder, { cacheFolder: join(place, 'cache'), environment: {} });

/** Two steps of `4×1 2×2 1×4` epochs of 13 minibatches. So small that the reference engine is as fast as a library. */
export const tiny: SearchOptions = {
  dataset: quadrantFolder,
  preset: 'quick',
  engine: 'reference',
  workers: 2,
  // That engine uses one thread.
  threads: 1,
  settings: {
    widths: [3, 4],
    batch: 16,
    augmentation: { flip: false, cutout: 0, mixup: 0.2 },
    vanilla: { epochs: 2 },
    step: { children: 4, mutations: 3, epochs: 12 },
    limits: { steps: 2, parameters: 20_000, multiplyAdds: 30_000, memory: 2 ** 32 },
    final: { epochs: 4 },
  },
};

/** The same with a higher limit of multiply-adds, for tests in which something happens during the search. */
export const longer: SearchOptions = {
  ...tiny,
  settings: { ...tiny.settings, limits: { ...tiny.settings?.limits, multiplyAdds: 500_000 } },
};

export async function collect(items: AsyncIterable<RunItem>): Promise<RunItem[]> {
  const all: RunItem[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Runs a tiny search from start to end, and returns its folder. */
export async function finishedRun(options: Partial<SearchOptions> = {}): Promise<string> {
  const run = newFolder();
  await collect(search({ ...tiny, ...options, run }));
  return run;
}

/** Replaces texts in the configuration of a run, as if the run had been begun with them. */
export function changeConfig(root: string, ...changes: readonly (readonly [from: string | RegExp, to: string])[]): void {
  const { config, journal } = folderOf(root);
  const text = changes.reduce((before, [from, to]) => before.replaceAll(from, to), readFileSync(config, 'utf8'));
  writeFileSync(config, text);
  writeFileSync(journal, chainAnew(readFileSync(journal, 'utf8'), JSON.parse(text)));
}

/** The result of a run as text: hash of the winner, loss and accuracy on the test set. */
export function winnerOf(root: string): string {
  const { state } = readRun(root);
  assert.ok(state.search.finished, `${root} is finished`);
  const { measured } = state.search.tests.get('final') ?? assert.fail('no test');
  const { checkpoint } = candidateOf(state.search, 'final');
  const network = networkOf(state.search, 'final');
  return `${checkpoint} ${measured.loss} ${measured.accuracy} ${network.nodes.length} nodes from ${state.search.stop?.line}`;
}

/** A search in a process of its own, and its output without progress. */
export interface Running {
  readonly child: ChildProcess;
  /** Events as they arrive. Ends with the process. */
  readonly events: AsyncIterable<{ readonly type: string; readonly [key: string]: unknown }>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly errors: string }>;
}

const script = fileURLToPath(new URL('./search-process.js', import.meta.url));

/** Starts `search` or `resume` in a process of its own. The environment of the process and of its workers contains `mark`. */
export function startProcess(what: 'search' | 'resume', run: string, options: object, mark = run): Running {
  const child = spawn(process.execPath, [script, what, run, JSON.stringify(options)], {
    env: { ...process.env, INSTAR_TEST_MARK: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = new Promise<Awaited<Running['ended']>>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, errors })),
  );
  // Read whether or not a test does: a process whose output nobody takes waits once the pipe is full.
  const events = new PassThrough({ objectMode: true, highWaterMark: Number.MAX_SAFE_INTEGER });
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (!events.destroyed) for (const line of lines) events.write(JSON.parse(line));
  });
  child.stdout.on('end', () => void events.end());
  return { child, events, ended };
}

export interface OtherProcess {
  readonly pid: number;
  readonly command: string;
}

/** The running processes with this mark in their environment. Linux only. */
export function marked(mark: string): OtherProcess[] {
  const found: OtherProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
      // A zombie process has no command line.
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (environment.includes(`INSTAR_TEST_MARK=${mark}`) && command !== '') found.push({ pid: Number(name), command });
    } catch (error) {
      if (!['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}

export const workersOf = (mark: string): number[] =>
  marked(mark)
    .filter(({ command }) => command.includes('worker.js'))
    .map(({ pid }) => pid);

/** Sends a signal to a process that may already have ended. */
export function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** How much slower a machine may be, other tests beside this one included, than where the seconds of `until` were chosen. */
const slower = 4;

/** Waits until `holds` is true. Fails with a message after some times as many seconds: they are what it takes on a quiet machine. */
export async function until(what: string, seconds: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 1000 * slower * seconds;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `${what} within ${slower * seconds} s`);
    await sleep(20);
  }
}

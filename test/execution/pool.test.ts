/** Workers of a pool when they die, hang, run out of memory, or are left alone. Linux: it looks into /proc. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createPool, type Pool, type PoolOptions } from '../../src/execution/pool.ts';
import type { Fingerprint } from '../../src/engine/engine.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { JobFailure, type Failure, type Job, type ProbeJob, type Report } from '../../src/training/job.ts';
import { must } from '../../src/util/assert.ts';
import { RunError } from '../../src/util/user-error.ts';
import {
  classes,
  killIfThere,
  longer,
  newFolder,
  place,
  readQuadrants,
  startProcess,
  until,
  workersOf,
} from '../support/runs.ts';
import { anyEngineName } from '../support/machine.ts';
import { simulatedJob } from './simulated.ts';

const { dataset, path } = await readQuadrants();

const job = (fields: Partial<ProbeJob> = {}, threads = 1): ProbeJob => ({
  kind: 'probe',
  id: 'test',
  network: vanillaNetwork(dataset.shape, classes, [3, 4]),
  data: { path, hash: dataset.hash, images: null, validation: 0.1 },
  batch: 8,
  augmentation: { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 },
  learning: { momentum: 0.9, weightDecay: 0 },
  minibatches: 3,
  engine: { name: 'reference', device: 'cpu', threads, convolution: 'direct' },
  ...fields,
});
/** One that does not end before something is done about it. */
const endless = (threads = 1): ProbeJob => job({ minibatches: 1e9 }, threads);

function pool(context: TestContext, options: Partial<PoolOptions> = {}): Pool {
  const made = createPool({ checkpoints: newFolder(), patience: 60, ...options });
  context.after(() => made.close());
  return made;
}

interface Run {
  readonly done: Promise<void>;
  readonly reports: Report[];
  readonly fingerprints: Fingerprint[];
  readonly abort: AbortController;
}

function start(on: Pool, what: Job): Run {
  const [reports, fingerprints, abort] = [[] as Report[], [] as Fingerprint[], new AbortController()];
  const watch = {
    report: (report: Report): void => void reports.push(report),
    started: (fingerprint: Fingerprint): void => void fingerprints.push(fingerprint),
  };
  const done = on.run(what, watch, abort.signal);
  // Awaited later.
  done.catch(() => undefined);
  return { done, reports, fingerprints, abort };
}

const working = (run: Run): Promise<void> => until('a first minibatch', 30, () => run.reports.length > 0);
const isThere = (pid: number): boolean => {
  // A process that has ended and was not waited for is a Z.
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
};
const only = (on: Pool): number => must(on.workers()[0], 'worker');
const fails =
  (failure: Failure, message: RegExp) =>
  (error: Error): boolean => {
    assert.ok(error instanceof JobFailure, `a JobFailure, not ${error.stack}`);
    assert.equal(error.failure, failure, error.message);
    assert.match(error.message, message);
    return true;
  };

await test('a job done, its reports in order, and the next one in the same process', async (context) => {
  const on = pool(context);
  const first = start(on, job());
  await first.done;
  assert.deepEqual(
    first.reports.map((report) => (report.kind === 'progress' ? report.done : report.kind === 'reached' && report.stage)),
    ['begun', 'drawn', 1, 2, 3, 'trained', 'saved'],
  );
  assert.equal(first.fingerprints[0]?.engine, 'reference');
  const pid = only(on);
  await start(on, job()).done;
  assert.deepEqual(on.workers(), [pid]);
  on.close();
  await until('the worker is gone', 2, () => !isThere(pid));
});

await test('what a worker is started with: threads, a process group of its own, first to go when memory runs out', async (context) => {
  const on = pool(context);
  const three = start(on, endless(3));
  await working(three);
  const pid = only(on);
  assert.ok(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes('OMP_NUM_THREADS=3'));
  assert.equal(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim(), '1000');
  const group = (of: number): string | undefined => readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1]?.split(' ')[2];
  assert.notEqual(group(pid), group(process.pid));
  // That one is busy.
  const one = start(on, endless(1));
  await working(one);
  assert.equal(on.workers().length, 2);
  assert.ok(readFileSync(`/proc/${on.workers()[1]}/environ`, 'utf8').split('\0').includes('OMP_NUM_THREADS=1'));
});

await test('the next job may have another number of threads: the same worker does it, with the bits of a new one', async (context) => {
  const name = await anyEngineName();
  const resultOf = async (on: Pool, threads: number): Promise<string> => {
    const engine = { name, device: 'cpu', threads, convolution: 'auto' } as const;
    const run = start(on, { ...simulatedJob('threads', 1, { path, hash: dataset.hash }), engine });
    await run.done;
    assert.equal(run.fingerprints[0]?.threads, threads);
    const [epoch] = run.reports.filter((report) => report.kind === 'epoch');
    return must(epoch, 'epoch').checkpoint;
  };
  const after = async (...threads: number[]): Promise<string> => {
    const on = pool(context);
    let result = '';
    let worker: number | undefined;
    for (const each of threads) {
      result = await resultOf(on, each);
      assert.equal(only(on), (worker ??= only(on)));
    }
    return result;
  };
  assert.equal(await after(2, 1, 2), await after(2));
  assert.equal(await after(2, 1), await after(1));
});

await test('Ctrl-C in the terminal, and a scheduler that ends all processes at once, are the parent’s business', async (context) => {
  const on = pool(context);
  const run = start(on, endless());
  await working(run);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.kill(only(on), signal);
    const before = run.reports.length;
    await until(`it works on after ${signal}`, 10, () => run.reports.length > before + 5);
  }
});

await test('killed: its job fails, the pool goes on', async (context) => {
  const on = pool(context);
  const run = start(on, endless());
  await working(run);
  process.kill(only(on), 'SIGKILL');
  await assert.rejects(run.done, fails('killed', /^the worker was ended by SIGKILL/));
  await start(on, job()).done;
});

await test('crashed: its job fails with what it said last', async (context) => {
  const on = pool(context);
  const run = start(on, endless());
  await working(run);
  process.kill(only(on), 'SIGSEGV');
  await assert.rejects(run.done, fails('crashed', /^the worker was ended by SIGSEGV/));
  await start(on, job()).done;
});

await test('stopped: hung after the patience, ended, and the next job gets another process', async (context) => {
  const on = pool(context, { patience: 5 });
  const run = start(on, endless());
  await working(run);
  const pid = only(on);
  const began = performance.now();
  process.kill(pid, 'SIGSTOP');
  await assert.rejects(run.done, fails('hung', /no sign of life from the worker for \d+ s/));
  assert.ok(performance.now() - began > 1000);
  // Taken at once, while the other is still going.
  const next = start(on, job());
  await next.done;
  assert.notEqual(only(on), pid);
  await until('the hung one is gone', 2, () => !isThere(pid));
});

await test('aborted: at once, with the signal’s reason, and a job behind it is not hurt', async (context) => {
  const on = pool(context);
  for (let time = 0; time < 3; time++) {
    const run = start(on, endless());
    await working(run);
    const pid = only(on);
    run.abort.abort(new Error('left'));
    await assert.rejects(run.done, /^Error: left$/);
    await start(on, job()).done;
    assert.notEqual(only(on), pid);
  }
  const late = new AbortController();
  late.abort(new Error('before'));
  await assert.rejects(on.run(job(), { report: () => undefined, started: () => undefined }, late.signal), /before/);
});

await test('more memory than it may have: said as such, and the pool goes on', async (context) => {
  const on = pool(context);
  await start(on, job()).done;
  const pid = only(on);
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[0]);
  try {
    execFileSync('prlimit', ['--pid', String(pid), `--as=${pages * 4096 + 2 ** 26}`], { stdio: 'ignore' });
  } catch {
    return context.skip('prlimit is not here');
  }
  const wide = vanillaNetwork(dataset.shape, classes, [256, 256]);
  await assert.rejects(start(on, job({ network: wide, batch: 4096 })).done, fails('memory', /./));
  await start(on, job()).done;
  assert.notEqual(only(on), pid);
});

await test('a worker that cannot be started costs its job', async (context) => {
  const on = pool(context);
  const { execPath } = process;
  process.execPath = join(place, 'no-node');
  const run = start(on, job());
  process.execPath = execPath;
  await assert.rejects(run.done, fails('crashed', /ENOENT/));
  await start(on, job()).done;
});

await test('data that is not there is nothing that a retry helps', async (context) => {
  const on = pool(context);
  const missing = join(place, 'missing.safetensors');
  const data = { ...job().data, path: missing, hash: '0'.repeat(64) };
  await assert.rejects(
    start(on, job({ data })).done,
    (error: Error) => error instanceof RunError && error.message.includes(missing),
  );
});

/** What a worker does last as it ties itself to its parent. */
const isTied = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim() === '1000';
  } catch {
    return false;
  }
};

await test('the parent killed: its workers go within two seconds, stopped ones too', async () => {
  for (const signal of ['SIGCONT', 'SIGSTOP'] as const) {
    const run = newFolder();
    const parent = startProcess('search', run, longer);
    for await (const { type } of parent.events) if (type === 'grown') break;
    let workers: number[] = [];
    await until('all workers have started', 30, () => (workers = workersOf(run)).length > 0 && workers.every(isTied));
    for (const pid of workers) killIfThere(pid, signal);
    parent.child.kill('SIGKILL');
    await until(`workers are gone after ${signal}`, 2, () => !workers.some(isThere));
  }
});

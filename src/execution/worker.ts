/**
 * A worker process: takes a job, does it, says so, and waits for the next. It ends with its parent, ignores what a terminal or
 * a scheduler sends to all processes at once (the parent decides), and asks the kernel to be the first to go when memory runs out.
 */
import { setImmediate } from 'node:timers/promises';
import { loadDataset } from '../data/cache.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../engine/engine.ts';
import { openEngine } from '../engine/open.ts';
import { fileCheckpoints } from '../training/checkpoint.ts';
import { JobFailure, type EngineReference, type Job } from '../training/job.ts';
import { runJob } from '../training/train.ts';
import { RunError, UserError } from '../util/user-error.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { tieToParent } from './tie.ts';

/** Milliseconds between signs of life, at least. */
const quiet = 200;

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

let engine: { readonly of: string; readonly engine: Engine } | undefined;
let data: { readonly of: string; readonly dataset: Dataset } | undefined;

async function engineFor(reference: EngineReference): Promise<Engine> {
  const { name, device, threads } = reference;
  const of = `${name} ${device} ${threads}`;
  if (engine?.of !== of) engine = { of, engine: await openEngine(name, { threads, environment: process.env, device }) };
  return engine.engine;
}

async function dataFor({ path, hash }: Job['data']): Promise<Dataset> {
  if (data?.of !== hash) data = { of: hash, dataset: await loadDataset(path, hash) };
  return data.dataset;
}

const isMemory = (error: Error): boolean => /out of memory|memory allocation|allocation failed|ENOMEM/i.test(error.message);

async function work({ job, checkpoints }: ToWorker): Promise<void> {
  let said = performance.now();
  const opened = await engineFor(job.engine);
  send({ kind: 'started', fingerprint: opened.fingerprint });
  await runJob(job, {
    engine: opened,
    dataset: await dataFor(job.data),
    checkpoints: fileCheckpoints(checkpoints),
    report(report) {
      // Most minibatches go unmentioned where they are quick.
      if (report.kind === 'progress' && performance.now() - said < quiet && job.kind !== 'probe') return;
      said = performance.now();
      send({ kind: 'report', report, peak: process.resourceUsage().maxRSS * 1024, clock: said / 1000 });
    },
    now: () => performance.now(),
    async breathe() {
      if (performance.now() - said > 2 * quiet) {
        said = performance.now();
        send({ kind: 'alive' });
      }
      await setImmediate();
    },
  });
}

tieToParent();
process.on('message', (message: ToWorker) => {
  work(message).then(
    () => send({ kind: 'done' }),
    (error: Error) => {
      if (error instanceof UserError || error instanceof RunError) send({ kind: 'refused', message: error.message });
      else if (error instanceof JobFailure) send({ kind: 'failed', failure: error.failure, message: error.message });
      else if (isMemory(error)) send({ kind: 'failed', failure: 'memory', message: error.message });
      else send({ kind: 'failed', failure: 'error', message: error.stack ?? error.message });
    },
  );
});

/** A worker process: does one job after another and reports to its parent. */
import { setImmediate } from 'node:timers/promises';
import { loadDataset } from '../data/cache.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../engine/engine.ts';
import { openEngine } from '../engine/open.ts';
import { fileCheckpoints } from '../training/checkpoint.ts';
import { JobFailure, type EngineReference, type Job } from '../training/job.ts';
import { runJob } from '../training/train.ts';
import { RunError, UserError } from '../util/user-error.ts';
import type { FromWorker, ToWorker } from './pool.ts';
import { isWantOfMemory } from './resources.ts';
import { tieToParent } from './tie.ts';

/** Least milliseconds between messages. */
const interval = 200;

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
  if (data?.of === hash) return data.dataset;
  // What was loaded before need not be held meanwhile. To check a large file may take longer than a worker may be silent.
  data = undefined;
  const alive = setInterval(() => send({ kind: 'alive' }), 2 * interval);
  try {
    const dataset = await loadDataset(path, hash);
    data = { of: hash, dataset };
    return dataset;
  } finally {
    clearInterval(alive);
  }
}

async function work({ job, checkpoints }: ToWorker): Promise<void> {
  let sent = performance.now();
  const opened = await engineFor(job.engine);
  send({ kind: 'started', fingerprint: opened.fingerprint });
  await runJob(job, {
    engine: opened,
    dataset: await dataFor(job.data),
    checkpoints: fileCheckpoints(checkpoints),
    report(report) {
      // Quick minibatches are not all reported.
      if (report.kind === 'progress' && performance.now() - sent < interval && job.kind !== 'probe') return;
      sent = performance.now();
      send({ kind: 'report', report, peak: process.resourceUsage().maxRSS * 1024, clock: sent / 1000 });
    },
    now: () => performance.now(),
    async breathe() {
      if (performance.now() - sent > 2 * interval) {
        sent = performance.now();
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
      else if (isWantOfMemory(error.message)) send({ kind: 'failed', failure: 'memory', message: error.message });
      else send({ kind: 'failed', failure: 'error', message: error.stack ?? error.message });
    },
  );
});

/**
 * Training that is simulated, so that what the queue does can be seen in seconds: an epoch of ten minibatches is a wait and a
 * small file, whose content follows from the job and the epoch before, as a checkpoint's does. All else is real. As a process
 * (`simulated.js QUEUE STORE SECONDS NAME NAME-OF-QUEUE [HOW-MANY]`) it is workers that take such jobs until SIGTERM.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Pool } from '../../src/execution/pool.ts';
import { parseQueue } from '../../src/execution/queue/address.ts';
import { openBroker } from '../../src/execution/queue/broker.ts';
import { startConsumer, type Consumer } from '../../src/execution/queue/consumer.ts';
import { openStore } from '../../src/execution/store/open.ts';
import type { Store } from '../../src/execution/store/store.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { presets } from '../../src/search/settings.ts';
import { checkpointPath } from '../../src/training/checkpoint.ts';
import { JobFailure, type Report, type TrainingJob } from '../../src/training/job.ts';
import { sha256 } from '../../src/util/hash.ts';
import { version } from '../../src/util/version.ts';

export const minibatchesAnEpoch = 10;
const queuePrefix = 'instar-simulated';
export const queueOf = (name: string): string => `${queuePrefix}-${name}`;

/** What an epoch leaves: named by its content. */
function epochFile(checkpoints: string, id: string, before: string, epoch: number): string {
  const content = `${id} ${epoch} behind ${sha256(before)}`;
  const hash = sha256(content);
  writeFileSync(checkpointPath(checkpoints, hash), content);
  return hash;
}

export function createSimulatedPool(checkpoints: string, seconds: number): Pool {
  return {
    async run(job, watch, signal) {
      if (job.kind !== 'training') throw new JobFailure('memory', `no simulation of ${job.kind}`);
      const { from } = job.start;
      let content = from.kind === 'initial' ? from.key.join() : readFileSync(checkpointPath(checkpoints, from.hash), 'utf8');
      for (let { done } = job.minibatches; done < job.minibatches.count;) {
        if (seconds > 0) await sleep(1000 * seconds, undefined, { signal }).catch(() => signal.throwIfAborted());
        signal.throwIfAborted();
        done += minibatchesAnEpoch;
        const epoch = done / minibatchesAnEpoch;
        const checkpoint = epochFile(checkpoints, job.id, content, epoch);
        content = readFileSync(checkpointPath(checkpoints, checkpoint), 'utf8');
        watch.report({ kind: 'epoch', done, epoch, loss: 1 / epoch, validation: null, checkpoint }, 1, epoch);
      }
    },
    workers: () => [],
    close: () => undefined,
    forget: () => Promise.resolve(),
  };
}

/** What a job of so many epochs says, each once and in order. */
export function expectedEpochs(checkpoints: string, id: string, key: string, epochs: number): string[] {
  let content = key;
  return Array.from({ length: epochs }, (_none, index) => {
    const hash = epochFile(checkpoints, id, content, index + 1);
    content = readFileSync(checkpointPath(checkpoints, hash), 'utf8');
    return hash;
  });
}

export function simulatedJob(id: string, epochs: number, data: { readonly path: string; readonly hash: string }): TrainingJob {
  const { augmentation, momentum, weightDecay } = presets.quick;
  return {
    kind: 'training',
    id,
    network: vanillaNetwork({ channels: 1, height: 8, width: 8 }, 4, [3, 4]),
    start: { from: { kind: 'initial', key: ['simulated'] }, edits: [], optimizerState: 'reset' },
    data: { ...data, images: null, validation: 0.1 },
    whole: false,
    batch: 16,
    augmentation,
    learning: { momentum, weightDecay },
    schedule: { kind: 'constant', rate: 0.1 },
    key: ['simulated', id],
    minibatches: { first: 0, count: epochs * minibatchesAnEpoch, done: 0 },
    engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'direct' },
  };
}

export interface SimulatedWorker {
  /** Of Redis or PostgreSQL. */
  readonly address: string;
  readonly store: Store;
  readonly name: string;
  /** The queue's, as `queueOf` gives it. */
  readonly queue: string;
  readonly cache: string;
  /** Of an epoch. */
  readonly seconds: number;
  readonly slots?: number;
  readonly jobs?: number;
  readonly cores?: number;
  say?(line: string): void;
}

export const startSimulated = async (worker: SimulatedWorker): Promise<Consumer> =>
  startConsumer({
    broker: await openBroker(parseQueue(worker.address), process.env),
    store: worker.store,
    sources: [{ name: worker.queue, heterogeneous: false, minimumWait: 0 }],
    slots: worker.slots ?? 1,
    ...(worker.jobs === undefined ? {} : { jobs: worker.jobs }),
    ...(worker.cores === undefined ? {} : { cores: worker.cores }),
    cache: worker.cache,
    cacheBytes: 1e9,
    identity: { name: worker.name, bits: 'simulated', instar: version },
    engine: { name: 'reference', device: 'cpu' },
    open: (checkpoints) => createSimulatedPool(checkpoints, worker.seconds),
    now: () => Date.now(),
    say: worker.say ?? (() => undefined),
  });

/** Epochs among reports, and whose. */
export const epochsOf = (reports: readonly Report[]): string[] =>
  reports.flatMap((report) => (report.kind === 'epoch' ? [report.checkpoint] : []));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [address = '', store = '', seconds = '', name = '', queue = '', count = '1'] = process.argv.slice(2);
  const cache = mkdtempSync(join(tmpdir(), 'instar-simulated-'));
  process.on('exit', () => rmSync(cache, { recursive: true, force: true }));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const opened = await openStore(store);
  const consumers: Consumer[] = [];
  for (let index = 0; index < Number(count); index++)
    consumers.push(
      await startSimulated({
        address,
        store: opened,
        seconds: Number(seconds),
        name: count === '1' ? name : `${name}-${index}`,
        queue,
        cache: join(cache, String(index)),
        ...(count === '1' ? { say } : {}),
      }),
    );
  say('ready');
  process.on('SIGTERM', () => void Promise.all(consumers.map((each) => each.drain())).then(() => process.exit(0)));
}

/** `instar worker`: trains for searches on other machines until it is interrupted. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../util/files.ts';
import { bitsOf, describeBits } from '../engine/bits.ts';
import type { EngineName } from '../engine/engine.ts';
import { chooseEngine, openEngine } from '../engine/open.ts';
import { createPool } from '../execution/pool.ts';
import { usableProcessors } from '../execution/resources.ts';
import { parseQueue } from '../execution/queue/address.ts';
import { openBroker, reachQueue } from '../execution/queue/broker.ts';
import { heterogeneousQueue, queueName } from '../execution/queue/messages.ts';
import { openCheckedStore } from '../execution/store/open.ts';
import { cacheFolder, defaultPatience } from '../run/preparing/begin.ts';
import { tryLock } from '../run/record/lock.ts';
import { importOptional } from '../util/optional.ts';
import { plural, printable } from '../util/words.ts';
import { version } from '../util/version.ts';
import { UserError } from '../util/user-error.ts';
import { listenForInterrupts } from './interrupt.ts';
import { exitCodes, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';

/** Bytes. */
const defaultCacheSize = 10 * 2 ** 30;

/** Seconds that a job of a heterogeneous run waits for faster engines; on a GPU none. */
const minimumWaits: { readonly [Name in EngineName]: number } = { onednn: 0, onnx: 2, reference: 10 };

/** Workers of one machine, at most, that keep a cache of their own. */
const maxFolders = 64;

/** Locks `worker-1`, or the next free folder, until this process ends; without locks a folder of its own. */
export function takeFolder(parent: string): string {
  for (let count = 1; count <= maxFolders; count++) {
    const folder = join(parent, `worker-${count}`);
    makeFolder(folder);
    if (tryLock(join(folder, 'lock')) !== null) return folder;
  }
  return join(parent, `worker-of-${process.pid}`);
}

export async function workerCommand(given: Given<'worker'>, io: Io): Promise<number> {
  const { queue, store, device = 'cpu', engine = 'auto', cacheSize = defaultCacheSize } = given;
  if (queue === undefined || store === undefined)
    throw new UserError('a worker needs --queue and --store, as the search has them');
  const threads = given.threads ?? given.jobs ?? usableProcessors();
  const jobs = Math.min(threads, given.jobs ?? threads);
  const name = await chooseEngine(engine, device, io.environment);
  const { fingerprint } = await openEngine(name, { threads: 1, environment: io.environment, device });
  const bits = bitsOf(fingerprint, process.versions.node);
  const address = parseQueue(queue);
  const say = (line: string): void => void io.err.write(`${printable(line)}\n`);
  await reachQueue(address, io.environment, say);
  const broker = await openBroker(address, io.environment);
  const { startConsumer } = await importOptional('instar worker', ['bullmq'], () => import('../execution/queue/consumer.ts'));
  const consumer = await startConsumer({
    broker,
    store: await openCheckedStore(store),
    sources: [
      { name: queueName(bits), heterogeneous: false, minimumWait: 0 },
      { name: heterogeneousQueue, heterogeneous: true, minimumWait: device === 'cpu' ? minimumWaits[name] : 0 },
    ],
    slots: threads,
    jobs,
    cores: Math.max(threads, usableProcessors()),
    cache: given.cache ?? takeFolder(cacheFolder()),
    cacheBytes: cacheSize,
    identity: { name: `${hostname()}:${process.pid}`, bits: describeBits(bits), instar: version },
    engine: { name, device },
    open: (checkpoints) => createPool({ checkpoints, patience: defaultPatience }),
    now: () => Date.now(),
    say,
  });
  say(
    `${describeBits(bits)}: up to ${plural(jobs, 'job')} at a time from ${queue}, ${plural(threads, 'thread')} in total; Ctrl-C stops it after the epoch`,
  );
  const interruption = listenForInterrupts(io, () => say(`stopping: ${plural(consumer.busy(), 'job')} in progress`));
  await new Promise<void>((resolve) => interruption.signal.addEventListener('abort', () => resolve()));
  await consumer.drain();
  return exitCodes.done;
}

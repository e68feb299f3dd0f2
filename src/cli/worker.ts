/** `instar worker`: does the jobs of searches on other machines until it is interrupted. */
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../util/files.ts';
import { bitsOf, describeBits } from '../engine/bits.ts';
import type { EngineName } from '../engine/engine.ts';
import { chooseEngine, devices, engineNames, openEngine } from '../engine/open.ts';
import { createPool } from '../execution/pool.ts';
import { startConsumer } from '../execution/queue/consumer.ts';
import { parseQueue } from '../execution/queue/address.ts';
import { openBroker, reachQueue } from '../execution/queue/broker.ts';
import { heterogeneousQueue, queueName } from '../execution/queue/messages.ts';
import { openStore } from '../execution/store/open.ts';
import { cacheFolder, defaultPatience } from '../run/preparing/begin.ts';
import { tryLock } from '../run/record/lock.ts';
import { plural, printable } from '../util/words.ts';
import { version } from '../util/version.ts';
import { UserError } from '../util/user-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { Given } from './given.ts';
import { listenForInterrupts } from './interrupt.ts';
import type { Io } from './io.ts';
import { parseBytes, parseChoice, parseWhole } from './values.ts';

/** Bytes. */
const defaultCacheSize = 10 * 2 ** 30;

/** Seconds for which a CPU worker leaves a job of a heterogeneous run to workers with faster engines. */
const minimumWaits: { readonly [Name in EngineName]: number } = { onednn: 0, onnx: 2, reference: 10 };

/** Workers of one machine whose cache is found again, at most. */
const mostFolders = 64;

/** Locks `worker-1`, or the next folder without a worker, until this process ends. Without locks the folder is a new one. */
export function takeFolder(parent: string): string {
  for (let count = 1; count <= mostFolders; count++) {
    const folder = join(parent, `worker-${count}`);
    makeFolder(folder);
    if (tryLock(join(folder, 'lock')) !== null) return folder;
  }
  return join(parent, `worker-of-${process.pid}`);
}

export async function workerCommand(given: Given, io: Io): Promise<number> {
  const text = (name: string): string | undefined => given[name] as string | undefined;
  const [queue, store] = [text('queue'), text('store')];
  if (queue === undefined || store === undefined)
    throw new UserError('a worker needs a queue and a store: give --queue and --store as for the search');
  const whole = (name: string): number | undefined =>
    text(name) === undefined ? undefined : parseWhole(`--${name}`, text(name) as string, 1);
  const threads = whole('threads') ?? whole('jobs') ?? availableParallelism();
  const jobs = Math.min(threads, whole('jobs') ?? threads);
  const device = text('device') === undefined ? 'cpu' : parseChoice('--device', text('device') as string, devices);
  const asked = text('engine') === undefined ? 'auto' : parseChoice('--engine', text('engine') as string, engineNames);
  const name = await chooseEngine(asked, device, io.environment);
  const { fingerprint } = await openEngine(name, { threads: 1, environment: io.environment, device });
  const bits = bitsOf(fingerprint, process.versions.node);
  const address = parseQueue(queue);
  await reachQueue(address, io.environment);
  const broker = openBroker(address, io.environment);
  const say = (line: string): void => void io.err.write(`${printable(line)}\n`);
  const consumer = await startConsumer({
    broker,
    store: await openStore(store),
    sources: [
      { name: queueName(bits), heterogeneous: false, minimumWait: 0 },
      { name: heterogeneousQueue, heterogeneous: true, minimumWait: device === 'cpu' ? minimumWaits[name] : 0 },
    ],
    slots: threads,
    jobs,
    cache: text('cache') ?? takeFolder(cacheFolder()),
    cacheBytes: text('cacheSize') === undefined ? defaultCacheSize : parseBytes('--cache-size', text('cacheSize') as string),
    identity: { name: `${hostname()}:${process.pid}`, bits: describeBits(bits), instar: version },
    engine: { name, device },
    open: (checkpoints) => createPool({ checkpoints, patience: defaultPatience }),
    now: () => Date.now(),
    say,
  });
  say(
    `${describeBits(bits)}: takes ${jobs} at a time from ${queue}, on ${plural(threads, 'thread')}; Ctrl-C stops it after the epoch`,
  );
  const interruption = listenForInterrupts(
    io,
    () => say(`stopping: ${plural(consumer.busy(), 'job')} in progress`),
    () => undefined,
  );
  await new Promise<void>((resolve) => interruption.signal.addEventListener('abort', () => resolve()));
  await consumer.drain();
  return exitCodes.done;
}

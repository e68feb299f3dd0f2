/** `instar worker`: trains for searches that run elsewhere, until it is told to go. */
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../util/files.ts';
import { bitsOf, describeBits } from '../engine/bits.ts';
import type { EngineName } from '../engine/engine.ts';
import { chooseEngine, openEngine } from '../engine/open.ts';
import { createPool } from '../execution/pool.ts';
import { startConsumer } from '../execution/queue/consumer.ts';
import { parseQueue } from '../execution/queue/address.ts';
import { openBroker, reachQueue } from '../execution/queue/broker.ts';
import { queueName } from '../execution/queue/messages.ts';
import { openStore } from '../execution/store/open.ts';
import { cacheFolder, defaultPatience } from '../run/preparing/begin.ts';
import { tryLock } from '../run/record/lock.ts';
import { plural, printable } from '../util/words.ts';
import { version } from '../util/version.ts';
import { UserError } from '../util/user-error.ts';
import { exitCodes } from './exit-codes.ts';
import { listenForInterrupts } from './interrupt.ts';
import type { Io } from './io.ts';
import type { Given } from './options.ts';

const usualCache = 10 * 2 ** 30;

/** Seconds that a job of a mixed run is left to faster engines; on a device of their own all are fast. */
const hesitations: { readonly [Name in EngineName]: number } = { onednn: 0, onnx: 2, reference: 10 };

/** Workers of one machine, at most, that find what they had fetched before. */
const places = 64;

/** `worker-1`, or the next that no worker has, until this process ends; one of its own where nothing can be locked. */
export function takeFolder(parent: string): string {
  for (let count = 1; count <= places; count++) {
    const folder = join(parent, `worker-${count}`);
    makeFolder(folder);
    if (tryLock(join(folder, 'lock')) !== null) return folder;
  }
  return join(parent, `worker-of-${process.pid}`);
}

export async function workerCommand(given: Given<'worker'>, io: Io): Promise<number> {
  const { queue, store, device = 'cpu', engine = 'auto', cacheSize = usualCache } = given;
  if (queue === undefined || store === undefined)
    throw new UserError('a worker needs --queue and --store, as the search has them');
  const threads = given.threads ?? given.jobs ?? availableParallelism();
  const jobs = Math.min(threads, given.jobs ?? threads);
  const name = await chooseEngine(engine, device, io.environment);
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
      { name: queueName(bits), mixed: false, hesitation: 0 },
      { name: queueName('mixed'), mixed: true, hesitation: device === 'cpu' ? hesitations[name] : 0 },
    ],
    slots: threads,
    jobs,
    cache: given.cache ?? takeFolder(cacheFolder()),
    cacheBytes: cacheSize,
    word: { name: `${hostname()}:${process.pid}`, bits: describeBits(bits), instar: version },
    engine: { name, device },
    open: (checkpoints) => createPool({ checkpoints, patience: defaultPatience }),
    now: () => Date.now(),
    say,
  });
  say(
    `${describeBits(bits)}: takes ${jobs} at a time from ${queue}, ${plural(threads, 'thread')} in all; Ctrl-C ends it after the epoch`,
  );
  const interruption = listenForInterrupts(
    io,
    () => say(`going: ${consumer.busy()} on`),
    () => undefined,
  );
  await new Promise<void>((resolve) => interruption.signal.addEventListener('abort', () => resolve()));
  await consumer.drain();
  return exitCodes.done;
}

/** BullMQ on Redis and Valkey. */
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { QueueAddress } from './address.ts';
import type { Broker } from './connections.ts';

/** Longest delay between tries to connect, milliseconds. */
const longestWait = 5000;
/** Milliseconds without an answer after which a connection is restored. */
const silenceLimit = 20_000;

function redisOptions({ host, port, user, database, tls }: QueueAddress, password: string | undefined) {
  return {
    host,
    port,
    db: Number(database === '' ? 0 : database),
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  };
}

export async function reach(address: QueueAddress, password: string | undefined): Promise<void> {
  const client = new Redis({ ...redisOptions(address, password), lazyConnect: true, retryStrategy: () => null });
  let first: Error | null = null;
  client.on('error', (error: Error) => (first ??= error));
  try {
    await client.connect();
    await client.ping();
    // ioredis does not tell of a database that the server does not have.
    if (address.database !== '') await client.select(Number(address.database));
  } catch (error) {
    throw first ?? (error as Error);
  } finally {
    client.disconnect();
  }
}

export function open(address: QueueAddress, password: string | undefined): Broker {
  let hasLeft = false;
  const connection = {
    ...redisOptions(address, password),
    // Longer than any answer takes.
    socketTimeout: silenceLimit,
    // Requests wait until the server is back.
    maxRetriesPerRequest: null,
    retryStrategy: (tries: number): number | null => (hasLeft ? null : Math.min(longestWait, 200 * 2 ** Math.min(tries, 10))),
  };
  return {
    address,
    leave: () => void (hasLeft = true),
    queue: (name) => new Queue(name, { connection }),
    events: (name) => new QueueEvents(name, { connection }),
    worker: (name, process, more) => new Worker(name, process, { connection, ...more }),
  };
}

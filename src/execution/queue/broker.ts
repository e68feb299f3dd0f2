/** BullMQ's connections to the queue's server. Loaded only where a queue is used. */
import { createPostgresBackend, Queue, QueueEvents, Worker, type Processor, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { reasonOf } from '../../util/files.ts';
import { UserError } from '../../util/user-error.ts';
import { patiently } from '../patience.ts';
import { queuePassword, type Environment, type QueueAddress } from './address.ts';

/** Creates BullMQ objects that share one configuration. */
export interface Broker {
  readonly address: QueueAddress;
  /** Lost connections are not restored from here on, so that an unreachable server keeps no process alive. */
  leave(): void;
  queue<Data, Result>(name: string): Queue<Data, Result>;
  events(name: string): QueueEvents;
  worker<Data, Result>(name: string, process: Processor<Data, Result>, options: Partial<WorkerOptions>): Worker<Data, Result>;
}

/** Longest delay between tries to connect, milliseconds. */
const longestWait = 5000;
/** Milliseconds without an answer after which a connection is restored. */
const silenceLimit = 20_000;

/**
 * A PostgreSQL connection may break when no query is pending: between the queries of a transaction, or right after it was made.
 * Node ends a process on an `error` event without listeners; here the next query rejects instead.
 */
export class CalmClient extends pg.Client {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    return (event !== 'error' || this.listenerCount('error') > 0) && super.emit(event as never, ...(values as []));
  }
}

/** Node checks certificates; NODE_EXTRA_CA_CERTS names a file with more authorities. */
function postgresOptions({ host, port, user, database, tls }: QueueAddress, password: string | undefined) {
  return { host, port, database: database === '' ? undefined : database, user, password, ...(tls ? { ssl: true } : {}) };
}

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

/** Errors of a server that is not up yet; any other error of a first connection is the user's mistake. */
const notYet = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', '57P03'];
const isNotYet = (error: Error): boolean =>
  notYet.includes(String((error as NodeJS.ErrnoException).code)) || error.message.startsWith('LOADING');
/** Seconds to wait at the start for a server that does not answer. */
const startPatience = 30;

/** Checks that the server can be reached and accepts the password; a UserError where not. */
export async function reachQueue(address: QueueAddress, environment: Environment, seconds = startPatience): Promise<void> {
  const password = queuePassword(environment);
  const reach = async (): Promise<void> => {
    if (address.kind === 'postgres') {
      const client = new CalmClient(postgresOptions(address, password));
      await client.connect();
      await client.end();
      return;
    }
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
  };
  try {
    await patiently(reach, { seconds, isPassing: isNotYet });
  } catch (error) {
    throw new UserError(`--queue ${address.text}: ${reasonOf(error)}`);
  }
}

export function openBroker(address: QueueAddress, environment: Environment): Broker {
  const password = queuePassword(environment);
  if (address.kind === 'postgres') {
    // BullMQ's pools take `Client` from the options; its listening connection takes the module's.
    Object.assign(pg, { Client: CalmClient });
    const options = { connection: { ...postgresOptions(address, password), Client: CalmClient, migrate: true } };
    // The types are those of Redis; the factory adapts the classes to PostgreSQL.
    return {
      address,
      leave: () => undefined, // Queries to PostgreSQL fail by themselves.
      queue: (name) => new Queue(name, options as never, createPostgresBackend as never),
      events: (name) => new QueueEvents(name, options as never, createPostgresBackend as never),
      worker: (name, process, more) =>
        new Worker(name, process, { ...options, ...more } as never, createPostgresBackend as never),
    };
  }
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

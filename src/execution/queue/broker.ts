/** BullMQ, connected to where the queue is. Loaded by those who use a queue, and by nobody else. */
import { createPostgresBackend, Queue, QueueEvents, Worker, type Processor, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { reasonOf } from '../../util/files.ts';
import { UserError } from '../../util/user-error.ts';
import { patiently } from '../patience.ts';
import { queuePassword, type Environment, type QueueAddress } from './address.ts';

/** Makers of BullMQ's parts, all with the same connection. */
export interface Broker {
  readonly address: QueueAddress;
  /** From here on a connection that is lost is not made anew: a server that is away keeps no process. */
  leave(): void;
  queue<Data, Result>(name: string): Queue<Data, Result>;
  events(name: string): QueueEvents;
  worker<Data, Result>(name: string, process: Processor<Data, Result>, options: Partial<WorkerOptions>): Worker<Data, Result>;
}

/** Milliseconds between two tries to connect, at most. */
const longestWait = 5000;
/** Milliseconds without an answer after which a connection is made anew. */
const forgottenAfter = 20_000;

/**
 * A connection to PostgreSQL may break while nobody waits for an answer on it: between the queries of a transaction, or before
 * whoever connected has gone on. Node ends a process for an error that nobody listens to; here whoever asks next is told.
 */
export class CalmClient extends pg.Client {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    return (event !== 'error' || this.listenerCount('error') > 0) && super.emit(event as never, ...(values as []));
  }
}

/** Of PostgreSQL. Certificates are checked, as Node does: NODE_EXTRA_CA_CERTS names the file of an authority of one's own. */
function postgresOptions({ host, port, user, database, tls }: QueueAddress, password: string | undefined) {
  return {
    host,
    port,
    ...(database === '' ? {} : { database }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { ssl: true } : {}),
  };
}

/** Of Redis; certificates as for PostgreSQL. */
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

/** Nobody answers, or not yet; anything else that goes wrong with a first connection is a mistake. */
const notYet = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', '57P03'];
const isNotYet = (error: Error): boolean =>
  notYet.includes(String((error as NodeJS.ErrnoException).code)) || error.message.startsWith('LOADING');
/** Seconds for which a server that does not answer is waited for at the start. */
const startPatience = 30;

/** That the queue is there, and lets us in: a UserError where it does not. Later it may come and go. */
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
    // BullMQ's pools take the client that they are told; the connection on which it listens takes the module's.
    Object.assign(pg, { Client: CalmClient });
    const options = { connection: { ...postgresOptions(address, password), Client: CalmClient, migrate: true } };
    // The classes are typed for Redis; the factory makes them PostgreSQL's.
    return {
      address,
      leave: () => undefined, // Each query of PostgreSQL's fails by itself.
      queue: (name) => new Queue(name, options as never, createPostgresBackend as never),
      events: (name) => new QueueEvents(name, options as never, createPostgresBackend as never),
      worker: (name, process, more) =>
        new Worker(name, process, { ...options, ...more } as never, createPostgresBackend as never),
    };
  }
  let hasLeft = false;
  const connection = {
    ...redisOptions(address, password),
    // Of a connection that its network has forgotten; longer than any answer is waited for.
    socketTimeout: forgottenAfter,
    // What is asked waits until the server is back.
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

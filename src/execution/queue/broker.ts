/** BullMQ, connected to where the queue is. Loaded by those who use a queue, and by nobody else. */
import { createPostgresBackend, Queue, QueueEvents, Worker, type Processor, type WorkerOptions } from 'bullmq';
import { queuePassword, type Environment, type QueueAddress } from './address.ts';

/** Makers of BullMQ's parts, all with the same connection. */
export interface Broker {
  readonly address: QueueAddress;
  queue<Data, Result>(name: string): Queue<Data, Result>;
  events(name: string): QueueEvents;
  worker<Data, Result>(name: string, process: Processor<Data, Result>, options: Partial<WorkerOptions>): Worker<Data, Result>;
}

/** Milliseconds between two tries to connect, at most. */
const longestWait = 5000;
/** Milliseconds without an answer after which a connection is made anew. */
const forgottenAfter = 20_000;

export function openBroker(address: QueueAddress, environment: Environment): Broker {
  const { kind, host, port, user, database, tls } = address;
  const password = queuePassword(environment);
  const secret = { ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }) };
  if (kind === 'postgres') {
    const connection = {
      host,
      port,
      migrate: true,
      ...(database === '' ? {} : { database }),
      ...secret,
      ...(tls ? { ssl: true } : {}),
    };
    const options = { connection };
    // The classes are typed for Redis; the factory makes them PostgreSQL's.
    return {
      address,
      queue: (name) => new Queue(name, options as never, createPostgresBackend as never),
      events: (name) => new QueueEvents(name, options as never, createPostgresBackend as never),
      worker: (name, process, more) =>
        new Worker(name, process, { ...options, ...more } as never, createPostgresBackend as never),
    };
  }
  const connection = {
    host,
    port,
    db: Number(database === '' ? 0 : database),
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    // Of a connection that its network has forgotten; longer than any answer is waited for.
    socketTimeout: forgottenAfter,
    // What is asked waits until the server is back.
    maxRetriesPerRequest: null,
    retryStrategy: (tries: number): number => Math.min(longestWait, 200 * 2 ** Math.min(tries, 10)),
  };
  return {
    address,
    queue: (name) => new Queue(name, { connection }),
    events: (name) => new QueueEvents(name, { connection }),
    worker: (name, process, more) => new Worker(name, process, { connection, ...more }),
  };
}

/**
 * Where the queue is: Redis or Valkey (`redis://`, `rediss://` with TLS), or PostgreSQL (`postgres://`). BullMQ does the rest. No
 * address holds a password: that comes from the environment, or from a file that only its owner may read.
 */
import { readFileSync, statSync } from 'node:fs';
import { createPostgresBackend, Queue, QueueEvents, Worker, type Processor, type WorkerOptions } from 'bullmq';
import { UserError } from '../../util/user-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface QueueAddress {
  readonly kind: 'redis' | 'postgres';
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  /** Of PostgreSQL its name, of Redis its number. */
  readonly database: string;
  readonly tls: boolean;
  /** As it was given. */
  readonly text: string;
}

const protocols: Readonly<Record<string, { readonly kind: 'redis' | 'postgres'; readonly port: number; readonly tls: boolean }>> =
  {
    'redis:': { kind: 'redis', port: 6379, tls: false },
    'rediss:': { kind: 'redis', port: 6379, tls: true },
    'postgres:': { kind: 'postgres', port: 5432, tls: false },
    'postgresql:': { kind: 'postgres', port: 5432, tls: false },
  };

/** Reads `--queue`. An address with a password is refused: command lines are seen by everyone on the machine. */
export function parseQueue(text: string): QueueAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UserError('--queue: redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE');
  }
  const protocol = protocols[url.protocol];
  // Whatever it is, it is not said again: it may hold a secret.
  if (protocol === undefined) throw new UserError('--queue: redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE');
  if (url.password !== '' || url.searchParams.has('password'))
    throw new UserError(
      '--queue: no password in the address, which others can see: INSTAR_QUEUE_PASSWORD or INSTAR_QUEUE_PASSWORD_FILE holds it',
    );
  const mode = url.searchParams.get('sslmode');
  for (const [name, value] of url.searchParams)
    if (name !== 'sslmode' || !['disable', 'verify-full'].includes(value))
      throw new UserError(`--queue: unknown option ${name}=${value}; there is sslmode=verify-full or disable`);
  const database = decodeURIComponent(url.pathname.replace(/^\//, ''));
  if (protocol.kind === 'redis' && !/^\d{0,4}$/.test(database)) throw new UserError('--queue: a database of Redis is a number');
  if (url.hostname === '') throw new UserError('--queue: the host is missing');
  return {
    kind: protocol.kind,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? protocol.port : Number(url.port),
    user: url.username === '' ? undefined : decodeURIComponent(url.username),
    database,
    tls: protocol.tls || mode === 'verify-full',
    text,
  };
}

/** The password of the queue; undefined where there is none. */
export function queuePassword(environment: Environment): string | undefined {
  const given = environment['INSTAR_QUEUE_PASSWORD'];
  if (given !== undefined && given !== '') return given;
  const path = environment['INSTAR_QUEUE_PASSWORD_FILE'];
  if (path === undefined || path === '') return undefined;
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw new UserError(`${path}: others may read it: chmod 600 makes it yours alone`);
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`INSTAR_QUEUE_PASSWORD_FILE ${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Makers of BullMQ's parts, all with the same connection. */
export interface Broker {
  readonly address: QueueAddress;
  queue<Data, Result>(name: string): Queue<Data, Result>;
  events(name: string): QueueEvents;
  worker<Data, Result>(name: string, process: Processor<Data, Result>, options: Partial<WorkerOptions>): Worker<Data, Result>;
}

/** Seconds between two tries to connect, at most. */
const longestWait = 5000;

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

/**
 * Where the queue is: Redis or Valkey (`redis://`, `rediss://` with TLS), or PostgreSQL (`postgres://`). No address holds a
 * password: that comes from the environment, or from a file that only its owner may read. Connects to nothing.
 */
import { readFileSync, statSync } from 'node:fs';
import { UserError } from '../../util/user-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

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

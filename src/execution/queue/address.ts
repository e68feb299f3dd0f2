/**
 * The address of the queue: Redis or Valkey (`redis://`, `rediss://` with TLS), or PostgreSQL (`postgres://`). Its password is
 * not part of it: it comes from the environment, or from a file that only its owner may read. Connects to nothing.
 */
import { readFileSync, statSync } from 'node:fs';
import { UserError } from '../../util/user-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface QueueAddress {
  readonly kind: 'redis' | 'postgres';
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  /** A name for PostgreSQL, a number for Redis. */
  readonly database: string;
  readonly tls: boolean;
  /** As the user gave it. */
  readonly text: string;
}

const protocols: Readonly<Record<string, Pick<QueueAddress, 'kind' | 'port' | 'tls'>>> = {
  'redis:': { kind: 'redis', port: 6379, tls: false },
  'rediss:': { kind: 'redis', port: 6379, tls: true },
  'postgres:': { kind: 'postgres', port: 5432, tls: false },
  'postgresql:': { kind: 'postgres', port: 5432, tls: false },
};

/** Parses `--queue`. Refuses a password: everyone on the machine can read command lines. */
export function parseQueue(text: string): QueueAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = protocols[url?.protocol ?? ''];
  // The message does not repeat the text, which may hold a secret.
  if (url === undefined || protocol === undefined)
    throw new UserError('--queue: give redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE');
  if (url.password !== '' || url.searchParams.has('password'))
    throw new UserError(
      '--queue: a password in the address is visible to others: give it in INSTAR_QUEUE_PASSWORD or INSTAR_QUEUE_PASSWORD_FILE',
    );
  const mode = url.searchParams.get('sslmode');
  for (const [name, value] of url.searchParams)
    if (name !== 'sslmode' || !['disable', 'verify-full'].includes(value))
      throw new UserError(`--queue: unknown option ${name}=${value}: use sslmode=verify-full or sslmode=disable`);
  const database = decodeURIComponent(url.pathname.replace(/^\//, ''));
  if (protocol.kind === 'redis' && !/^\d{0,4}$/.test(database))
    throw new UserError('--queue: a Redis database is given by its number');
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

/** The queue's password; undefined where none is set. */
export function queuePassword(environment: Environment): string | undefined {
  const given = environment['INSTAR_QUEUE_PASSWORD'];
  if (given !== undefined && given !== '') return given;
  const path = environment['INSTAR_QUEUE_PASSWORD_FILE'];
  if (path === undefined || path === '') return undefined;
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw new UserError(`${path}: other users may read it: run chmod 600`);
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`INSTAR_QUEUE_PASSWORD_FILE ${path} cannot be read: ${(error as Error).message}`);
  }
}

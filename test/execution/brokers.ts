/** Real servers for tests of the queue: Debian's redis-server and PostgreSQL, and s3rver, each in a folder of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';
import { skipFor } from '../support/machine.ts';
import { sleep } from '../support/runs.ts';

export interface Server {
  readonly address: string;
  stop(): Promise<void>;
  /** Ends it at once and begins it again with what it had written. */
  restart(): Promise<void>;
}

const redisPath = '/usr/bin/redis-server';
export const withoutRedis = (): string | false => skipFor(existsSync(redisPath) ? null : `${redisPath} is not here`);

const postgresFolder = '/usr/lib/postgresql';
const postgresBin = (): string | null => {
  const newest = existsSync(postgresFolder)
    ? readdirSync(postgresFolder).toSorted((a, b) => Number(b) - Number(a))[0]
    : undefined;
  return newest === undefined ? null : join(postgresFolder, newest, 'bin');
};
export const withoutPostgres = (): string | false => skipFor(postgresBin() === null ? `${postgresFolder} is not here` : null);

/** Not one of those that the system gives to connections: it must still be free when the server is started again. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const port = 20_000 + randomInt(12_000);
    const server = createServer()
      .on('error', () => resolve(freePort()))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()));

async function answering(test: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (test()) return;
    await sleep(50);
  }
  throw new Error('the server does not answer');
}

/**
 * An S3 store with a bucket `instar`. `options`: more of s3rver's.
 *
 * s3rver 3.7 removes a folder with its last object, also while another object is being written there: the write's error
 * then ends the process. An object that is never deleted would be listed; so its deletion is ours, and folders stay.
 */
export async function startS3(
  directory: string,
  options: { readonly address?: string; readonly key?: Buffer; readonly cert?: Buffer } = {},
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const configureBuckets = [{ name: 'instar', configs: [] }];
  const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets, ...options });
  const store = Reflect.get(server, 'store') as { deleteObject(bucket: string, key: string): Promise<void> };
  store.deleteObject = async (bucket, key) => {
    const files = ['object', 'object.md5', 'metadata.json'].map((part) => join(directory, bucket, `${key}._S3rver_${part}`));
    await Promise.all(files.map((file) => rm(file, { force: true })));
  };
  const { port } = await server.run();
  return { port, close: () => server.close() };
}

/** What a server needs that speaks TLS and asks for a password. */
export interface Secure {
  /** Files: of the authority, and of what it has signed for localhost. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly password: string;
}

/** An authority of one's own, which nobody knows, and a certificate for localhost. */
export function makeSecure(folder: string, password: string): Secure {
  mkdirSync(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  const openssl = (...words: readonly string[]): void => {
    const { status, stderr } = spawnSync('/usr/bin/openssl', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const fresh = ['-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...fresh, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=an authority of these tests');
  openssl('req', ...fresh, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=localhost');
  writeFileSync(at('names'), 'subjectAltName=DNS:localhost\n');
  const signed = ['-req', '-days', '2', '-CAcreateserial', '-extfile', at('names'), '-in', at('server.csr')];
  openssl('x509', ...signed, '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-out', at('server.pem'));
  return { authority: at('ca.pem'), certificate: at('server.pem'), key: at('server.key'), password };
}

/** Keeps what it holds on disk at every write. `host`: an address of this machine by which others may reach it too. */
export async function startRedis(folder: string, secure?: Secure, host = '127.0.0.1'): Promise<Server> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const by = secure === undefined ? [] : ['--tls', '--cacert', secure.authority, '-h', 'localhost'];
  const env = { ...process.env, ...(secure === undefined ? {} : { REDISCLI_AUTH: secure.password }) };
  const ping = (): boolean =>
    spawnSync('/usr/bin/redis-cli', ['-p', String(port), ...by, 'ping'], { encoding: 'utf8', env }).stdout.trim() === 'PONG';
  // A file, so that the password is on no command line.
  const file = join(folder, 'redis.conf');
  writeFileSync(
    file,
    secure === undefined
      ? `port ${port}\n${host === '127.0.0.1' ? '' : 'protected-mode no\n'}`
      : [
          'port 0',
          `tls-port ${port}`,
          `tls-cert-file ${secure.certificate}`,
          `tls-key-file ${secure.key}`,
          `tls-ca-cert-file ${secure.authority}`,
          'tls-auth-clients no',
          `requirepass ${secure.password}`,
          '',
        ].join('\n'),
    { mode: 0o600 },
  );
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const options = [
      file,
      '--bind',
      ...new Set(['127.0.0.1', host]),
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
      '--maxmemory-policy',
      'noeviction',
    ];
    child = spawn(redisPath, options, { stdio: 'ignore' });
    await answering(ping);
  };
  await start();
  return {
    address: secure === undefined ? `redis://${host}:${port}` : `rediss://localhost:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await ended(child);
    },
    async restart() {
      child.kill('SIGKILL');
      await ended(child);
      await start();
    },
  };
}

/** The user nobody: PostgreSQL will not run as root. */
const nobody = 65534;

/** In a folder that its user may enter, gone when it is stopped. */
export async function startPostgres(secure?: Secure): Promise<Server> {
  const bin = postgresBin() ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'instar-postgres-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, nobody, nobody);
  const as = isRoot ? { uid: nobody, gid: nobody, cwd: folder } : { cwd: folder };
  const data = join(folder, 'data');
  const given = join(folder, 'password');
  writeFileSync(given, secure?.password ?? 'none', { mode: 0o644 });
  const trust = secure === undefined ? ['-A', 'trust'] : ['-A', 'scram-sha-256', '--pwfile', given];
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, ...trust, '-U', 'instar', '--no-sync'], { ...as, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  rmSync(given);
  const tls: string[] = [];
  if (secure !== undefined) {
    // Its own user's, and nobody else's.
    for (const [name, from] of [
      ['server.key', secure.key],
      ['server.pem', secure.certificate],
    ] as const) {
      const to = join(folder, name);
      writeFileSync(to, readFileSync(from), { mode: 0o600 });
      if (isRoot) chownSync(to, nobody, nobody);
    }
    writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n');
    const files = [`ssl_cert_file=${join(folder, 'server.pem')}`, `ssl_key_file=${join(folder, 'server.key')}`];
    tls.push(...['ssl=on', ...files].flatMap((each) => ['-c', each]));
  }
  const port = await freePort();
  const ready = (): boolean => spawnSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]).status === 0;
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(
      join(bin, 'postgres'),
      ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', ...tls],
      {
        ...as,
        stdio: 'ignore',
      },
    );
    await answering(ready);
  };
  const end = async (): Promise<void> => {
    child.kill('SIGINT');
    await ended(child);
  };
  await start();
  return {
    address:
      secure === undefined
        ? `postgres://instar@127.0.0.1:${port}/postgres`
        : `postgres://instar@localhost:${port}/postgres?sslmode=verify-full`,
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
    async restart() {
      await end();
      await start();
    },
  };
}

/** Real servers for tests of the queue: Debian's redis-server and PostgreSQL, each in a folder of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
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

/** Keeps what it holds on disk at every write. */
export async function startRedis(folder: string): Promise<Server> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const ping = (): boolean =>
    spawnSync('/usr/bin/redis-cli', ['-p', String(port), 'ping'], { encoding: 'utf8' }).stdout.trim() === 'PONG';
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const options = [
      '--port',
      port,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
      '--maxmemory-policy',
      'noeviction',
    ];
    child = spawn(redisPath, options.map(String), { stdio: 'ignore' });
    await answering(ping);
  };
  await start();
  return {
    address: `redis://127.0.0.1:${port}`,
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
export async function startPostgres(): Promise<Server> {
  const bin = postgresBin() ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'instar-postgres-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, nobody, nobody);
  const as = isRoot ? { uid: nobody, gid: nobody, cwd: folder } : { cwd: folder };
  const data = join(folder, 'data');
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'instar', '--no-sync'], {
    ...as,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(made.stderr);
  const port = await freePort();
  const ready = (): boolean => spawnSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]).status === 0;
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1'], {
      ...as,
      stdio: 'ignore',
    });
    await answering(ready);
  };
  const end = async (): Promise<void> => {
    child.kill('SIGINT');
    await ended(child);
  };
  await start();
  return {
    address: `postgres://instar@127.0.0.1:${port}/postgres`,
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

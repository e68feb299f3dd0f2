/**
 * Queues and stores that ask for a password and speak TLS, with a certificate authority of one's own; and that no secret is
 * ever said: not in the journal or the run's other files, not in what the commands print, not on a command line.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseQueue, queuePassword } from '../../src/execution/queue/address.ts';
import { readRun } from '../../src/run/record/read.ts';
import { UserError } from '../../src/util/user-error.ts';
import { marked, newFolder, place, quadrantFolder, sleep } from '../support/runs.ts';
import {
  makeSecure,
  startPostgres,
  startRedis,
  startS3,
  withoutPostgres,
  withoutRedis,
  type Secure,
  type Server,
} from './brokers.ts';

const program = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const password = 'correct-horse-battery';
/** s3rver knows this pair alone. */
const storeSecret = 'S3RVER';

describe('where a password comes from', () => {
  test('an address with one is refused, and not said again', () => {
    for (const address of [
      `redis://user:${password}@host`,
      `redis://:${password}@host`,
      `rediss://x:${password}@host/0`,
      `postgres://me:${password}@host/jobs`,
      `postgres://me@host/jobs?password=${password}`,
      `postgres://me@host/jobs?sslmode=verify-full&password=${password}`,
      `reddis://me:${password}@host`,
      `redis:/me:${password}@host`,
    ])
      assert.throws(
        () => parseQueue(address),
        (error: Error) => error instanceof UserError && !error.message.includes(password),
        address,
      );
  });

  test('a file that only its owner may read', () => {
    const path = join(place, 'password');
    writeFileSync(path, `${password}\n`, { mode: 0o600 });
    assert.equal(queuePassword({ INSTAR_QUEUE_PASSWORD_FILE: path }), password);
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(path, mode);
      assert.throws(() => queuePassword({ INSTAR_QUEUE_PASSWORD_FILE: path }), /other users may read it: run chmod 600/);
    }
    assert.equal(queuePassword({ INSTAR_QUEUE_PASSWORD: 'other', INSTAR_QUEUE_PASSWORD_FILE: path }), 'other');
    assert.throws(() => queuePassword({ INSTAR_QUEUE_PASSWORD_FILE: `${path}.none` }), /cannot be read/);
    assert.equal(queuePassword({}), undefined);
  });
});

interface Command {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

/** The command line, with nothing in its environment that these tests have not put there. */
function command(words: readonly string[], environment: Readonly<Record<string, string>>): Command {
  const { PATH = '', HOME = '', INSTAR_CACHE = '', LD_LIBRARY_PATH = '' } = process.env;
  const child = spawn(process.execPath, [program, ...words], {
    env: { PATH, HOME, INSTAR_CACHE, LD_LIBRARY_PATH, INSTAR_TEST_MARK: 'secrets', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, said: () => said, ended: new Promise((resolve) => child.on('close', resolve)) };
}

function textOf(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}

/** A short search by the command line, with one worker. Gives the run's folder; nothing that they said holds a secret. */
async function searched(
  queue: string,
  store: string,
  environment: Readonly<Record<string, string>>,
  secrets: readonly string[],
): Promise<string> {
  const run = newFolder();
  const there = ['--queue', queue, '--store', store, '--engine', 'reference'];
  const worker = command(['worker', ...there, '--jobs', '1', '--cache', `${run}-cache`], environment);
  const small = [
    'widths=[3,4]',
    'limits.steps=1',
    'vanilla.epochs=1',
    'final.epochs=1',
    'batch=16',
    'step.epochs=4',
    'step.children=2',
  ];
  const settings = [...small, 'method=random'].flatMap((each) => ['--set', each]);
  const search = command(
    ['search', quadrantFolder, '--preset', 'quick', '--run', run, '--workers', '1', ...there, ...settings],
    environment,
  );
  const seen = new Set<string>();
  const looking = setInterval(() => {
    for (const each of marked('secrets')) seen.add(each.command);
  }, 100);
  const code = await search.ended;
  clearInterval(looking);
  worker.child.kill('SIGTERM');
  assert.equal(code, 0, search.said() + worker.said());
  assert.equal(await worker.ended, 0, worker.said());
  assert.ok(
    [...seen].some((each) => each.includes('worker.js')),
    'the training processes are seen too',
  );
  for (const secret of secrets)
    for (const [where, text] of [
      ['the run', textOf(run)],
      ['the search', search.said()],
      ['the worker', worker.said()],
      ['the command lines', [...seen].join('\n')],
    ] as const)
      assert.ok(!text.includes(secret), `${secret} in what is said by ${where}`);
  assert.ok(readRun(run).state.search.finished);
  return run;
}

describe('Redis and S3 by TLS', { skip: withoutRedis() }, () => {
  let secure: Secure;
  let server: Server;
  let s3: Awaited<ReturnType<typeof startS3>>;
  let endpoint: string;
  let passwordFile: string;
  before(async () => {
    secure = makeSecure(join(place, 'secure-redis'), password);
    server = await startRedis(join(place, 'redis-secure'), secure);
    const [key, cert] = [readFileSync(secure.key), readFileSync(secure.certificate)];
    s3 = await startS3(join(place, 's3-secure'), { key, cert });
    endpoint = `https://localhost:${s3.port}`;
    passwordFile = join(place, 'redis-password');
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  });
  after(async () => {
    await s3.close();
    await server.stop();
  });
  const credentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: storeSecret };

  test('a search, with the password in a file', async () => {
    await searched(
      server.address,
      's3://instar/secure',
      {
        ...credentials,
        AWS_ENDPOINT_URL: endpoint,
        NODE_EXTRA_CA_CERTS: secure.authority,
        INSTAR_QUEUE_PASSWORD_FILE: passwordFile,
      },
      [password, storeSecret],
    );
  });

  const folder = join(place, 'store-refused');
  const known = (): Record<string, string> => ({ NODE_EXTRA_CA_CERTS: secure.authority });
  const refused: readonly (readonly [
    what: string,
    address: () => string,
    environment: () => Record<string, string>,
    line: RegExp,
  ])[] = [
    ['an authority that is not known', () => server.address, () => ({ INSTAR_QUEUE_PASSWORD: password }), /certificate/],
    ['no password', () => server.address, known, /NOAUTH/],
    ['a wrong password', () => server.address, () => ({ ...known(), INSTAR_QUEUE_PASSWORD: 'not-the-one' }), /WRONGPASS/],
    [
      'a certificate for another name',
      () => server.address.replace('localhost', '127.0.0.1'),
      () => ({ ...known(), INSTAR_QUEUE_PASSWORD: password }),
      /IP: 127\.0\.0\.1|altnames/,
    ],
    [
      'a password on the command line',
      () => server.address.replace('//', `//me:${password}@`),
      known,
      /a password in the address is visible to others/,
    ],
  ];
  for (const [what, address, environment, line] of refused)
    test(`${what}: one line, exit 2`, async () => {
      mkdirSync(folder, { recursive: true });
      const worker = command(
        ['worker', '--queue', address(), '--store', `file:${folder}`, '--engine', 'reference'],
        environment(),
      );
      const code = await Promise.race([worker.ended, sleep(20_000).then(() => 'it waits')]);
      worker.child.kill('SIGKILL');
      assert.equal(code, 2, worker.said());
      assert.match(worker.said(), line);
      assert.match(worker.said(), /^instar: [^\n]*\n$/);
      assert.ok(!worker.said().includes(password) && !worker.said().includes('not-the-one'));
    });

  test('S3 by TLS with an authority that is not known: one line, exit 2', async () => {
    const there = ['--queue', server.address, '--store', 's3://instar/secure', '--engine', 'reference'];
    const worker = command(['worker', ...there], {
      ...credentials,
      AWS_ENDPOINT_URL: endpoint,
      INSTAR_QUEUE_PASSWORD: password,
    });
    assert.equal(await worker.ended, 2);
    assert.match(worker.said(), /certificate/);
    assert.ok(!worker.said().includes(storeSecret + storeSecret));
  });
});

describe('PostgreSQL by TLS', { skip: withoutPostgres() }, () => {
  test('a search, with the password in the environment', async () => {
    const secure = makeSecure(join(place, 'secure-postgres'), password);
    const server = await startPostgres(secure);
    try {
      const store = join(place, 'store-postgres');
      mkdirSync(store);
      const environment = { NODE_EXTRA_CA_CERTS: secure.authority, INSTAR_QUEUE_PASSWORD: password };
      await searched(server.address, `file:${store}`, environment, [password]);
      const worker = command(['worker', '--queue', server.address, '--store', `file:${store}`], {
        INSTAR_QUEUE_PASSWORD: password,
      });
      assert.equal(await worker.ended, 2);
      assert.match(worker.said(), /certificate/);
    } finally {
      await server.stop();
    }
  });
});

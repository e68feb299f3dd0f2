/**
 * The network traffic of a step: a small real search on Redis and S3 with two workers. The search and the workers are each behind a
 * relay that counts bytes. Also prints the sizes of the checkpoints.
 *
 *   npm run bench:traffic -- [--data DIR] [--dataset cifar10]
 *
 * Needs Debian's redis-server. Writes results/traffic.md.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import S3rver from 's3rver';
import { openStore } from '../src/execution/store/open.ts';
import { search, type SearchOptions } from '../src/run/driving/open.ts';
import { readRun } from '../src/run/record/read.ts';
import { rungsFor, formatRungs } from '../src/search/rungs.ts';
import { must } from '../src/util/assert.ts';

const { values } = parseArgs({ options: { data: { type: 'string' }, dataset: { type: 'string', default: 'cifar10' } } });

interface Relay {
  readonly port: number;
  /** Bytes that the connecting side has sent so far. */
  readonly sent: () => number;
  readonly received: () => number;
  close(): void;
}

/** Forwards connections to a port of this machine, and counts bytes. */
async function relay(to: number): Promise<Relay> {
  let [sent, received] = [0, 0];
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const each of [near, far]) {
      sockets.add(each);
      each.on('error', () => [near, far].forEach((socket) => socket.destroy()));
      each.on('close', () => sockets.delete(each));
    }
    near.on('data', (bytes) => (sent += bytes.length));
    far.on('data', (bytes) => (received += bytes.length));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => sent,
    received: () => received,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const freePort = async (): Promise<number> => {
  const { port, close } = await relay(1);
  close();
  return port;
};

const place = mkdtempSync(join(tmpdir(), 'instar-traffic-'));
const redisPort = await freePort();
const redis = spawn('redis-server', ['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', place, '--save', ''], {
  stdio: 'ignore',
});
const s3 = new S3rver({
  port: 0,
  address: '127.0.0.1',
  silent: true,
  directory: join(place, 's3'),
  configureBuckets: [{ name: 'instar', configs: [] }],
});
const { port: s3Port } = await s3.run();
Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER', AWS_REGION: 'us-east-1' });

interface Party {
  readonly name: string;
  readonly queue: Relay;
  readonly store: Relay;
}
const party = async (name: string): Promise<Party> => ({ name, queue: await relay(redisPort), store: await relay(s3Port) });
const coordinator = await party('search');
const parties = [coordinator, await party('worker 1'), await party('worker 2')];

const program = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const workers = parties.slice(1).map(({ name, queue, store }): ChildProcess => {
  const parameters = ['--queue', `redis://127.0.0.1:${queue.port}`, '--store', 's3://instar/searches'];
  return spawn(
    process.execPath,
    [program, 'worker', ...parameters, '--jobs', '1', '--cache', join(place, name.replace(' ', '-'))],
    { env: { ...process.env, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${store.port}` }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
});

process.env['AWS_ENDPOINT_URL_S3'] = `http://127.0.0.1:${coordinator.store.port}`;
const run = join(place, 'run');
const options: SearchOptions = {
  dataset: values.dataset,
  preset: 'quick',
  workers: 2,
  run,
  settings: {
    images: 1000,
    step: { children: 4, epochs: 12 },
    vanilla: { epochs: 2 },
    limits: { steps: 1 },
    final: { epochs: 0 },
  },
  elsewhere: { queue: `redis://127.0.0.1:${coordinator.queue.port}`, store: 's3://instar/searches' },
  ...(values.data === undefined ? {} : { dataFolder: values.data }),
};

type Counters = readonly (readonly number[])[];
const count = (): Counters => parties.map(({ queue, store }) => [queue.sent(), queue.received(), store.sent(), store.received()]);
const stages = new Map<string, Counters>();
/** Bytes of a candidate's checkpoint at the end of each of its epochs. */
const sizes: { readonly candidate: string; readonly bytes: number }[] = [];
let before = count();
const stage = (name: string): void => {
  const now = count();
  stages.set(
    name,
    now.map((each, index) => each.map((value, at) => value - (before[index]?.[at] ?? 0))),
  );
  before = now;
};
for await (const event of search(options)) {
  if (event.type === 'step') stage('the data, and the vanilla network');
  if (event.type === 'selected') stage('the step');
  if (event.type !== 'epoch') continue;
  const path = join(run, 'checkpoints', `${event.checkpoint}.safetensors`);
  sizes.push({ candidate: event.line, bytes: statSync(path).size });
}
for (const worker of workers) worker.kill('SIGTERM');
await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))));
const { config, state } = readRun(run);
const left = await (await openStore('s3://instar/searches')).list('');
for (const each of parties) for (const part of [each.queue, each.store]) part.close();
redis.kill('SIGTERM');
await s3.close();

const mega = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1);
const rows = [...stages].flatMap(([name, counters]) =>
  counters.map((each, index) => {
    const [queueSent = 0, queueReceived = 0, storeSent = 0, storeReceived = 0] = each;
    const cells = [storeSent, storeReceived, queueSent, queueReceived].map(mega);
    return `| ${[name, must(parties[index], 'party').name, ...cells].join(' | ')} |`;
  }),
);
const children = state.search.steps[0]?.children ?? [];
const epochs = sizes.filter(({ candidate }) => children.includes(candidate));
const total = epochs.reduce((sum, { bytes }) => sum + bytes, 0);
const perParameter = epochs.map(
  ({ candidate, bytes }) => bytes / must(state.search.candidates.get(candidate), candidate).parameters,
);
rmSync(place, { recursive: true, force: true });

const page = `# The network traffic of a step

\`npm run bench:traffic -- --dataset ${values.dataset}\`: one step of ${formatRungs(rungsFor(config.settings))} epochs, Redis and S3 (s3rver), two workers with one job
each. Bytes were counted by a relay in front of each of them, protocols and polling included, in MB (10⁶).

| during | who | to the store | from the store | to the queue | from the queue |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

Checkpoints of the step's ${epochs.length} epochs: ${mega(total)} MB in all, ${Math.min(...perParameter).toFixed(2)} to ${Math.max(...perParameter).toFixed(2)} bytes per parameter (its value and its velocity). Each
goes from its worker to the store and from there to the search. After the run the store contains: ${left.map((key) => key.split('/')[0]).join(', ')}.
`;
writeFileSync('results/traffic.md', page);
console.log(page);

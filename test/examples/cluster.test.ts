/**
 * The examples that start workers: what can be known of them without a cluster. Tools that few machines have (systemd, Slurm,
 * shellcheck) are used where they are; the Slurm script is run for real, beside a Redis with a password.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { processIo } from '../../src/cli/io.ts';
import { commandOptions } from '../../src/options/commands.ts';
import { createProgram, givenTo } from '../../src/cli/program.ts';
import { parseQueue } from '../../src/execution/queue/address.ts';
import { until } from '../support/runs.ts';
import { startRedis, withoutRedis } from '../execution/brokers.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = join(root, 'examples', 'cluster');
const pathOf = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(pathOf(name), 'utf8');

const place = mkdtempSync(join(tmpdir(), 'instar-cluster-'));
after(() => rmSync(place, { recursive: true, force: true }));

/** Why a tool is not used; false where it is here. */
const without = (tool: string): string | false => (spawnSync('which', [tool]).status === 0 ? false : `${tool} is not here`);

/** Runs to its end; gives what it said. */
function run(command: string, parameters: readonly string[], environment = process.env): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(command, parameters, { encoding: 'utf8', env: environment, cwd: folder });
  return { status, said: `${stdout}${stderr}` };
}

/** `NAME=VALUE` lines; those that are commented out too. */
function settingsOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** What is wrong with the parameters of a worker; each must be known, and its value make sense. */
function problemsOf(parameters: readonly string[]): string[] {
  const [command, ...rest] = parameters;
  if (command !== 'worker') return [`${command} is not worker`];
  const worker = createProgram(processIo, () => undefined).commands.find((each) => each.name() === 'worker');
  assert.ok(worker);
  const { operands, unknown } = worker.parseOptions([...rest]);
  const given = givenTo(worker, commandOptions.worker);
  const problems = [...operands, ...unknown].map((each) => `${each} is no option of a worker`);
  if (given.queue === undefined || given.store === undefined) return [...problems, 'no queue or no store'];
  parseQueue(given.queue);
  if (!/^(?:file:\/[\w./-]+|s3:\/\/[\w.-]+(?:\/[\w./-]+)?)$/.test(given.store)) problems.push(`${given.store} is no store`);
  return problems;
}

/** `$(NAME)` or `${NAME}` with what stands for it. */
const filled = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$[({](\w+)(?::\?)?[)}]/g, (_whole, name: string) => values[name] ?? assert.fail(`${name} is given`));

const example = settingsOf(read('worker.env'));

test('parameters that no worker has are seen', () => {
  const fine = ['worker', '--queue', 'redis://host', '--store', 'file:/store'];
  assert.deepEqual(problemsOf(fine), []);
  assert.deepEqual(problemsOf([...fine, '--cores', '2']), ['--cores is no option of a worker', '2 is no option of a worker']);
  assert.deepEqual(problemsOf(['search', ...fine]), ['search is not worker']);
  assert.throws(() => problemsOf([...fine, '--jobs', '0']));
  assert.throws(() => problemsOf(['worker', '--queue', 'redis://:secret@host', '--store', 'file:/store']));
});

/** Secrets that stand in a file as values, and not by reference. */
const secretsOf = (text: string): string[] =>
  text.match(/^[^#\n]*(?:(?:PASSWORD|SECRET_ACCESS_KEY|ACCESS_KEY_ID)["']?[:=](?!\?)|requirepass) *["']?[^\s"'$].*$/gm) ?? [];

test('the README names every file, and no file holds a secret', () => {
  for (const name of readdirSync(folder).filter((each) => each !== 'README.md')) {
    assert.match(read('README.md'), new RegExp(`^\\| \`${name}\` +\\|`, 'm'));
    assert.deepEqual(secretsOf(read(name)), [], name);
  }
  const found = secretsOf(
    'A_PASSWORD=x\nrequirepass x\n  AWS_SECRET_ACCESS_KEY: "x"\nrequirepass $X\n#A_PASSWORD=x\nA_PASSWORD=\n',
  );
  assert.equal(found.length, 3);
});

test('settings that worker.env offers are read by something', () => {
  const known = ['src/execution/queue/address.ts', 'src/execution/store/s3.ts', 'examples/cluster/instar-worker.service']
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
  // Read by the AWS SDK and by Node themselves.
  const others = ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'NODE_EXTRA_CA_CERTS'];
  for (const name of Object.keys(example)) assert.ok(known.includes(name) || others.includes(name), name);
});

// systemd

const unit = read('instar-worker.service');
const unitSettings = (name: string): string[] =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);

test('the unit starts a worker, tells it alone to go, and gives it time', () => {
  const [program, main, ...parameters] = (unitSettings('ExecStart')[0] ?? '').split(' ');
  assert.equal(program, '/usr/bin/node');
  assert.match(main ?? '', /\/dist\/src\/cli\/main\.js$/);
  assert.deepEqual(problemsOf(parameters.map((each) => filled(each, example))), []);
  assert.deepEqual(unitSettings('KillSignal'), ['SIGTERM']);
  assert.deepEqual(unitSettings('KillMode'), ['mixed']);
  assert.deepEqual(unitSettings('User'), ['instar']);
  assert.match(unitSettings('TimeoutStopSec')[0] ?? '', /^\d+h$/);
  assert.deepEqual(unitSettings('MemoryDenyWriteExecute'), [], 'Node makes code as it runs');
});

/** With this machine's Node in the place of the usual one, and no user or file that is missing here. */
function unitHere(text: string): string {
  const path = join(place, 'instar-worker.service');
  writeFileSync(path, text.replace('ExecStart=/usr/bin/node', `ExecStart=${process.execPath}`));
  return path;
}

test('systemd finds nothing wrong with the unit', { skip: without('systemd-analyze') }, () => {
  assert.deepEqual(run('systemd-analyze', ['verify', unitHere(unit)]), { status: 0, said: '' });
  const broken = run('systemd-analyze', ['verify', unitHere(unit.replace('KillMode=mixed', 'KillMode=mixe'))]);
  assert.match(broken.said, /kill mode/);
});

test('systemd calls what the unit is exposed to little', { skip: without('systemd-analyze') }, () => {
  const exposure = (text: string): number => {
    const { said } = run('systemd-analyze', ['security', '--offline=yes', '--no-pager', unitHere(text)]);
    return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1] ?? assert.fail(said));
  };
  assert.ok(exposure(unit) <= 1.5, String(exposure(unit)));
  assert.ok(exposure('[Service]\nExecStart=/usr/bin/node\n') > 9);
});

// Slurm

const slurm = 'instar-workers.slurm';

test('bash and shellcheck find nothing wrong with the Slurm script', () => {
  assert.deepEqual(run('bash', ['-n', slurm]), { status: 0, said: '' });
  if (without('shellcheck') === false) assert.deepEqual(run('shellcheck', [slurm]), { status: 0, said: '' });
});

test('Slurm would take the script', { skip: without('sbatch') }, (context) => {
  if (run('scontrol', ['ping']).status !== 0) return context.skip('no controller of Slurm answers');
  const { status, said } = run('sbatch', ['--test-only', '--cpus-per-task=1', '--mem=1G', slurm]);
  assert.equal(status, 0, said);
  const copy = join(place, 'broken.slurm');
  writeFileSync(copy, read(slurm).replace('--nodes=1', '--nodes=many'));
  assert.notEqual(run('sbatch', ['--test-only', copy]).status, 0);
});

const password = 'r$(touch gone) "q\'`x`';

/** The script as Slurm would run it on a node. */
function startScript(settings: string, store: string, mode: number) {
  const file = join(place, `settings-${mode.toString(8)}.env`);
  writeFileSync(file, `${settings}\n`);
  chmodSync(file, mode);
  const temporary = join(place, 'temporary');
  mkdirSync(temporary, { recursive: true });
  mkdirSync(store, { recursive: true });
  const child = spawn('bash', [pathOf(slurm)], {
    cwd: place,
    env: {
      PATH: `${join(process.execPath, '..')}:/usr/bin:/bin`,
      HOME: place,
      TMPDIR: temporary,
      INSTAR_SETTINGS: file,
      INSTAR_PROGRAM: join(root, 'dist', 'src', 'cli', 'main.js'),
      SLURM_CPUS_PER_TASK: '3',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return { child, said: () => said, ended, temporary };
}

test('the Slurm script runs a worker, tells it to go, and leaves nothing', { skip: withoutRedis() }, async () => {
  const server = await startRedis(join(place, 'redis'));
  const { port } = new URL(server.address);
  const ask = (...words: string[]): string => run('redis-cli', ['-p', port, '--no-auth-warning', ...words]).said.trim();
  try {
    assert.equal(ask('config', 'set', 'requirepass', password), 'OK');
    const store = join(place, 'store');
    const settings = (secret: string): string =>
      `# a comment\nINSTAR_QUEUE=${server.address}\nINSTAR_STORE=file:${store}\nINSTAR_QUEUE_PASSWORD=${secret}`;
    const script = startScript(settings(password), store, 0o600);
    await until('the worker is there', 20, () => script.said().includes('up to 3 jobs at a time'));
    assert.equal(readdirSync(script.temporary).length, 1);
    assert.ok(!readdirSync(place).includes('gone'), 'what stands in the settings is not run');
    // That it is connected at all, and so that the password was the right one.
    const clients = (): number => ask('-a', password, 'client', 'list').split('\n').length;
    await until('the worker is connected', 20, () => clients() > 1);
    script.child.kill('SIGTERM');
    assert.equal(await script.ended, 0, script.said());
    assert.match(script.said(), /stopping: 0 jobs in progress/);
    assert.deepEqual(readdirSync(script.temporary), []);
  } finally {
    await server.stop();
  }
});

test('the Slurm script refuses settings that others may read', async () => {
  const script = startScript('INSTAR_QUEUE=redis://127.0.0.1:1', join(place, 'store'), 0o640);
  assert.equal(await script.ended, 2);
  assert.match(script.said(), /others may read it/);
});

// Containers

test('the image holds what a worker needs, starts it, and is nobody special', () => {
  const lines = read('Containerfile')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const unknown = lines.filter((line) => !/^(?:FROM|WORKDIR|COPY|RUN|ENV|VOLUME|USER|ENTRYPOINT|CMD) /.test(line));
  assert.deepEqual(unknown, []);
  const copies = lines.filter((line) => line.startsWith('COPY ') && !line.includes('--from'));
  for (const path of copies.flatMap((line) => line.split(' ').slice(1, -1))) assert.ok(existsSync(join(root, path)), path);
  assert.equal(
    lines.findLast((line) => line.startsWith('USER ')),
    'USER 1000:1000',
  );
  const wordsOf = (name: string): string[] =>
    JSON.parse(lines.findLast((line) => line.startsWith(name))?.slice(name.length) ?? '');
  const [program, main] = wordsOf('ENTRYPOINT ');
  assert.equal(program, 'node');
  assert.equal(main, '/opt/instar/dist/src/cli/main.js');
  assert.equal(wordsOf('CMD ')[0], 'worker');
});

const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
const labels = z.record(z.string(), z.string());
const quantity = z.string().regex(/^\d+(?:Gi)?$/);
const quantities = z.strictObject({ cpu: quantity, memory: quantity, 'ephemeral-storage': quantity });
const metadata = z.strictObject({ name, namespace: z.literal('instar').optional(), labels: labels.optional() });
const fromSecret = z.strictObject({
  name: z.string(),
  valueFrom: z.strictObject({ secretKeyRef: z.strictObject({ name, key: name }) }),
});
const container = z.strictObject({
  name,
  image: z.string(),
  args: z.array(z.string()),
  envFrom: z.array(z.strictObject({ configMapRef: z.strictObject({ name: z.literal('instar-worker') }) })),
  env: z.array(fromSecret),
  resources: z.strictObject({ requests: quantities, limits: quantities }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  volumeMounts: z.array(z.strictObject({ name, mountPath: z.string() })),
});
const pod = z.strictObject({
  terminationGracePeriodSeconds: z.int().min(600),
  automountServiceAccountToken: z.literal(false),
  enableServiceLinks: z.literal(false),
  nodeSelector: labels,
  securityContext: z.strictObject({
    runAsNonRoot: z.literal(true),
    runAsUser: z.int().min(1),
    runAsGroup: z.int().min(1),
    fsGroup: z.int().min(1),
    seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
  }),
  containers: z.tuple([container]),
  volumes: z.array(z.strictObject({ name, emptyDir: z.strictObject({ sizeLimit: quantity }) })),
});
const selector = z.strictObject({ matchLabels: labels });
/** Of the kinds in the manifest, the parts that it uses. */
const manifest = z.tuple([
  z.strictObject({ apiVersion: z.literal('v1'), kind: z.literal('Namespace'), metadata }),
  z.strictObject({ apiVersion: z.literal('v1'), kind: z.literal('ConfigMap'), metadata, data: z.record(z.string(), z.string()) }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata,
    spec: z.strictObject({
      replicas: z.int().min(1),
      selector,
      strategy: z.strictObject({
        type: z.literal('RollingUpdate'),
        rollingUpdate: z.strictObject({ maxSurge: z.literal(0), maxUnavailable: z.literal('100%') }),
      }),
      template: z.strictObject({ metadata: z.strictObject({ labels }), spec: pod }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('networking.k8s.io/v1'),
    kind: z.literal('NetworkPolicy'),
    metadata,
    spec: z.strictObject({ podSelector: selector, policyTypes: z.tuple([z.literal('Ingress')]) }),
  }),
]);

test('the manifests: workers that may do nothing but work, with secrets by reference', () => {
  const documents = parseAllDocuments(read('kubernetes.yaml'));
  for (const { errors, warnings } of documents) assert.deepEqual([...errors, ...warnings], []);
  const [, config, deployment, policy] = manifest.parse(documents.map((each) => each.toJS()));
  const { selector: chosen, template } = deployment.spec;
  assert.deepEqual(template.metadata.labels, chosen.matchLabels);
  assert.deepEqual(policy.spec.podSelector, chosen);
  const [worker] = template.spec.containers;
  assert.deepEqual(problemsOf(worker.args.map((each) => filled(each, config.data))), []);
  assert.equal(worker.args[worker.args.indexOf('--jobs') + 1], worker.resources.limits.cpu);
  const mounts = worker.volumeMounts.map((each) => each.name);
  assert.deepEqual(
    template.spec.volumes.map((each) => each.name),
    mounts,
  );
  assert.ok(worker.volumeMounts.some(({ mountPath }) => mountPath === worker.args[worker.args.indexOf('--cache') + 1]));
  // Whatever `kubectl create secret` of the README makes.
  for (const { valueFrom } of worker.env) {
    const made = new RegExp(`create secret generic ${valueFrom.secretKeyRef.name} .*--from-file=${valueFrom.secretKeyRef.key}=`);
    assert.match(read('README.md'), made);
  }
});

/** Kubernetes' own schemas, from the Python package kubernetes-validate, where that is. */
const python = (parameters: readonly string[]): { status: number | null; said: string } =>
  run('python3', parameters, { ...process.env, PYTHONPATH: process.env['INSTAR_TEST_PYTHONPATH'] ?? '' });
const withoutSchemas = (): string | false =>
  python(['-c', 'import kubernetes_validate']).status === 0 ? false : 'kubernetes-validate is not here';

test('the manifests fit the schemas of Kubernetes', { skip: withoutSchemas() }, () => {
  const check = (path: string): { status: number | null; said: string } =>
    python(['-m', 'kubernetes_validate', '--strict', '--quiet', path]);
  const { status, said } = check(pathOf('kubernetes.yaml'));
  assert.equal(status, 0, said);
  const copy = join(place, 'broken.yaml');
  writeFileSync(copy, read('kubernetes.yaml').replace('terminationGracePeriodSeconds', 'terminationGraceSeconds'));
  assert.match(check(copy).said, /terminationGraceSeconds/);
});

const hardened = {
  env_file: z.tuple([z.literal('queue.env')]),
  user: z.string(),
  read_only: z.literal(true),
  tmpfs: z.array(z.string()),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
};
const compose = z.strictObject({
  services: z.strictObject({
    queue: z.strictObject({
      ...hardened,
      image: z.string(),
      entrypoint: z.tuple([z.literal('sh'), z.literal('-c'), z.string()]),
      ports: z.tuple([z.literal('127.0.0.1:6379:6379')]),
      volumes: z.array(z.string()),
      restart: z.literal('unless-stopped'),
      healthcheck: z.strictObject({ test: z.array(z.string()), interval: z.string(), timeout: z.string(), retries: z.int() }),
    }),
    worker: z.strictObject({
      ...hardened,
      image: z.literal('instar'),
      build: z.strictObject({ context: z.literal('../..'), dockerfile: z.literal('examples/cluster/Containerfile') }),
      command: z.array(z.string()),
      init: z.literal(true),
      volumes: z.tuple([z.strictObject({ type: z.literal('bind'), source: z.string(), target: z.literal('/store') })]),
      depends_on: z.strictObject({ queue: z.strictObject({ condition: z.literal('service_healthy') }) }),
      deploy: z.strictObject({
        replicas: z.int().min(1),
        resources: z.strictObject({ limits: z.strictObject({ cpus: z.string(), memory: z.string() }) }),
      }),
      stop_signal: z.literal('SIGTERM'),
      stop_grace_period: z.string().regex(/^\d+h$/),
      restart: z.literal('on-failure'),
    }),
  }),
  volumes: z.strictObject({ queue: z.null() }),
});
const readCompose = (): z.infer<typeof compose> => compose.parse(parse(read('compose.yaml')));

test('the compose file: workers and their queue', () => {
  const { worker } = readCompose().services;
  assert.deepEqual(problemsOf(worker.command), []);
  assert.equal(worker.command[worker.command.indexOf('--jobs') + 1], worker.deploy.resources.limits.cpus);
  assert.ok(worker.tmpfs.some((each) => each.startsWith(`${worker.command[worker.command.indexOf('--cache') + 1]}:`)));
});

test('docker-compose reads the compose file', { skip: without('docker-compose') }, () => {
  const copy = join(place, 'compose');
  mkdirSync(copy);
  writeFileSync(join(copy, 'queue.env'), 'INSTAR_QUEUE_PASSWORD=x\n');
  writeFileSync(join(copy, 'compose.yaml'), read('compose.yaml'));
  const parameters = ['-f', join(copy, 'compose.yaml'), 'config', '--quiet'];
  const environment = { ...process.env, INSTAR_USER: '1000:1000', INSTAR_STORE_FOLDER: copy };
  assert.deepEqual(run('docker-compose', parameters, environment), { status: 0, said: '' });
  assert.match(run('docker-compose', parameters).said, /INSTAR_USER/, 'whose the store is must be said');
});

test('the queue of the compose file has a password, which no command line shows', { skip: withoutRedis() }, async () => {
  const { entrypoint, healthcheck } = readCompose().services.queue;
  const here = (text: string): string =>
    text
      .replaceAll('$$', '$')
      .replace('exec valkey-server', 'exec redis-server')
      .replace('valkey-cli ping', `redis-cli -s ${socket} ping`)
      .replace('dir /data', `dir ${data}\nport 0\nunixsocket ${socket}`);
  const data = join(place, 'queue');
  const socket = join(place, 'queue.socket');
  mkdirSync(data);
  const [shell, flag, text] = entrypoint;
  const environment = { PATH: '/usr/bin:/bin', INSTAR_QUEUE_PASSWORD: 'kept+to/itself==' };
  const child = spawn(shell, [flag, here(text)], { env: environment, stdio: 'ignore' });
  try {
    const healthy = (secret: string): boolean =>
      run('sh', ['-c', here(healthcheck.test[1] ?? '')], { ...environment, INSTAR_QUEUE_PASSWORD: secret }).status === 0;
    await until('the server is healthy', 10, () => healthy(environment.INSTAR_QUEUE_PASSWORD));
    assert.ok(!healthy('another'), 'another password is refused');
    const line = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8');
    assert.match(line, /^redis-server/, 'the shell has become the server, which hears the signals');
    assert.ok(!line.includes('kept'));
    const asked = run('redis-cli', [
      '-s',
      socket,
      '--no-auth-warning',
      '-a',
      'kept+to/itself==',
      'config',
      'get',
      'maxmemory-policy',
    ]);
    assert.match(asked.said, /noeviction/);
  } finally {
    child.kill('SIGKILL');
  }
});

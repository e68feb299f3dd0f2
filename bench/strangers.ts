/**
 * How long it takes somebody who is new here, on this machine: from a clone to a first network, from photos of their own to the network
 * tried in a browser, and from a network to a server that answers predictions. Nothing is done that the first screen of README.md and the
 * pages it names do not say.
 *
 *   npm run bench:strangers -- --photos DIR [--budget 5m]
 *
 * `--photos`: a folder with a sub-folder of images for each class. Writes results/strangers.md. Every step is one command or one act, in a
 * terminal (tmux) or headless Chromium. Packages come from npm's cache where it has them.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatDuration } from '../src/util/duration.ts';
import { must } from '../src/util/assert.ts';
import { askServer, inTerminal, onlyRun, stepping, tryInBrowser, type Step } from '../test/support/strangers.ts';

const { values } = parseArgs({ options: { photos: { type: 'string' }, budget: { type: 'string', default: '5m' } } });
if (values.photos === undefined) throw new Error('--photos DIR is missing: a folder with a sub-folder of images for each class');
const photos = resolve(values.photos);

const source = execFileSync('git', ['rev-parse', '--show-toplevel'], { encoding: 'utf8' }).trim();
const place = mkdtempSync(join(tmpdir(), 'instar-strangers-'));
const environment = { INSTAR_CACHE: join(place, 'cache') };
const clone = join(place, 'instar');
const begun = loadavg()[0] as number;

/** `npm start` in a fresh clone. */
async function firstNetwork(): Promise<readonly Step[]> {
  const { steps, step } = stepping();
  await step('git clone', () => inTerminal(['git', 'clone', source, 'instar'], { cwd: place }));
  await step('npm ci', () => inTerminal(['npm', 'ci', '--prefer-offline'], { cwd: clone, environment }));
  await step('npm start', () => inTerminal(['npm', 'start'], { cwd: clone, environment }));
  return steps;
}

const own = join(place, 'own');

async function ownPhotos(): Promise<readonly Step[]> {
  const { steps, step } = stepping();
  mkdirSync(own);
  symlinkSync(photos, join(own, 'photos'));
  const command = [process.execPath, join(clone, 'dist/src/cli/main.js'), 'search', './photos', '--budget', values.budget];
  await step(`instar search ./photos --budget ${values.budget}`, () => inTerminal(command, { cwd: own, environment }));
  const answer = await step('instar ui, and a photo is dropped on the network', () =>
    tryInBrowser(join(own, 'runs'), basename(onlyRun(own)), onePhoto()),
  );
  console.log(`the browser says ${answer}`);
  return steps;
}

function onePhoto(): string {
  const classes = readdirSync(photos, { withFileTypes: true }).filter((each) => each.isDirectory());
  const folder = join(photos, must(classes[0], 'a class').name);
  return join(
    folder,
    must(
      readdirSync(folder).find((name) => /\.(jpe?g|png|webp)$/i.test(name)),
      'a photo',
    ),
  );
}

async function server(): Promise<readonly Step[]> {
  const { steps, step } = stepping();
  const project = join(place, 'server');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  await step('npm pack in the clone', () => inTerminal(['npm', 'pack', '--pack-destination', place], { cwd: clone }));
  const tarball = join(
    place,
    must(
      readdirSync(place).find((name) => name.endsWith('.tgz')),
      'the package',
    ),
  );
  const install = ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball, 'express@5'];
  await step('npm install express and the package', () => inTerminal(install, { cwd: project }));
  const script = join(clone, 'examples/library/server.mjs');
  const answer = await step('node server.mjs, and a photo is sent', () =>
    askServer(project, script, join(onlyRun(own), 'best.onnx'), onePhoto()),
  );
  console.log(`the server says ${JSON.stringify(answer)}`);
  return steps;
}

const total = (steps: readonly Step[]): number => steps.reduce((sum, { seconds }) => sum + seconds, 0);
const paths = [
  { name: 'From a clone to the first network', wanted: 300, walk: firstNetwork },
  { name: 'From photos of your own to the network tried in the browser', wanted: 600, walk: ownPhotos },
  { name: 'From the network to a server that answers predictions', wanted: null, walk: server },
];

const rows: string[] = [];
try {
  for (const { name, wanted, walk } of paths) {
    const steps = await walk();
    const aim = wanted === null ? '' : `at most ${formatDuration(wanted)}`;
    rows.push(`| **${name}** | ${formatDuration(total(steps))} | ${aim} |`);
    rows.push(...steps.map(({ what, seconds }) => `| ${what} | ${formatDuration(seconds)} | |`));
    console.log(rows.slice(-steps.length - 1).join('\n'));
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
writeFileSync(
  'results/strangers.md',
  `# The paths of somebody who is new here

\`npm run bench:strangers -- --photos DIR --budget ${values.budget}\`, on ${cpus()[0]?.model}, ${cpus().length} cores. The machine's load was
${begun.toFixed(1)} before. Packages may come from npm's cache. The time that a person reads and types is not in it.

| what | time | wanted |
| --- | --- | --- |
${rows.join('\n')}
`,
);

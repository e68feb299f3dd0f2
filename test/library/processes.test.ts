/** The library in a program of its own: loaded by require, in a worker thread, and ended without tidying up. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exportedModel, picture } from '../examples/models.ts';
import { makePhotos, newFolder } from '../cli/fixtures.ts';

/** As a program in the package's folder names it, through the exports of package.json. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
let folder = '';
before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 8);
  writeFileSync(join(folder, 'a.onnx'), exportedModel({ channels: 3, height: 16, width: 16 }, ['fig', 'plum', 'sloe']));
  writeFileSync(join(folder, 'a.png'), (await picture('a', { channels: 3, height: 20, width: 30 })).png);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** What a program prints. Its working directory is the package, the folder its first argument. */
function run(kind: 'module' | 'commonjs', text: string): string {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [`--input-type=${kind}`, '-e', text, '--', folder], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, INSTAR_CACHE: join(folder, 'cache') },
  });
  assert.equal(`${status} ${signal}`, '0 null', stderr);
  return stdout.trim();
}

test('require gives what import gives', () => {
  const names = "Object.keys(instar).toSorted().join()";
  const required = run('commonjs', `const instar = require('instar'); console.log(${names});`);
  assert.equal(required, run('module', `import * as instar from 'instar'; console.log(${names});`));
  for (const name of 'search plan resume load evaluate exportModel report runs UserError RunError'.split(' '))
    assert.ok(required.split(',').includes(name), name);
});

const settings = {
  widths: [4],
  batch: 8,
  augmentation: { cutout: 0, mixup: 0 },
  vanilla: { epochs: 1 },
  step: { mutations: 1, epochs: 2, children: 2 },
  limits: { steps: 1 },
  final: { epochs: 1 },
};

/** Searches, and predicts by the run and by the model; prints the best classes. Nothing is disposed of. */
const program = `
const { search, load } = await import('instar');
const [folder, engine, run] = process.env.ARGUMENTS.split('|');
const options = { dataset: folder + '/photos', preset: 'quick', engine, workers: 1, threads: 1, settings: ${JSON.stringify(settings)} };
let root = '';
for await (const item of search({ ...options, run: folder + '/' + run })) if (item.type === 'done') root = item.folder;
const found = [];
for (const network of [root, root + '/best.onnx', folder + '/a.onnx']) {
  const model = await load(network);
  found.push((await model.predict([folder + '/a.png', folder + '/photos/blue/0.png'])).map(([best]) => best.name + ' ' + best.probability.toFixed(4)));
}
`;

const inMain = (engine: string, name: string): string =>
  run('module', `process.env.ARGUMENTS = [${JSON.stringify(folder)}, '${engine}', '${name}'].join('|');${program}console.log(JSON.stringify(found));`);

const inWorker = (engine: string, name: string): string => {
  const text = `${program}(await import('node:worker_threads')).parentPort.postMessage(JSON.stringify(found));`;
  return run(
    'module',
    `import { Worker } from 'node:worker_threads';
process.env.ARGUMENTS = [${JSON.stringify(folder)}, '${engine}', '${name}'].join('|');
const worker = new Worker(${JSON.stringify(`(async () => {${text}})()`)}, { eval: true });
worker.on('message', (found) => console.log(found)).on('error', (error) => { throw error; });`,
  );
};

for (const engine of ['auto', 'onnx'])
  test(`in a worker thread as in the main one, and both end by themselves (${engine})`, () => {
    const found = inMain(engine, `main-${engine}`);
    assert.equal((JSON.parse(found) as string[][]).length, 3);
    assert.equal(inWorker(engine, `worker-${engine}`), found);
  });

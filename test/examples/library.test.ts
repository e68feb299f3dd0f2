/** The examples of the library, as programs in this package; the server runs where the tarball is installed (`packaging.test.ts`). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makePhotos, newFolder } from '../cli/fixtures.ts';

const examples = fileURLToPath(new URL('../../../examples/library', import.meta.url));
let folder = '';
before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 16);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(words: readonly string[], variables: Readonly<Record<string, string>> = {}): string {
  // Of the runner of this test, which would take a test of the example for one of its own.
  const { NODE_TEST_CONTEXT: _context, ...environment } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...environment, INSTAR_CACHE: join(folder, 'cache'), ...variables },
  });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

test('a script trains and predicts, and a test holds its network to it', () => {
  const settings = {
    widths: [4, 6],
    batch: 16,
    augmentation: { cutout: 0, mixup: 0 },
    vanilla: { epochs: 2 },
    step: { mutations: 2, epochs: 8, children: 2 },
    limits: { steps: 1 },
    final: { epochs: 4 },
  };
  const options = JSON.stringify({ preset: 'quick', engine: 'reference', workers: 1, threads: 1, settings });
  const printed = run([join(examples, 'train.mjs'), 'photos', 'photos/blue/0.png', options]);
  const [name = ''] = readdirSync(join(folder, 'runs'));
  assert.match(printed, new RegExp(`^runs/${name}: [\\d.]+ % of the test images right$`, 'm'));
  assert.match(printed, /^[01]\.\d{4} blue$/m);
  const model = join(folder, 'runs', name, 'best.onnx');
  assert.match(run(['--test', join(examples, 'network.test.mjs')], { MODEL: model, IMAGES: 'photos' }), /^# pass 3$/m);
});

/** Checkpoints as files: whole or not there, named by their content, believed only when all of it fits. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isDiskFull } from '../../src/util/files.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { checkpointPath, fileCheckpoints, encodeCheckpoint, writeState } from '../../src/training/checkpoint.ts';
import { sha256 } from '../../src/util/hash.ts';
import { random } from '../../src/util/random.ts';
import { RunError, UserError } from '../../src/util/user-error.ts';
import { newFolder } from '../support/runs.ts';

const network = vanillaNetwork({ channels: 1, height: 4, width: 4 }, 3, [2, 3]);
const tensors = initialTensors(network, random('checkpoint'));
const folder = newFolder();
const store = fileCheckpoints(folder);
const names = (path: RegExp | string) => (error: Error) => {
  assert.ok(error instanceof UserError, `a UserError, not ${error.stack}`);
  if (typeof path === 'string') assert.ok(error.message.includes(path), error.message);
  else assert.match(error.message, path);
  assert.ok(!error.message.includes('\n'));
  return true;
};

await test('what is written is read, twice is once, and nothing is left beside', async () => {
  const hash = await store.write({ network, tensors });
  assert.equal(await store.write({ network, tensors }), hash);
  assert.deepEqual(readdirSync(folder), [`${hash}.safetensors`]);
  assert.equal(sha256(readFileSync(checkpointPath(folder, hash))), hash);
  const read = await store.read(hash);
  assert.deepEqual(read.network, network);
  assert.deepEqual(read.tensors, tensors);
});

await test('any damage is an error that names the file', async () => {
  const hash = await store.write({ network, tensors });
  const path = checkpointPath(folder, hash);
  const whole = readFileSync(path);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, flip, cut) => {
      writeFileSync(path, cut ? whole.subarray(0, at) : whole.with(at, (whole[at] ?? 0) ^ flip));
      await assert.rejects(store.read(hash), names(path));
    }),
    { numRuns: 50 },
  );
  writeFileSync(path, whole);
  assert.deepEqual((await store.read(hash)).tensors, tensors);
});

await test('missing, with tensors of other shapes, without its network: said, with the file', async () => {
  const absent = 'a'.repeat(64);
  await assert.rejects(store.read(absent), names(checkpointPath(folder, absent)));
  const stored = async (bytes: Uint8Array): Promise<string> => {
    const hash = sha256(bytes);
    await writeState(checkpointPath(folder, hash), bytes);
    return hash;
  };
  const kernel = tensors['1/kernel'] ?? assert.fail();
  const wrong = { ...tensors, '1/kernel': { shape: [kernel.data.length], data: kernel.data } };
  await assert.rejects(
    store.read(await stored(encodeCheckpoint({ network, tensors: wrong }))),
    names(/1\/kernel is 18, not 2×1×3×3/),
  );
  const { '1/bias': _bias, ...less } = tensors;
  await assert.rejects(
    store.read(await stored(encodeCheckpoint({ network, tensors: less }))),
    names(/1\/bias is missing, not 2/),
  );
  const broken = { ...network, nodes: network.nodes.slice(1) };
  await assert.rejects(store.read(await stored(encodeCheckpoint({ network: broken, tensors }))), names(/safetensors: /));
});

await test('a full disk is said as such and leaves nothing beside', async (context) => {
  assert.ok(isDiskFull(Object.assign(new Error(), { code: 'EDQUOT' })) && !isDiskFull(new Error('x')));
  const small = newFolder();
  mkdirSync(small);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', small], { stdio: 'ignore' });
  } catch {
    return context.skip('a small file system cannot be mounted here');
  }
  try {
    const bytes = new Uint8Array(65_536);
    const path = join(small, 'file');
    await writeState(path, 'small');
    await assert.rejects(
      writeState(path, bytes),
      (error: Error) => error instanceof RunError && error.message === `the disk is full: ${path} could not be written`,
    );
    assert.deepEqual(readdirSync(small), ['file']);
    assert.equal(readFileSync(path, 'utf8'), 'small');
  } finally {
    execFileSync('umount', [small]);
  }
});

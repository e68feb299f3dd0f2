/** Where a worker keeps what it fetches. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeFolder } from '../../src/cli/worker.ts';
import { newFolder } from '../support/runs.ts';

test('the cache of a worker that has ended is taken by the next one; two at a time have one each', () => {
  const parent = newFolder();
  const source = `import { takeFolder } from ${JSON.stringify(new URL('../../src/cli/worker.js', import.meta.url))};
    console.log(takeFolder(${JSON.stringify(parent)}));`;
  const elsewhere = (): string => spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' }).stdout;
  assert.equal(elsewhere(), `${join(parent, 'worker-1')}\n`);
  assert.equal(takeFolder(parent), join(parent, 'worker-1'));
  assert.equal(elsewhere(), `${join(parent, 'worker-2')}\n`);
});

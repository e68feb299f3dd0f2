/** Where a worker keeps what it fetches, and what it says of a queue that does not answer. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeFolder } from '../../src/cli/worker.ts';
import { parseQueue } from '../../src/execution/queue/address.ts';
import { reachQueue } from '../../src/execution/queue/broker.ts';
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

test('that a queue does not answer is said once, after two seconds', async () => {
  // Nothing listens there.
  const address = parseQueue('redis://127.0.0.1:9');
  const said: string[] = [];
  const reach = (seconds: number): Promise<void> => reachQueue(address, {}, (line) => said.push(line), seconds);
  await assert.rejects(reach(1), /--queue redis:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/);
  assert.deepEqual(said, []);
  await assert.rejects(reach(4), /ECONNREFUSED/);
  assert.deepEqual(said, ['--queue redis://127.0.0.1:9 does not answer: waiting for it, at most 4 s']);
});

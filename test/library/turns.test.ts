/** One piece of work at a time, and callers that do not wait any longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTurns } from '../../src/inference/turns.ts';
import { minibatchesOf } from '../../src/inference/run-network.ts';

/** Work that ends when it is told to. */
function held(log: string[], name: string) {
  let release = (): void => undefined;
  const ended = new Promise<void>((resolve) => (release = resolve));
  const work = async (): Promise<string> => {
    log.push(`${name} begins`);
    await ended;
    log.push(`${name} ends`);
    return name;
  };
  return { work, release: () => release() };
}

test('work is done in order, one at a time; a failure is its caller’s alone', async () => {
  const [turns, log] = [createTurns(), [] as string[]];
  const [a, b] = [held(log, 'a'), held(log, 'b')];
  const [first, second, third] = [turns.take(a.work), turns.take(() => Promise.reject(new Error('no'))), turns.take(b.work)];
  b.release();
  a.release();
  await assert.rejects(second, /^Error: no$/);
  assert.deepEqual([await first, await third], ['a', 'b']);
  assert.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('who aborts is answered while the work goes on, and the next waits for its end', async () => {
  const [turns, log] = [createTurns(), [] as string[]];
  const [a, b, c] = [held(log, 'a'), held(log, 'b'), held(log, 'c')];
  const controller = new AbortController();
  const going = turns.take(a.work, controller.signal);
  const waiting = turns.take(b.work, controller.signal);
  const next = turns.take(c.work, new AbortController().signal);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error('enough'));
  await assert.rejects(going, /^Error: enough$/);
  await assert.rejects(waiting, /^Error: enough$/);
  assert.deepEqual(log, ['a begins']);
  c.release();
  a.release();
  assert.equal(await next, 'c');
  assert.deepEqual(log, ['a begins', 'a ends', 'c begins', 'c ends']);
});

test('minibatches are of few sizes, and compute nothing for nobody', () => {
  assert.deepEqual(minibatchesOf(0), []);
  assert.deepEqual(minibatchesOf(1), [1]);
  assert.deepEqual(minibatchesOf(45), [32, 8, 1, 1, 1, 1, 1]);
  for (let images = 0; images < 700; images += 13)
    assert.equal(
      minibatchesOf(images).reduce((sum, size) => sum + size, 0),
      images,
    );
});

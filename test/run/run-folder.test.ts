/** Folders of new runs: names that nobody else has, and nothing left of a run that was refused. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { search } from '../../src/run/driving/open.ts';
import { makeNamedFolder, makeRunFolder } from '../../src/run/driving/run-folder.ts';
import { isRun } from '../../src/run/record/folder.ts';
import { UserError } from '../../src/util/user-error.ts';
import { collect, newFolder, tiny } from '../support/runs.ts';

const noon = new Date('2026-05-04T12:00:00Z');

/** Acts in a new folder. */
async function inside<T>(act: () => T | Promise<T>): Promise<{ readonly folder: string; readonly result: T }> {
  const folder = newFolder();
  const before = process.cwd();
  mkdirSync(folder);
  process.chdir(folder);
  try {
    return { folder, result: await act() };
  } finally {
    process.chdir(before);
  }
}

test('two searches of one second have folders of their own', async () => {
  const { folder, result } = await inside(() =>
    Array.from({ length: 3 }, () => makeRunFolder(undefined, 'photos', 'grow', noon).root),
  );
  const name = join('runs', 'photos-grow-2026-05-04-120000');
  assert.deepEqual(result, [name, `${name}-2`, `${name}-3`]);
  for (const root of result) assert.ok(existsSync(join(folder, root, 'checkpoints')));
});

test('names keep letters of any script, and are never hidden', () => {
  const parent = newFolder();
  mkdirSync(parent);
  const made = ['птицы и рыбы', '../..', '--', 'a_b', 'x'.repeat(100)].map((data) =>
    makeNamedFolder(parent, data, 'sh', noon)
      .slice(parent.length + 1)
      .replace('-sh-2026-05-04-120000', ''),
  );
  assert.deepEqual(made, ['птицы-и-рыбы', 'run', 'run-2', 'a_b', 'x'.repeat(40)]);
});

test('what was made is removed, what was there stays', async () => {
  const { folder } = await inside(() => {
    makeRunFolder(undefined, 'photos', 'grow', noon).remove();
    makeRunFolder('deep/er/run', 'photos', 'grow', noon).remove();
    mkdirSync('mine');
    writeFileSync('mine/log.txt', '');
    makeRunFolder('mine', 'photos', 'grow', noon).remove();
    mkdirSync('empty');
    makeRunFolder('empty', 'photos', 'grow', noon).remove();
  });
  assert.deepEqual(readdirSync(folder, { recursive: true }).toSorted(), ['empty', 'mine', join('mine', 'log.txt')]);
});

test('a search that is refused after its data was read leaves no folder', async () => {
  const { folder } = await inside(async () => {
    await assert.rejects(collect(search({ ...tiny, budget: 0.05 })), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /too short/);
      return true;
    });
    await assert.rejects(collect(search({ ...tiny, vanilla: 'nothing', run: 'asked' })), UserError);
  });
  assert.deepEqual(readdirSync(folder), []);
});

test('the folder of a run of another is not touched by a search that is refused', async () => {
  const { folder } = await inside(async () => {
    const roots: string[] = [];
    await collect(search({ ...tiny, settings: { ...tiny.settings, limits: { steps: 0 } }, run: 'there' }));
    const onRun = (root: string): void => void roots.push(root);
    await assert.rejects(collect(search({ ...tiny, run: 'there', onRun })), /already holds a run/);
    assert.deepEqual(roots, []);
  });
  assert.ok(isRun(join(folder, 'there')));
});

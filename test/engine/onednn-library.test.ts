/** Finding and opening the library: what is said where it is missing, and that it computes with the threads it was given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOneDnn, openOneDnn } from '../../src/engine/onednn/library.ts';
import { createOneDnnEngine } from '../../src/engine/onednn/onednn.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import { UserError } from '../../src/util/user-error.ts';
import { withoutOneDnn } from '../support/machine.ts';
import { lossOf } from '../support/single-steps.ts';

const skip = withoutOneDnn();

test('what is found is of version 2 or 3', { skip }, () => {
  const found = findOneDnn(process.env);
  assert.ok('version' in found, JSON.stringify(found));
  assert.match(found.version, /^[23]\.\d+\.\d+$/);
});

test('where there is none: one line that says how to install it', () => {
  const found = findOneDnn({}, ['libdnnl.so.nowhere']);
  assert.ok('problem' in found);
  assert.match(found.problem, /^oneDNN was not found: .*apt-get install libdnnl2.*libdnnl3.*brew install onednn.*INSTAR_ONEDNN/);
  assert.doesNotMatch(found.problem, /\n/);
});

test('INSTAR_ONEDNN comes first, and what is wrong with it is said in one line', () => {
  for (const [path, problem] of [
    ['/nowhere/libdnnl.so', /^INSTAR_ONEDNN: \/nowhere\/libdnnl\.so cannot be loaded: /],
    [process.execPath, /^INSTAR_ONEDNN: .*node.* cannot be loaded: /],
  ] as const)
    for (const attempt of [
      (): string => {
        const found = findOneDnn({ INSTAR_ONEDNN: path });
        return 'problem' in found ? found.problem : 'found';
      },
      (): string => {
        try {
          openOneDnn({ threads: 1, environment: { INSTAR_ONEDNN: path } });
        } catch (error) {
          assert.ok(error instanceof UserError);
          return error.message;
        }
        return 'opened';
      },
    ]) {
      assert.match(attempt(), problem);
      assert.doesNotMatch(attempt(), /\n/);
    }
});

test('a library that is not oneDNN is refused', { skip: process.platform !== 'linux' }, () => {
  const found = findOneDnn({ INSTAR_ONEDNN: 'libm.so.6' });
  assert.ok('problem' in found);
  assert.match(found.problem, /^INSTAR_ONEDNN: libm\.so\.6 is not oneDNN: /);
});

test('engines of different threads in one process: each with its own number, and near results', { skip }, async () => {
  const program = lower(vanillaNetwork({ channels: 3, height: 16, width: 16 }, 4, [16, 24]), 8, {
    kind: 'training',
    learning: { momentum: 0.9, weightDecay: 0 },
  });
  const losses: number[] = [];
  const engines = [1, 2, 1].map((threads) => createOneDnnEngine({ threads, environment: process.env }));
  assert.deepEqual(
    engines.map(({ fingerprint }) => fingerprint.threads),
    [1, 2, 1],
  );
  for (const engine of engines) {
    assert.match(engine.fingerprint.instructionSet, /^[a-z0-9_]+(, Winograd)?$/);
    const session = await engine.compile(program, 'auto');
    losses.push(await lossOf(session, 'threads', 2));
  }
  assert.equal(losses[2], losses[0]);
  assert.ok(Math.abs((losses[1] as number) - (losses[0] as number)) < 1e-4);
});

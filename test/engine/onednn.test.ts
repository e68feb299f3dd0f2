/**
 * The oneDNN engine in the suite of all engines: on the library that is found, and where INSTAR_TEST_ONEDNN3 names a library of
 * version 3, a second time on that one, in a process of its own, with fewer random networks.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { createOneDnnEngine } from '../../src/engine/onednn/onednn.ts';
import { withoutOneDnn } from '../support/machine.ts';
import { conformance } from './conformance.ts';

const missing = withoutOneDnn();

if (missing !== false) test('engine onednn', { skip: missing }, () => assert.fail('it is missing'));
else {
  const engine = createOneDnnEngine({ threads: 1, environment: process.env });
  const isSecond = process.env['INSTAR_TEST_SECOND'] === '1';
  conformance(`onednn ${engine.fingerprint.version}`, async () => engine, {
    tolerance: { direct: 1e-4, auto: 1e-3 },
    share: isSecond ? 0.4 : 1,
  });
}

const third = process.env['INSTAR_TEST_ONEDNN3'] ?? '';

test('the suite on version 3', { skip: third === '' ? 'INSTAR_TEST_ONEDNN3 names no library' : false }, () => {
  const environment: Record<string, string | undefined> = {
    ...process.env,
    INSTAR_ONEDNN: third,
    INSTAR_TEST_ONEDNN3: '',
    INSTAR_TEST_SECOND: '1',
  };
  // Else the child would report to this process's runner.
  delete environment['NODE_TEST_CONTEXT'];
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url)], { env: environment, encoding: 'utf8' });
  assert.match(child.stdout, /engine onednn 3\./);
  assert.equal(
    child.status,
    0,
    child.stdout
      .split('\n')
      .filter((line) => /not ok|error:|instead of/.test(line))
      .join('\n'),
  );
});

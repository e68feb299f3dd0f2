import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withoutOneDnn } from '../support/machine.ts';

/** Compiles and runs a small network with two threads and ends like any program: without freeing, with threads waiting. */
const program = `
import { createOneDnnEngine } from ${JSON.stringify(new URL('../../src/engine/onednn/onednn.js', import.meta.url).href)};
import { vanillaNetwork } from ${JSON.stringify(new URL('../../src/network/vanilla.js', import.meta.url).href)};
import { lower } from ${JSON.stringify(new URL('../../src/program/lower.js', import.meta.url).href)};
const engine = createOneDnnEngine({ threads: 2, environment: process.env });
const network = vanillaNetwork({ channels: 3, height: 16, width: 16 }, 10, [8, 8]);
const session = await engine.compile(lower(network, 16, { kind: 'training', learning: { momentum: 0.9, weightDecay: 0 } }), 'auto');
for (let i = 0; i < 3; i++) await session.run();
`;

test('a process that used oneDNN ends without a crash', { skip: withoutOneDnn() }, () => {
  for (let attempt = 0; attempt < 6; attempt++) {
    const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    });
    assert.equal(`${status} ${signal}`, '0 null', stderr);
  }
});

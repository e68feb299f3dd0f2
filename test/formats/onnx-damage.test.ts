/** Damaged models: whatever was done to a file, import ends with a network or with one line, soon, and without much memory. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fuzzImport, sampleOf } from '../support/onnx-damage.ts';
import { anyEngine } from '../support/machine.ts';
import { fixtures } from '../support/onnx-fixtures.ts';

const files = Number(process.env['INSTAR_TEST_DAMAGED'] ?? 1000);

const engine = await anyEngine();

const samples = readdirSync(fixtures)
  .filter((name) => name.endsWith('.onnx'))
  .map((name) => sampleOf(name, readFileSync(join(fixtures, name))));

test(`${files} damaged models end in a network or in one line`, async (t) => {
  assert.ok(samples.length >= 8);
  const { networks, compared, unclear, complaints, slowest, grown } = await fuzzImport(engine, samples, 0, files);
  t.diagnostic(
    `${networks} networks, ${compared} compared with ONNX Runtime, ${unclear.length} of them unclear; ${complaints.size} kinds of complaints; ` +
      `slowest ${slowest.milliseconds.toFixed(0)} ms (${slowest.what}); ${Math.round(grown / 2 ** 20)} MiB`,
  );
  // Damages that do nothing, or nothing but refuse, would test nothing.
  assert.ok(networks > files / 20 && networks < files / 2, `${networks} networks`);
  assert.ok(complaints.size > files / 25, `${complaints.size} kinds of complaints`);
  assert.ok(slowest.milliseconds < 2000, `${slowest.what}: ${slowest.milliseconds} ms`);
  assert.ok(grown < 400 * 2 ** 20, `${grown} bytes`);
});

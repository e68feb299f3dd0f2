/** The ten-line files. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { assert as check, must, unreachable } from '../../src/util/assert.ts';
import { formatDuration, parseDuration } from '../../src/util/duration.ts';
import { makeFolder } from '../../src/util/files.ts';
import { sha256 } from '../../src/util/hash.ts';
import { canonicalJson } from '../../src/util/json.ts';
import { UserError } from '../../src/util/user-error.ts';
import { version } from '../../src/util/version.ts';

test('the version is that of the package', () => {
  const url = new URL('../../../package.json', import.meta.url);
  assert.equal(version, (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version);
});

test('durations: what is read', () => {
  const seconds: Record<string, number | undefined> = {
    '90s': 90,
    '10m': 600,
    '1.5h': 5400,
    '1h30m': 5400,
    '2d': 172_800,
    '45': 45,
    '0.5': 0.5,
    '': undefined,
    m: undefined,
    '10 m': undefined,
    '-5m': undefined,
    '10x': undefined,
    '1e3': undefined,
    '5m3': undefined,
  };
  for (const [text, expected] of Object.entries(seconds)) assert.equal(parseDuration(text), expected, text);
});

test('durations: what is shown', () => {
  const shown: Record<string, number> = { '0s': -3, '7s': 7.4, '1:00': 59.6, '9:05': 545, '59:59': 3599, '1:02:03': 3723 };
  for (const [text, seconds] of Object.entries(shown)) assert.equal(formatDuration(seconds), text);
});

test('durations: a sum of parts reads as their sum', () => {
  const amount = fc.nat({ max: 1000 });
  fc.assert(
    fc.property(amount, amount, amount, (h, m, s) => assert.equal(parseDuration(`${h}h${m}m${s}s`), h * 3600 + m * 60 + s)),
  );
});

/** The same value with the keys of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reordered(member)]),
  );
}

test('canonical JSON: equal values print equally, and read back as what they were', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      const text = canonicalJson(value);
      assert.equal(canonicalJson(reordered(value)), text);
      assert.equal(canonicalJson(JSON.parse(text)), text);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    }),
  );
  assert.equal(canonicalJson({ b: [1, { d: 1, c: undefined }], a: null }), '{"a":null,"b":[1,{"d":1}]}');
});

test('SHA-256: the known answer, and parts are one after another', () => {
  assert.equal(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  assert.equal(sha256('a', new Uint8Array([98]), 'c'), sha256('abc'));
});

test('a bug says so', () => {
  assert.throws(() => check(false, () => '1 is not 2'), /bug: 1 is not 2/);
  assert.equal(must(0, 'zero'), 0);
  assert.throws(() => must(null, 'kernel'), /bug: no kernel/);
  assert.throws(() => unreachable({ kind: 'new' } as never), /bug: unexpected .*new/);
});

test('a folder is made with its parents, or one line says why not', () => {
  const place = mkdtempSync(join(tmpdir(), 'instar-folders-'));
  try {
    for (const path of [join(place, 'a', 'b', 'c'), join(place, 'a', 'b'), place, join(place, 'a', '..', 'd', '.')]) {
      makeFolder(path);
      assert.ok(statSync(path).isDirectory());
    }
    writeFileSync(join(place, 'file'), '');
    // In /proc nothing can be made, and the system gives no other error than that nothing is there.
    const impossible = [
      join(place, 'file'),
      join(place, 'file', 'below'),
      ...(existsSync('/proc/self') ? ['/proc/x', '/proc/x/y'] : []),
    ];
    for (const path of impossible)
      assert.throws(
        () => makeFolder(path),
        (error: Error) =>
          error instanceof UserError && error.message.startsWith(`${path} cannot be made: `) && !error.message.includes('\n'),
      );
  } finally {
    rmSync(place, { recursive: true });
  }
});

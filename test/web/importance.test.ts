/** How much settings and operators are said to matter, where it is known: by construction, or by the definition of a mean. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RunRow } from '../../src/web/api.ts';
import { fewestRuns, operatorsImportance, settingsImportance } from '../../src/web/client/across/importance.ts';

const rowOf = (data: string, settings: RunRow['settings'], result: number | null, gains: RunRow['gains'] = {}): RunRow =>
  ({ data, settings, test: result, gains }) as RunRow;
const importance = (rows: readonly RunRow[]) => settingsImportance(rows, (row) => row.test);

test('a setting that decides explains all, one that does not nothing, whatever the data are worth', () => {
  const rows = Array.from({ length: 16 }, (_none, n) =>
    rowOf(
      n < 8 ? 'easy' : 'hard',
      { decides: n % 2 === 0, idle: n % 4 < 2 ? 'a' : 'b', seed: n },
      (n < 8 ? 0.9 : 0.3) + 0.05 * (n % 2),
    ),
  );
  const found = importance(rows);
  assert.deepEqual(
    found.map(({ name, runs }) => [name, runs]),
    [
      ['decides', 16],
      ['idle', 16],
    ],
  );
  assert.ok(Math.abs((found[0]?.share ?? 0) - 1) < 1e-9);
  assert.equal(found[1]?.share, 0);
  assert.deepEqual(
    found[0]?.values.map(({ value, mean }) => [value, mean.toFixed(3)]),
    [
      [false, '0.025'],
      [true, '-0.025'],
    ],
  );
  assert.deepEqual(importance(rows.slice(0, fewestRuns - 1)), [], 'too few runs are not judged');
  // Each alone on its data.
  assert.deepEqual(importance(rows.map((row, n) => ({ ...row, data: String(n) }))), []);
});

test('a share is from 0 to 1, of any runs', () => {
  const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b', null), fc.boolean());
  const row = fc.tuple(
    fc.constantFrom('x', 'y'),
    value,
    fc.double({ noNaN: true }),
    fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 30 }), (all) => {
      for (const { share, correlation } of importance(all.map(([data, a, b, result]) => rowOf(data, { a, b }, result)))) {
        assert.ok(share >= 0 && share <= 1 + 1e-9, String(share));
        assert.ok(correlation === null || Math.abs(correlation) <= 1 + 1e-9);
      }
    }),
  );
});

test('gains of operators are added over runs: mean, standard error and counts', () => {
  const gains = [0.02, -0.01, 0.03, 0, 0.01, 0.02, -0.02, 0.04, 0, 0.01];
  const of = (part: readonly number[]) => ({
    widen: {
      children: part.length,
      sum: part.reduce((a, b) => a + b, 0),
      squares: part.reduce((a, b) => a + b * b, 0),
      winners: 1,
    },
    split: { children: 1, sum: 1, squares: 1, winners: 1 },
  });
  const [one, ...others] = operatorsImportance([rowOf('x', {}, 1, of(gains.slice(0, 4))), rowOf('x', {}, 1, of(gains.slice(4)))]);
  const mean = 0.01;
  const deviation = Math.sqrt(gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / (gains.length - 1));
  assert.deepEqual([one?.operator, one?.runs, one?.children, one?.winners, others.length], ['widen', 2, 10, 2, 0]);
  assert.ok(Math.abs((one?.gain ?? 0) - mean) < 1e-12);
  assert.ok(Math.abs((one?.error ?? 0) - deviation / Math.sqrt(gains.length)) < 1e-12);
});

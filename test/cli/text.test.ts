/** Numbers as text, and widths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bar, columnsOf, sparkline, truncate } from '../../src/cli/text.ts';
import { paint, shown } from '../../src/cli/styled.ts';
import { formatBytes, formatCount, formatLoss, nearest, printable, printableJson } from '../../src/util/words.ts';
import { settingNames } from '../../src/search/setting-names.ts';
import { formatDuration } from '../../src/util/duration.ts';

test('counts, bytes and losses keep few digits', () => {
  assert.deepEqual([0, 950, 999, 1000, 1418, 24_074, 999_949, 1_234_567, 14_000_000, 2e10].map(formatCount), [
    '0',
    '950',
    '999',
    '1.0 k',
    '1.4 k',
    '24 k',
    '1.0 M',
    '1.2 M',
    '14 M',
    '20 G',
  ]);
  assert.deepEqual([512, 1536, 5 * 2 ** 30].map(formatBytes), ['512 B', '1.5 KiB', '5.0 GiB']);
  assert.deepEqual([0.0004, 1.2345, 12.345, 123.45, 12_345, NaN].map(formatLoss), [
    '0.000',
    '1.234',
    '12.35',
    '123.5',
    '1.2e+4',
    'NaN',
  ]);
});

test('a truncated text fits, and says that it is truncated', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, width) => {
      const cut = truncate(text, width);
      assert.ok(columnsOf(cut) <= width);
      assert.equal(cut === text, columnsOf(text) <= width);
      if (cut !== text) assert.ok(cut.endsWith('…') && text.startsWith(cut.slice(0, -1)));
    }),
  );
  assert.deepEqual([columnsOf('写真'), columnsOf('é'), columnsOf('é')], [4, 1, 1]);
});

test('sparklines and bars', () => {
  assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), '▁▂▃▄▅▆▇█');
  assert.equal(sparkline([5, 5, 5], 8), '▄▄▄');
  assert.equal(sparkline([0, 0, 7, 7], 2), '▁█');
  assert.deepEqual(
    [0, 0.5, 1, 7, NaN].map((share) => bar(share, 4).full),
    ['', '██', '████', '████', ''],
  );
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 40 }), (share, width) => {
      const { full, empty } = bar(share, width);
      assert.equal(full.length + empty.length, width);
    }),
  );
});

test('durations and misspelt names', () => {
  assert.equal(nearest('augmentation.mixpu', settingNames), 'augmentation.mixup');
  assert.equal(formatDuration(3723), '1:02:03');
});

/** Clears the screen, writes the title, hides text, reverses it, and ends the line. */
const hostile = [
  'a\u001b[2Jb',
  'a\u001b]0;x\u0007b',
  'a\u001b[8mb',
  'a\u202eb',
  'a\u2066b',
  'a\u009b31mb',
  'a\rb',
  'a\nb',
  'a\u2028b',
];
// oxlint-disable-next-line no-control-regex
const commands = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

test('no command in a name reaches a terminal, and colours do', () => {
  for (const name of hostile) {
    for (const text of [printable(name), shown(name), paint([[name]], false), printableJson({ name })]) {
      assert.doesNotMatch(text, commands);
      assert.match(text, /^(?:a|\{"name":"a).*b(?:"\})?$/);
    }
    assert.deepEqual(JSON.parse(printableJson({ name })), { name });
    const coloured = paint([[name, 'bad']], true);
    assert.equal(coloured, `\u001b[31m${printable(name)}\u001b[0m`);
    assert.equal(shown(coloured), coloured);
  }
  for (const name of ['ünï 漢 😀', 'שלום', '👨\u200d👩']) assert.equal(shown(name), name);
});

/** What is said of the data that is read. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { classLines, dataLines } from '../../src/cli/data-lines.ts';

test('the classes as a table; of more than twenty the number', () => {
  const classes = [
    { name: 'cat', train: 12500, validation: 100, test: 9 },
    { name: 'hot\ndog', train: 8, validation: 1, test: 0 },
  ];
  const lines = classLines(classes);
  assert.deepEqual(lines, [
    'class     train  validation  test',
    'cat      12,500         100     9',
    'hot?dog       8           1     0',
  ]);
  const many = classLines(Array.from({ length: 1000 }, (_none, at) => ({ name: `n${at}`, train: 1, validation: 1, test: 1 })));
  assert.equal(many.length, 22);
  assert.equal(many.at(-1), 'and 980 more classes');
  assert.equal(
    classLines(Array.from({ length: 21 }, (_none, at) => ({ name: `${at}`, train: 1, validation: 1, test: 1 }))).at(-1),
    'and 1 more class',
  );
});

test('the table is said once, between the progress of decoding', () => {
  const said: string[] = [];
  const say = dataLines(
    (lines) => said.push(lines.join('|')),
    () => 0,
  );
  for (let done = 1; done <= 8; done++) say({ kind: 'decode', done, total: 8 });
  say({ kind: 'classes', classes: [{ name: 'a', train: 1, validation: 2, test: 3 }] });
  assert.equal(said.length, 6);
  assert.match(said.at(-1) ?? '', /^class {2}train {2}validation {2}test\|a +1 +2 +3$/);
});

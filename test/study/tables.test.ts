/** The tables of a study: as they read, their numbers against the outcomes, and whatever is missing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compositionOf } from '../../src/study/composition.ts';
import { conclusionsOf } from '../../src/study/conclusions.ts';
import { publishedMethods, publishedSettings } from '../../src/study/published.ts';
import type { StudyResult } from '../../src/study/result.ts';
import type { Cell, Table } from '../../src/study/table.ts';
import { tablesOf } from '../../src/study/tables.ts';
import { extremesOf } from '../../src/study/tables/networks.ts';
import { publishedNote, publishedTests } from '../../src/study/tables/table-2.ts';
import { orderAgreements, publishedOf } from '../../src/study/tables/table-1.ts';
import { tableFiles } from '../../src/study/writers.ts';
import { must } from '../../src/util/assert.ts';
import { around, madeUp, madeUpArm, type MadeUpArm } from './made-up.ts';

const growth = madeUp([
  { name: 'sh', test: around(84.1, 0.11) },
  { name: 'shrsep', test: around(83.2, 0.3, 7) },
  { name: 'random', test: around(83.1, 0.3), epochs: 40 },
  { name: 'vanilla', test: around(79, 0.3) },
]);

/** The eight settings, as far from the paper's as an epoch and a repetition make them. */
const eight = (repetitions: number, order = publishedSettings): readonly MadeUpArm[] =>
  publishedSettings.map(({ mixup, cutout, shift }, index) => ({
    name: ['flip', mixup && 'mixup', cutout && 'cutout', shift && 'shift'].filter((part) => part !== false).join(' + '),
    test: Array.from({ length: repetitions }, () => null),
    augmentation: { mixup: mixup ? 1 : 0, cutout: cutout ? 0.5 : 0, shift: shift ? 0.125 : 0 },
    vanilla: (repetition) =>
      Array.from({ length: 20 }, (_none, epoch) => {
        const share = must(order[index], 'setting').validation / 100 + 0.001 * (epoch - 19) + 0.002 * repetition;
        return { clean: share + 0.05, augmented: share };
      }),
  }));

const textOf = (result: StudyResult): string =>
  [
    ...conclusionsOf(result).map(({ kind, text }) => `${kind}: ${text}`),
    '',
    ...tablesOf(result).map((table) => must(tableFiles(table)[0], 'Markdown').text),
  ].join('\n');

for (const [name, result] of [
  ['growth', growth],
  ['vanilla', madeUp(eight(2), 'vanilla', 2)],
] as const)
  test(`conclusions and tables of a study (${name}), as they read`, () => {
    const golden = fileURLToPath(new URL(`../../../test/study/${name}.txt`, import.meta.url));
    assert.equal(textOf(result), readFileSync(golden, 'utf8'));
  });

const tableOf = (result: StudyResult, name: string): Table =>
  must(
    tablesOf(result).find((table) => table.name === name),
    name,
  );

const cellsOf = (table: Table, row: string): readonly Cell[] =>
  must(
    table.groups[0]?.rows.find(([first]) => first === row),
    row,
  );

test('Table 2 holds the means of the outcomes, and as many as have ended', () => {
  const arm = must(growth.arms[1], 'arm');
  const cells = cellsOf(tableOf(growth, 'table-2'), 'SHRsep');
  const mean = arm.outcomes.reduce((sum, { test: share }) => sum + 100 * (share ?? 0), 0) / 7;
  assert.ok(Math.abs((cells[1] as { mean: number }).mean - mean) < 1e-9);
  assert.equal(cells.at(-1), 7);
  const parameters = arm.outcomes.reduce((sum, each) => sum + each.parameters / 1e6, 0) / 7;
  assert.ok(Math.abs((cells[3] as { mean: number }).mean - parameters) < 1e-9);
});

test('Table 3 holds the shares of the winners', () => {
  const cells = cellsOf(tableOf(growth, 'table-3'), 'SH');
  const made = must(growth.arms[0], 'arm').outcomes.map(({ network }) => compositionOf(network));
  const mean = made.reduce((sum, { shares }) => sum + 100 * shares.convolution, 0) / 8;
  assert.ok(Math.abs((cells[1] as { mean: number }).mean - mean) < 1e-9);
});

test('best and worst are the extremes; of equals the first; of one it is the only', () => {
  const arm = madeUpArm({ name: 'sh', test: [80, null, 82, 82, 79, 79] });
  const { best, worst } = must(extremesOf(arm), 'extremes');
  assert.deepEqual([best.repetition, worst.repetition], [3, 5]);
  assert.equal(extremesOf(madeUpArm({ name: 'sh', test: [null] })), null);
  const one = tableOf(madeUp([{ name: 'nash', test: [80] }]), 'networks');
  assert.deepEqual(
    one.groups[0]?.rows.map(([, which]) => which),
    ['only'],
  );
});

test('the published figures by the same tests: SciPy’s numbers, and the t ≈ 1.4 and F ≈ 11.9 that are known of them', () => {
  const { accuracy, parameters, spread } = publishedTests();
  const of = <T extends { first: string; second: string }>(tests: readonly T[], first: string, second: string): T =>
    must(
      tests.find((each) => each.first === first && each.second === second),
      'pair',
    );
  const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}`);
  near(of(accuracy, 'nash', 'shrsep').test.t, 1.4049711527259567);
  near(of(accuracy, 'shr', 'shrsep').test.p, 0.14496689752770572);
  near(of(parameters, 'nash', 'sh').test.p, 0.1017752761633028);
  near(of(spread, 'nash', 'sh').test.statistic, 11.933884297520661);
  near(of(spread, 'nash', 'sh').corrected, 6 * 0.004101360876552146);
  near(of(spread, 'sh', 'shrsep').corrected, 5 * 0.009627924725379823);
  assert.ok([...accuracy, ...parameters].every(({ corrected }) => corrected > 0.6));
  assert.match(publishedNote(), /accuracy: no difference among 6 pairs .* parameters: no difference among 6 pairs/);
});

test('Table 1: each setting meets the paper’s, and the order is compared where all eight are there once', () => {
  const same = madeUp(eight(1), 'vanilla', 1);
  assert.deepEqual(
    same.arms.map((arm) => publishedOf(arm)?.number),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  const agreements = orderAgreements(same);
  assert.deepEqual(
    agreements.map(({ rho }) => rho),
    [1, 1, 1, 1],
  );
  assert.equal(agreements[0]?.p, 2 / 40320);
  const turned = orderAgreements(madeUp(eight(1, publishedSettings.toReversed()), 'vanilla', 1));
  assert.ok(must(turned[0]?.rho, 'ρ') < 0.2);
  const [first, second, ...others] = eight(1) as readonly [MadeUpArm, MadeUpArm, ...MadeUpArm[]];
  for (const arms of [eight(1).slice(1), [...eight(1), first], [second, second, ...others]])
    assert.deepEqual(orderAgreements(madeUp(arms, 'vanilla', 1)), []);
  const other = madeUpArm({ name: 'x', test: [], augmentation: { flip: false } });
  assert.equal(publishedOf(other), null);
  for (const augmentation of [{ smoothing: 0.1 }, { edges: 'mirror' }, { policy: 'trivial' }] as const)
    assert.equal(publishedOf(madeUpArm({ name: 'x', test: [], augmentation })), null, JSON.stringify(augmentation));
  const cells = must(tableOf(same, 'table-1').groups[0]?.rows[7], 'row');
  assert.deepEqual(cells.slice(0, 6), ['flip + mixup + cutout + shift', true, true, true, true, true]);
  assert.equal(cells.at(-1), 65.99);
  // Accuracies rise by 0.1 points an epoch: the mean of the last five is 0.2 below the last.
  const [last, mean] = [cells[6], cells[7]].map((cell) => (cell as { mean: number }).mean) as [number, number];
  assert.ok(Math.abs(last - mean - 0.2) < 1e-9);
  assert.ok(Math.abs(last - (65.99 + 5 + 0.2)) < 1e-9);
});

test('whatever is missing, tables have all their cells, and no number that is none', () => {
  const cases: readonly StudyResult[] = [
    madeUp([]),
    madeUp([], 'vanilla'),
    madeUp([{ name: 'nash', test: [] }]),
    madeUp([{ name: 'nash', test: [] }], 'vanilla'),
    madeUp([
      { name: 'nash', test: [80] },
      { name: 'sh', test: [] },
    ]),
    madeUp([
      { name: 'nash', test: [80, 80, 80, 80] },
      { name: 'sh', test: [80, 80, 80, 80] },
      { name: 'vanilla', test: [null, null] },
    ]),
    madeUp([{ name: 'a', test: [null], vanilla: () => [{ clean: 0.5, augmented: null }] }], 'vanilla'),
    growth,
  ];
  for (const result of cases)
    for (const table of tablesOf(result)) {
      for (const { rows } of table.groups) for (const row of rows) assert.equal(row.length, table.columns.length, table.name);
      for (const { name, text } of tableFiles(table)) {
        assert.match(name, /^[a-z0-9-]+\.(md|tex|csv)$/);
        assert.doesNotMatch(text, /NaN|undefined|Infinity|\[object|null/, name);
      }
    }
});

test('published rows stand beside methods that the study has, and no others', () => {
  const table = tableOf(growth, 'table-2');
  assert.deepEqual(
    table.groups.map(({ title, rows }) => [title?.slice(0, 12), ...rows.map(([name]) => name)]),
    [
      [undefined, 'SH', 'SHRsep'],
      ['baselines', 'random growth', 'vanilla network'],
      ['published by', 'SH', 'SHRsep'],
    ],
  );
  assert.equal(publishedMethods.sh.test[0], 94.57);
});

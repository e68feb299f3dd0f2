/** What is said of a study: no more than its tests show, and something in every case. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareMeans, compareSpreads, testedOf } from '../../src/study/comparisons.ts';
import { conclusionsOf, type Conclusion } from '../../src/study/conclusions.ts';
import { measures } from '../../src/study/measures.ts';
import type { Outcome, StudyResult } from '../../src/study/result.ts';
import { tablesOf } from '../../src/study/tables.ts';
import { around, madeUp, vanilla, type MadeUpArm } from './made-up.ts';

const said = (result: StudyResult): string =>
  conclusionsOf(result)
    .map(({ text }) => text)
    .join('\n');

const kindsOf = (result: StudyResult, kind: Conclusion['kind']): readonly string[] =>
  conclusionsOf(result)
    .filter((each) => each.kind === kind)
    .map(({ text }) => text);

const methods = (...tests: readonly (readonly (number | null)[])[]): readonly MadeUpArm[] =>
  tests.map((each, index) => ({
    name: ['nash', 'sh', 'shr', 'shrsep', 'random', 'vanilla'][index] ?? '',
    test: each,
    mutations: 2,
  }));

test('nothing has ended, or once: nothing is shown', () => {
  for (const result of [madeUp([]), madeUp(methods([], [])), madeUp(methods([null], [null]))])
    assert.deepEqual(conclusionsOf(result), [
      { kind: 'too-few', text: 'No repetition has finished yet, so there is nothing to compare.' },
    ]);
  const once = madeUp(methods([80], [90]), 'growth', 1);
  assert.deepEqual(kindsOf(once, 'shown'), []);
  assert.deepEqual(kindsOf(once, 'not-shown'), []);
  assert.match(said(once), /The difference was not tested for NASH and SH: one of them has only 1 repetition, fewer than 2\./);
});

test('arms are told by their names, and compared by their methods', () => {
  const arms = methods(around(84, 0.3), around(84, 0.3), around(83, 0.3));
  const result = madeUp(
    arms.map((arm, index) => ({
      ...arm,
      name: ['nash', 'b', 'blind'][index] ?? '',
      method: (['shr', 'sh', 'random'] as const)[index] ?? 'sh',
    })),
  );
  assert.match(said(result), /Nash and b have a higher mean test accuracy than blind/);
  assert.doesNotMatch(said(result), /NASH|random growth/);
  const titles = tablesOf(result).flatMap(({ groups }) =>
    groups.flatMap(({ title, rows }) => (title?.includes('published') ? rows.map(([first]) => first) : [])),
  );
  assert.deepEqual([...new Set(titles)].toSorted(), ['SH', 'SHR']);
});

test('of fewer than five epochs all are meant', () => {
  const curve = (repetition: number): Outcome['vanilla'] =>
    [0.5, 0.6, 0.7].map((clean) => ({ clean: clean + repetition / 100, augmented: null }));
  const result = madeUp(
    methods([null, null], [null, null]).map((arm) => ({ ...arm, vanilla: curve })),
    'vanilla',
    2,
  );
  assert.match(said(result), /The highest mean clean validation accuracy .* \(61\.50 ± 0\.71 %, n = 2\)/);
});

test('missing repetitions are named, also those whose test set was not read', () => {
  const result = madeUp(methods(around(84, 0.3), [84, 84.2, null]));
  assert.match(said(result), /Of 8 planned repetitions, not all have finished: SH 2\. The results are of these\./);
  assert.match(
    said(result),
    /With 2 repetitions the spread of SH is hardly known: only very large differences from it can be detected\./,
  );
});

test('equal values: no test, and no claim', () => {
  const same = [80, 80, 80, 80];
  const result = madeUp(methods(same, same), 'growth', 4);
  assert.match(said(result), /The difference was not tested for NASH and SH: neither varies between repetitions\./);
  assert.deepEqual(kindsOf(result, 'shown'), []);
  assert.match(said(result), /highest mean test accuracy is that of NASH \(80\.00 ± 0\.00 %, n = 4\) and SH \(80\.00/);
});

test('a difference that was not shown is called that, with what still agrees with the numbers', () => {
  const [text, ...others] = kindsOf(madeUp(methods([84, 84.4, 84.2, 84.6], [84.1, 84.5, 84.2, 84.7]), 'growth', 4), 'not-shown');
  assert.equal(
    text,
    'No difference in mean test accuracy was shown between NASH and SH (−0.08 points, 95 % interval −0.54 to 0.39, corrected p = 0.705). This does not mean that they are equal: differences of up to 0.54 points are consistent with the data.',
  );
  assert.equal(others.length, 2, 'sizes and spreads');
});

test('selection and growing: better, worse, or not shown, and whether the epochs were the same', () => {
  const arms: readonly MadeUpArm[] = [
    { name: 'shr', test: [84, 84.4, 84.2, 84.6], epochs: 95, mutations: 2 },
    { name: 'random', test: [84.1, 84.5, 84.2, 84.7], epochs: 96, mutations: 2 },
    { name: 'vanilla', test: [88, 88.4, 88.2, 88.6], epochs: 200 },
  ];
  const result = madeUp(arms, 'growth', 4);
  assert.match(
    said(result),
    /^No benefit of selection over random growth was shown for SHR: .*\. SHR was trained for as many epochs as random growth \(96\)\.$/m,
  );
  assert.match(
    said(result),
    /^SHR has a lower mean test accuracy than the vanilla network: −4\.00 points.*\. SHR \(95 epochs\) and the vanilla network \(200\) were trained for different numbers of epochs, so growth is not the only difference\.$/m,
  );
  assert.doesNotMatch(said(result), /higher mean test accuracy than the vanilla network/);
  // Whichever of the two stands first in the study.
  const turned = madeUp(arms.toReversed(), 'growth', 4);
  assert.match(said(turned), /^SHR has a lower mean test accuracy than the vanilla network: −4\.00 points/m);
  const several = madeUp(methods([84, 84.4, 84.2], [85, 85.4, 85.2], [], [], [70, 70.2, 70.3]), 'growth', 3);
  assert.match(
    said(several),
    /^NASH and SH have a higher mean test accuracy than random growth: NASH \+14\.03 points \(.*\), SH \+15\.03 points \(.*\) \(95 % intervals, corrected p\)\. NASH and SH were trained for as many epochs as random growth \(95\)\.$/m,
  );
  assert.match(said(madeUp(methods(around(84, 0.3), around(84, 0.3)))), /The study has no baseline/);
});

test('a smaller spread is told of the arm that varies less', () => {
  const wide = [82, 86.1, 81.8, 86, 82.2, 85.9, 81.9, 86.2];
  const narrow = [84, 84.1, 83.9, 84.05, 83.95, 84, 84.1, 83.9];
  for (const [tests, less, more] of [
    [[wide, narrow], 'SH', 'NASH'],
    [[narrow, wide], 'NASH', 'SH'],
  ] as const)
    assert.match(
      said(madeUp(methods(...tests))),
      new RegExp(`The test accuracy of ${less} varies less between repetitions than that of ${more}: .*p < 0\\.001`),
    );
});

test('methods whose winners were not trained alike: for how long each; alike, nothing', () => {
  const arms = (shr: number): readonly MadeUpArm[] => [
    { name: 'nash', test: [84, 84.4], epochs: 44 },
    { name: 'sh', test: [84.1, 84.5], epochs: 77 },
    { name: 'shr', test: [84.1, 84.5], epochs: shr },
    { name: 'vanilla', test: [80, 80.1], epochs: 200 },
  ];
  assert.match(
    said(madeUp(arms(78), 'growth', 2)),
    /^The winners’ lineages were trained for different numbers of epochs: NASH 44; SH and SHR 77\. The methods divide/m,
  );
  assert.doesNotMatch(said(madeUp(arms(78).slice(1), 'growth', 2)), /winners’ lineages/);
});

test('Table 1: one seed tells nothing of single differences; without all eight settings there is no order', () => {
  const epochs = (share: number) => () => Array.from({ length: 5 }, () => ({ clean: share, augmented: share }));
  const result = madeUp(
    [
      { name: 'all', test: [null], vanilla: epochs(0.66) },
      { name: 'flip', test: [null], augmentation: { mixup: 0, cutout: 0, shift: 0 }, vanilla: epochs(0.77) },
    ],
    'vanilla',
    1,
  );
  assert.deepEqual(kindsOf(result, 'shown'), []);
  assert.match(said(result), /No setting was run more than once\. The variation between seeds is not known/);
  assert.match(said(result), /does not have all eight settings of the paper’s Table 1, so the order is not compared/);
});

const accuracies = fc.array(fc.integer({ min: 7000, max: 7400 }), { maxLength: 8 }).map((all) => all.map((each) => each / 100));

test('whatever the values: what is called shown has a corrected p below 0.05, each tested pair has its say, nothing is NaN', () => {
  // One network for all: the sizes are not what is asked here.
  const study = (tests: readonly (readonly number[])[]): StudyResult => {
    const made = madeUp(methods(...tests.map(() => [])));
    return {
      ...made,
      arms: made.arms.map((arm, index) => ({
        ...arm,
        outcomes: (tests[index] ?? []).map((share, at) => ({
          repetition: at + 1,
          run: '',
          network: vanilla,
          test: share / 100,
          validation: 0,
          parameters: 10,
          multiplyAdds: 10,
          epochs: 95,
          seconds: 1,
          vanilla: [],
        })),
      })),
    };
  };
  fc.assert(
    fc.property(fc.array(accuracies, { minLength: 2, maxLength: 6 }), (tests) => {
      const result = study(tests);
      const tested = testedOf(compareMeans(result.arms, measures.test));
      for (const { test: found, corrected, significant } of tested) {
        assert.ok(corrected >= found.p && significant === corrected < 0.05);
      }
      const spreads = testedOf(
        compareSpreads(
          result.arms.filter(({ baseline }) => !baseline),
          measures.test,
        ),
      );
      const told = kindsOf(result, 'shown');
      const means = told.filter((text) => !text.includes('varies less'));
      const significant = tested.filter((each) => each.significant).length;
      // More than four pairs of methods are told in one sentence.
      assert.equal(means.length > 0, significant > 0);
      assert.ok(means.length <= significant);
      assert.equal(told.length - means.length, spreads.filter((each) => each.significant).length);
      const all = said(result);
      assert.doesNotMatch(all, /NaN|undefined|Infinity|null/);
      assert.doesNotMatch(all.replaceAll('does not mean that they are equal', ''), /\b(equal|same as|identical|prove)/);
      if (tested.some((each) => !each.significant)) assert.match(all, /was (not )?shown/);
    }),
    { numRuns: 60 },
  );
});

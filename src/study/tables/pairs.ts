/** Tables of the tests of every pair: of means (Welch) and of spreads (Brown and Forsythe), with Holm's correction. */
import { compareMeans, compareSpreads, pairLabel, testedOf, type PairTest } from '../comparisons.ts';
import { methods } from '../../search/methods/table.ts';
import { accuracyOf, measures, type Measure } from '../measures.ts';
import type { Arm, StudyResult } from '../result.ts';
import type { Cell, Column, Table } from '../table.ts';
import { digitsFor, untitled } from './parts.ts';

/** The last columns, for every test. */
const resultColumns: readonly Column[] = [
  { kind: 'probability', title: 'p' },
  { kind: 'probability', title: 'p, corrected' },
  { kind: 'text', title: 'significant' },
];

/** One row per pair: `count` cells of its test, then the result. */
const pairRows = <Test extends { readonly p: number }>(
  comparisons: readonly PairTest<Test>[],
  count: number,
  cellsOf: (test: Test) => readonly Cell[],
): readonly (readonly Cell[])[] =>
  comparisons.map((each) =>
    each.kind === 'untested'
      ? [pairLabel(each), ...Array.from({ length: count + 2 }, () => null), `not tested: ${each.reason}`]
      : [pairLabel(each), ...cellsOf(each.test), each.test.p, each.corrected, each.significant ? 'yes' : 'no'],
  );

/** The arms whose sizes are compared: those that grow networks. */
export const grownArms = ({ arms }: StudyResult): readonly Arm[] =>
  arms.filter(({ method }) => method === null || methods[method].grows);

/** The arms whose spreads are compared: without the baselines, as in the paper. This needs fewer tests. */
export const methodArms = ({ arms }: StudyResult): readonly Arm[] => arms.filter(({ baseline }) => !baseline);

const family = (comparisons: readonly PairTest<unknown>[]): string => {
  const count = testedOf(comparisons).length;
  return `Corrected by Holm’s method for ${count} tested ${count === 1 ? 'pair' : 'pairs'}; significant below 0.05.`;
};

/** The number of parameters, with the decimals that the growing arms need. */
export const sizeMeasure = (result: StudyResult): Measure => ({
  ...measures.parameters,
  digits: digitsFor(grownArms(result), measures.parameters),
});

function meansTable(name: string, title: string, scale: string, arms: readonly Arm[], measure: Measure): Table {
  const comparisons = compareMeans(arms, measure);
  const { words, unit, digits } = measure;
  return {
    name,
    title,
    caption: `Welch’s t-test of the ${words} of each pair.`,
    scale,
    columns: [
      { kind: 'text', title: 'pair' },
      { kind: 'signed', title: `difference, ${unit}`, digits },
      { kind: 'interval', title: '95 % interval', digits },
      { kind: 'signed', title: 't', digits: 2 },
      { kind: 'number', title: 'degrees of freedom', digits: 1 },
      ...resultColumns,
    ],
    groups: untitled(pairRows(comparisons, 4, ({ difference, interval, t, freedom }) => [difference, interval, t, freedom])),
    notes: [
      `The mean of the first minus that of the second. Intervals are of single pairs, not corrected. ${family(comparisons)}`,
      'Two arms without a significant difference need not be equal.',
    ],
  };
}

export function accuracyDifferences(result: StudyResult): Table {
  const measure = accuracyOf(result);
  return meansTable('differences-accuracy', `Differences of ${measure.words}`, result.scale, result.arms, measure);
}

export function parameterDifferences(result: StudyResult): Table {
  const title = 'Differences of size, in millions of parameters';
  return meansTable('differences-parameters', title, result.scale, grownArms(result), sizeMeasure(result));
}

export function spreadDifferences(result: StudyResult): Table {
  const measure = accuracyOf(result);
  const comparisons = compareSpreads(methodArms(result), measure);
  return {
    name: 'differences-spread',
    title: `Differences of the spread of ${measure.words}`,
    caption: `Brown and Forsythe’s test of the spread of the ${measure.words} of each pair of methods.`,
    scale: result.scale,
    columns: [
      { kind: 'text', title: 'pair' },
      { kind: 'number', title: 'F', digits: 2 },
      { kind: 'number', title: 'degrees of freedom', digits: 0 },
      ...resultColumns,
    ],
    groups: untitled(pairRows(comparisons, 2, ({ statistic, freedom }) => [statistic, freedom[1]])),
    notes: [
      `An analysis of variance of the distances from the medians, with 1 degree of freedom in the numerator. Unlike the ratio of variances, it keeps its level for values that are not normal. ${family(comparisons)}`,
    ],
  };
}

/** What the authors' own Table 2 shows by the tests that are used here: from their means and deviations. */
import { armLabel, listed } from '../labels.ts';
import {
  paperMethods,
  paperRepetitions,
  publishedMethods,
  type PaperMethod,
  type PublishedMethod,
  type Spread,
} from '../published.ts';
import { holm, level, varianceRatio, welch, type SpreadTest, type Summary, type Welch } from '../samples.ts';
import { formatFixed, formatProbability } from '../table.ts';

export interface PublishedTest<Test> {
  readonly first: PaperMethod;
  readonly second: PaperMethod;
  readonly test: Test;
  /** After Holm's correction for the six pairs. */
  readonly corrected: number;
}

const summaryOf = ([mean, deviation]: Spread): Summary => ({ count: paperRepetitions, mean, deviation });

const pairs = paperMethods.flatMap((first, index) => paperMethods.slice(index + 1).map((second) => ({ first, second })));

function testPairs<Test extends { readonly p: number }>(
  of: (method: PublishedMethod) => Spread,
  test: (a: Summary, b: Summary) => Test | null,
): readonly PublishedTest<Test>[] {
  const tested = pairs.flatMap((pair) => {
    const found = test(summaryOf(of(publishedMethods[pair.first])), summaryOf(of(publishedMethods[pair.second])));
    return found === null ? [] : [{ ...pair, test: found }];
  });
  const corrected = holm(tested.map(({ test: { p } }) => p));
  return tested.map((each, index) => ({ ...each, corrected: corrected[index] as number }));
}

export interface PublishedTests {
  readonly accuracy: readonly PublishedTest<Welch>[];
  readonly parameters: readonly PublishedTest<Welch>[];
  /** F, since only deviations are known. */
  readonly spread: readonly PublishedTest<SpreadTest>[];
}

export const publishedTests = (): PublishedTests => ({
  accuracy: testPairs(({ test }) => test, welch),
  parameters: testPairs(({ parameters }) => parameters, welch),
  spread: testPairs(({ test }) => test, varianceRatio),
});

const names = ({ first, second }: PublishedTest<unknown>): string =>
  `${armLabel({ name: first, method: first })} and ${armLabel({ name: second, method: second })}`;

const significant = <Test>(tests: readonly PublishedTest<Test>[]): readonly PublishedTest<Test>[] =>
  tests.filter(({ corrected }) => corrected < level);

const least = (tests: readonly PublishedTest<unknown>[]): string =>
  formatProbability(Math.min(...tests.map(({ corrected }) => corrected)));

const differing = (tests: readonly PublishedTest<Welch>[]): string => {
  const found = significant(tests).map(names);
  return found.length === 0 ? `none of the ${tests.length} pairs differs (smallest p ${least(tests)})` : listed(found);
};

/** Stands wherever the authors' Table 2 is reproduced. */
export function publishedNote(): string {
  const { accuracy, parameters, spread } = publishedTests();
  const ratios = significant(spread).map(
    (each) => `${names(each)} (F = ${formatFixed(each.test.statistic, 1)}, p = ${formatProbability(each.corrected)})`,
  );
  return (
    'The published figures by the same tests, from their means and deviations, after Holm’s correction: ' +
    `in accuracy ${differing(accuracy)}; in parameters ${differing(parameters)}; ` +
    `in spread ${ratios.length === 0 ? 'none differs' : `${listed(ratios)} differ, if the accuracies are normal`}.`
  );
}

/** The same tests on the published Table 2, from its means and deviations. */
import { methods } from '../../search/methods/table.ts';
import { testedOf, testPairs, type Tested } from '../comparisons.ts';
import { listed } from '../labels.ts';
import { paperMethods, paperRepetitions, publishedMethods, type PaperMethod } from '../published.ts';
import { varianceRatio, welch, type SpreadTest, type Summary, type Welch } from '../samples.ts';
import { formatFixed, formatProbability } from '../table.ts';

type PublishedTests<Test> = readonly Tested<Test, PaperMethod>[];

function testsOf<Test extends { readonly p: number }>(
  measure: 'test' | 'parameters',
  test: (a: Summary, b: Summary) => Test | null,
): PublishedTests<Test> {
  const summaryOf = (method: PaperMethod): Summary => {
    const [mean, deviation] = publishedMethods[method][measure];
    return { count: paperRepetitions, mean, deviation };
  };
  return testedOf(testPairs(paperMethods, (a, b) => test(summaryOf(a), summaryOf(b)) ?? 'no variation'));
}

/** Spreads by the ratio of variances, since only deviations are published. */
export const publishedTests = (): {
  readonly accuracy: PublishedTests<Welch>;
  readonly parameters: PublishedTests<Welch>;
  readonly spread: PublishedTests<SpreadTest>;
} => ({
  accuracy: testsOf('test', welch),
  parameters: testsOf('parameters', welch),
  spread: testsOf('test', varianceRatio),
});

const names = ({ first, second }: Tested<unknown, PaperMethod>): string => `${methods[first].label} and ${methods[second].label}`;

const differing = (tests: PublishedTests<Welch>): string => {
  const found = tests.filter(({ significant }) => significant).map(names);
  const least = formatProbability(Math.min(...tests.map(({ corrected }) => corrected)));
  return found.length === 0 ? `no difference among ${tests.length} pairs (smallest p ${least})` : listed(found);
};

/** A note for tables that show the published Table 2. */
export function publishedNote(): string {
  const { accuracy, parameters, spread } = publishedTests();
  const ratios = spread
    .filter(({ significant }) => significant)
    .map((each) => `${names(each)} (F = ${formatFixed(each.test.statistic, 1)}, p = ${formatProbability(each.corrected)})`);
  return (
    'Significant differences of the published values by the same tests, from their means and deviations, after Holm’s correction: ' +
    `accuracy: ${differing(accuracy)}; parameters: ${differing(parameters)}; ` +
    `spread, if accuracies are normal: ${ratios.length === 0 ? 'none' : listed(ratios)}.`
  );
}

/** Table 2: accuracy, size and cost of each method's networks; baselines and published values are separate groups. */
import { methods } from '../../search/methods/table.ts';
import { testedOf, testPairs, type Tested } from '../comparisons.ts';
import { armLabel, listed } from '../labels.ts';
import { armSummary, measures, valuesOf } from '../measures.ts';
import { paperMethods, paperRepetitions, publishedMethods, type PaperMethod } from '../published.ts';
import type { StudyResult } from '../result.ts';
import { meanInterval, varianceRatio, welch, type Interval, type SpreadTest, type Summary, type Welch } from '../samples.ts';
import { formatFixed, formatProbability, type Cell, type Table } from '../table.ts';
import { digitsFor, groupsOf, missingNotes, publishedGroup } from './parts.ts';

/** The tests of this study, applied to the published means and deviations. */
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

const intervalOf = (summary: Summary | null): Interval | null => (summary === null ? null : meanInterval(summary));

export function tableTwo(result: StudyResult): Table {
  const { arms } = result;
  const published = publishedGroup(result, (method): readonly Cell[] => {
    const { test, parameters } = publishedMethods[method];
    const [mean, deviation] = test;
    return [
      methods[method].label,
      { mean, deviation },
      meanInterval({ count: paperRepetitions, mean, deviation }),
      { mean: parameters[0], deviation: parameters[1], digits: 1 },
      null,
      null,
      null,
      paperRepetitions,
    ];
  });
  return {
    name: 'table-2',
    title: 'Table 2',
    caption: 'Test accuracy, size and cost of the networks that each method found (mean ± standard deviation).',
    scale: result.scale,
    columns: [
      { kind: 'text', title: 'method' },
      { kind: 'spread', title: 'test accuracy, %', digits: 2 },
      { kind: 'interval', title: '95 % interval of the mean', digits: 2 },
      { kind: 'spread', title: 'parameters, M', digits: digitsFor(arms, measures.parameters) },
      { kind: 'spread', title: 'multiply-adds, M', digits: digitsFor(arms, measures.multiplyAdds) },
      { kind: 'spread', title: 'epochs of the winner’s lineage', digits: 0 },
      { kind: 'spread', title: 'hours of work', digits: digitsFor(arms, measures.hours) },
      { kind: 'number', title: 'n', digits: 0 },
    ],
    groups: [
      ...groupsOf(result, (arm) => [
        [
          armLabel(arm),
          armSummary(arm, measures.test),
          intervalOf(armSummary(arm, measures.test)),
          armSummary(arm, measures.parameters),
          armSummary(arm, measures.multiplyAdds),
          armSummary(arm, measures.epochs),
          armSummary(arm, measures.hours),
          valuesOf(arm, measures.test).length,
        ],
      ]),
      ...published,
    ],
    notes: [
      'The interval is Student’s, of the mean over repetitions. Multiply-adds are per image, forward. Epochs include those of the winner’s ancestors and the final training; hours do not include the shared vanilla network.',
      ...(published.length === 0 ? [] : [publishedNote()]),
      ...missingNotes(result),
    ],
  };
}

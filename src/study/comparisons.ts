/** Every pair of arms, tested, with the correction for so many tests. What cannot be tested says why. */
import { armLabel } from './labels.ts';
import { valuesOf, type Measure } from './measures.ts';
import type { Arm } from './result.ts';
import { brownForsythe, fewestForSpread, holm, level, summaryOf, welch, type SpreadTest, type Welch } from './samples.ts';

interface Pair {
  readonly first: Arm;
  readonly second: Arm;
}

export interface Untested extends Pair {
  readonly kind: 'untested';
  /** Without a full stop. */
  readonly reason: string;
}

export interface Tested<Test> extends Pair {
  readonly kind: 'tested';
  readonly test: Test;
  /** The p after Holm's correction for all tests of this family. */
  readonly corrected: number;
  /** Whether it is below 0.05. */
  readonly significant: boolean;
}

export type Comparison<Test> = Tested<Test> | Untested;

/** In the order of the arms. */
const pairsOf = (arms: readonly Arm[]): readonly Pair[] =>
  arms.flatMap((first, index) => arms.slice(index + 1).map((second) => ({ first, second })));

function compare<Test extends { readonly p: number }>(
  arms: readonly Arm[],
  measure: Measure,
  test: (a: readonly number[], b: readonly number[]) => Test | string,
): readonly Comparison<Test>[] {
  const results = pairsOf(arms).map((pair) => ({
    pair,
    result: test(valuesOf(pair.first, measure), valuesOf(pair.second, measure)),
  }));
  const family = holm(results.flatMap(({ result }) => (typeof result === 'string' ? [] : [result.p])));
  let next = 0;
  return results.map(({ pair, result }): Comparison<Test> => {
    if (typeof result === 'string') return { kind: 'untested', ...pair, reason: result };
    const corrected = family[next++] as number;
    return { kind: 'tested', ...pair, test: result, corrected, significant: corrected < level };
  });
}

const tooFew = (counts: readonly number[], least: number): string =>
  Math.min(...counts) === 0
    ? 'one of them has no repetition that ended'
    : `one of them has only ${Math.min(...counts)} ${Math.min(...counts) === 1 ? 'repetition' : 'repetitions'}, fewer than ${least}`;

/** Welch's test of the means of each pair. */
export const compareMeans = (arms: readonly Arm[], measure: Measure): readonly Comparison<Welch>[] =>
  compare(arms, measure, (a, b) => {
    const [u, v] = [summaryOf(a), summaryOf(b)];
    if (u === null || v === null || Math.min(a.length, b.length) < 2) return tooFew([a.length, b.length], 2);
    return welch(u, v) ?? 'neither varies from repetition to repetition';
  });

/** Brown and Forsythe's test of the spreads of each pair. */
export const compareSpreads = (arms: readonly Arm[], measure: Measure): readonly Comparison<SpreadTest>[] =>
  compare(arms, measure, (a, b) => {
    if (Math.min(a.length, b.length) < fewestForSpread) return tooFew([a.length, b.length], fewestForSpread);
    return brownForsythe(a, b) ?? 'their distances from the medians do not vary';
  });

export const pairLabel = ({ first, second }: Pair): string => `${armLabel(first)} – ${armLabel(second)}`;

export const testedOf = <Test>(comparisons: readonly Comparison<Test>[]): readonly Tested<Test>[] =>
  comparisons.filter((each) => each.kind === 'tested');

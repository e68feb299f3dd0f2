/** Tests of every pair of arms, with Holm's correction. A pair that cannot be tested has a reason. */
import { armLabel } from './labels.ts';
import { valuesOf, type Measure } from './measures.ts';
import type { Arm } from './result.ts';
import { brownForsythe, fewestForSpread, holm, level, summaryOf, welch, type SpreadTest, type Welch } from './samples.ts';

interface Pair<Item> {
  readonly first: Item;
  readonly second: Item;
}

export interface Untested<Item = Arm> extends Pair<Item> {
  readonly kind: 'untested';
  /** Without a full stop. */
  readonly reason: string;
}

export interface Tested<Test, Item = Arm> extends Pair<Item> {
  readonly kind: 'tested';
  readonly test: Test;
  /** The p-value after Holm's correction for all tests of this family. */
  readonly corrected: number;
  /** Whether the corrected p is below 0.05. */
  readonly significant: boolean;
}

export type PairTest<Test, Item = Arm> = Tested<Test, Item> | Untested<Item>;

/** Tests every pair, in the order of the items. `test` returns a reason if it does not apply. */
export function testPairs<Test extends { readonly p: number }, Item>(
  items: readonly Item[],
  test: (a: Item, b: Item) => Test | string,
): readonly PairTest<Test, Item>[] {
  const results = items.flatMap((first, index) =>
    items.slice(index + 1).map((second) => ({ pair: { first, second }, result: test(first, second) })),
  );
  const corrected = holm(results.flatMap(({ result }) => (typeof result === 'string' ? [] : [result.p])));
  let next = 0;
  return results.map(({ pair, result }): PairTest<Test, Item> => {
    if (typeof result === 'string') return { kind: 'untested', ...pair, reason: result };
    const p = corrected[next++] as number;
    return { kind: 'tested', ...pair, test: result, corrected: p, significant: p < level };
  });
}

export const testedOf = <Test, Item>(pairs: readonly PairTest<Test, Item>[]): readonly Tested<Test, Item>[] =>
  pairs.filter((each) => each.kind === 'tested');

/** Tests the values of every pair; each arm needs `least` of them. */
const testValues = <Test extends { readonly p: number }>(
  arms: readonly Arm[],
  measure: Measure,
  least: number,
  test: (a: readonly number[], b: readonly number[]) => Test | string,
): readonly PairTest<Test>[] =>
  testPairs(arms, (first, second) => {
    const [a, b] = [valuesOf(first, measure), valuesOf(second, measure)];
    const fewest = Math.min(a.length, b.length);
    if (fewest >= least) return test(a, b);
    return fewest === 0
      ? 'one of them has no finished repetition'
      : `one of them has only ${fewest} ${fewest === 1 ? 'repetition' : 'repetitions'}, fewer than ${least}`;
  });

export const compareMeans = (arms: readonly Arm[], measure: Measure): readonly PairTest<Welch>[] =>
  testValues(arms, measure, 2, (a, b) => {
    const [u, v] = [summaryOf(a), summaryOf(b)];
    return (u === null || v === null ? null : welch(u, v)) ?? 'neither varies between repetitions';
  });

export const compareSpreads = (arms: readonly Arm[], measure: Measure): readonly PairTest<SpreadTest>[] =>
  testValues(arms, measure, fewestForSpread, (a, b) => brownForsythe(a, b) ?? 'the distances from the medians do not vary');

export const pairLabel = ({ first, second }: Pair<Arm>): string => `${armLabel(first)} – ${armLabel(second)}`;

/** Sentences on pairs of arms that were tested: what a test shows, and what it does not. */
import { pairLabel, type Tested } from './comparisons.ts';
import { armWords, listed } from './labels.ts';
import type { Measure } from './measures.ts';
import type { Arm } from './result.ts';
import type { Welch } from './samples.ts';
import { formatFixed, formatProbability, formatSigned } from './table.ts';

export interface Conclusion {
  /** `shown`: by a test. `too-few`: there are not enough values to say. `note`: what the numbers are of. */
  readonly kind: 'shown' | 'not-shown' | 'too-few' | 'note';
  readonly text: string;
}

export const note = (text: string): Conclusion => ({ kind: 'note', text });
export const notShown = (text: string): Conclusion => ({ kind: 'not-shown', text });
export const shown = (text: string): Conclusion => ({ kind: 'shown', text });
export const tooFew = (text: string): Conclusion => ({ kind: 'too-few', text });

export function probability(p: number): string {
  const text = formatProbability(p);
  return text.startsWith('<') ? `p ${text}` : `p = ${text}`;
}

const amount = (value: number, { digits, unit }: Measure): string => `${formatFixed(value, digits)} ${unit}`;

/** `+0.45 points, 95 % interval 0.10 to 0.80, p = 0.020`. */
export function figures({ test: { difference, interval }, corrected }: Tested<Welch>, { digits, unit }: Measure): string {
  const [low, high] = interval.map((value) => formatFixed(value, digits));
  return `${formatSigned(difference, digits)} ${unit}, 95 % interval ${low} to ${high}, corrected ${probability(corrected)}`;
}

/** `+0.45 points (0.10 to 0.80, p = 0.020)`. */
export function shortFigures({ test: { difference, interval }, corrected }: Tested<Welch>, { digits, unit }: Measure): string {
  const [low, high] = interval.map((value) => formatFixed(value, digits));
  return `${formatSigned(difference, digits)} ${unit} (${low} to ${high}, ${probability(corrected)})`;
}

/** A pair whose means differ, the larger first. */
function shownSentence({ first, second, test, corrected }: Tested<Welch>, measure: Measure, tests: number): Conclusion {
  const [more, less] = test.difference > 0 ? [first, second] : [second, first];
  const [a, b] = test.interval.map(Math.abs);
  const [low, high] = [Math.min(a ?? 0, b ?? 0), Math.max(a ?? 0, b ?? 0)].map((value) => formatFixed(value, measure.digits));
  // A corrected p below 0.05 is below it uncorrected too, so that the interval lies on one side of 0.
  return shown(
    `The mean ${measure.words} of ${armWords(more)} is higher than that of ${armWords(less)}: by ${amount(Math.abs(test.difference), measure)} (95 % interval ${low} to ${high}; ${probability(corrected)}${tests > 1 ? `, corrected for ${tests} tests` : ''}).`,
  );
}

/** How far from 0 the intervals of these pairs reach. */
const reachOf = (pairs: readonly Tested<Welch>[]): number =>
  Math.max(...pairs.flatMap(({ test }) => test.interval.map(Math.abs)));

/** More differences than these are told in one sentence, without their figures. */
const mostTold = 4;
/** And more than these are left to the table. */
const mostListed = 10;

/** `A and B`, `A–B, C–D`. */
const pairNames = (pairs: readonly Tested<unknown>[]): string =>
  pairs.length === 1
    ? pairs.map(({ first, second }) => `${armWords(first)} and ${armWords(second)}`).join('')
    : pairs.map(pairLabel).join(', ');

/** Whom each arm is above. */
function above(pairs: readonly Tested<Welch>[]): string {
  const below = new Map<Arm, Arm[]>();
  for (const { first, second, test } of pairs) {
    const [more, less] = test.difference > 0 ? [first, second] : [second, first];
    below.set(more, [...(below.get(more) ?? []), less]);
  }
  return [...below].map(([more, less]) => `${armWords(more)} above ${listed(less.map(armWords))}`).join('; ');
}

function shownSentences(pairs: readonly Tested<Welch>[], measure: Measure, tests: number): readonly Conclusion[] {
  if (pairs.length <= mostTold) return pairs.map((pair) => shownSentence(pair, measure, tests));
  const largest = Math.max(...pairs.map(({ corrected }) => corrected));
  return [
    shown(
      `${pairs.length} pairs differ in their mean ${measure.words}, each with ${largest < 0.001 ? 'p < 0.001' : `p at most ${formatProbability(largest)}`} after the correction for ${tests} tests${pairs.length > mostListed ? '; the table has them' : `: ${above(pairs)}`}.`,
    ),
  ];
}

/** Pairs without a difference, in one sentence. */
function notShownSentence(pairs: readonly Tested<Welch>[], measure: Measure): Conclusion {
  const [only, ...others] = pairs;
  const reach = `differences of up to ${amount(reachOf(pairs), measure)} agree with these numbers`;
  if (only !== undefined && others.length === 0)
    return notShown(
      `No difference in mean ${measure.words} was shown between ${pairNames(pairs)} (${figures(only, measure)}). That does not say that they are equal: ${reach}.`,
    );
  const least = Math.min(...pairs.map(({ corrected }) => corrected));
  return notShown(
    `No difference in mean ${measure.words} was shown for ${pairs.length} pairs: ${pairNames(pairs)} (the smallest p after the correction: ${formatProbability(least)}). That does not say that they are equal: ${reach}.`,
  );
}

/** What the pairs of these arms show. */
export function pairSentences(pairs: readonly Tested<Welch>[], measure: Measure, tests: number): readonly Conclusion[] {
  const open = pairs.filter(({ significant }) => !significant);
  return [
    ...shownSentences(
      pairs.filter(({ significant }) => significant),
      measure,
      tests,
    ),
    ...(open.length === 0 ? [] : [notShownSentence(open, measure)]),
  ];
}

/** Conclusions on tested pairs of arms. */
import { pairLabel, type Tested } from './comparisons.ts';
import { armPhrase, listed } from './labels.ts';
import type { Measure } from './measures.ts';
import type { Arm } from './result.ts';
import type { Welch } from './samples.ts';
import { formatFixed, formatProbability, formatSigned } from './table.ts';

export interface Conclusion {
  /** `shown`: by a test. `too-few`: not enough values to test. `note`: how to read the numbers. */
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

/** The difference and the bounds of its interval. */
function numbersOf(
  { test: { difference, interval } }: Tested<Welch>,
  { digits, unit }: Measure,
): readonly [string, string, string] {
  const [low, high] = interval.map((value) => formatFixed(value, digits));
  return [`${formatSigned(difference, digits)} ${unit}`, low ?? '', high ?? ''];
}

/** `+0.45 points, 95 % interval 0.10 to 0.80, corrected p = 0.020`. */
export function figures(pair: Tested<Welch>, measure: Measure): string {
  const [difference, low, high] = numbersOf(pair, measure);
  return `${difference}, 95 % interval ${low} to ${high}, corrected ${probability(pair.corrected)}`;
}

/** `+0.45 points (0.10 to 0.80, p = 0.020)`. */
export function shortFigures(pair: Tested<Welch>, measure: Measure): string {
  const [difference, low, high] = numbersOf(pair, measure);
  return `${difference} (${low} to ${high}, ${probability(pair.corrected)})`;
}

/** The arm with the larger mean first. */
const ordered = ({ first, second, test }: Tested<Welch>): readonly [Arm, Arm] =>
  test.difference > 0 ? [first, second] : [second, first];

/** A pair whose means differ. */
function shownSentence(pair: Tested<Welch>, measure: Measure, tests: number): Conclusion {
  const [more, less] = ordered(pair);
  const { difference, interval } = pair.test;
  // A corrected p below 0.05 is below it uncorrected too, so the interval is on one side of 0.
  const [low, high] = interval
    .map(Math.abs)
    .toSorted((a, b) => a - b)
    .map((value) => formatFixed(value, measure.digits));
  return shown(
    `The mean ${measure.words} of ${armPhrase(more)} is higher than that of ${armPhrase(less)} by ${amount(Math.abs(difference), measure)} (95 % interval ${low} to ${high}; ${probability(pair.corrected)}${tests > 1 ? `, corrected for ${tests} tests` : ''}).`,
  );
}

/** More differences than these share one sentence, without their numbers. */
const mostSingle = 4;
/** More differences than these are in the table only. */
const mostListed = 10;

/** `A and B`, `A–B, C–D`. */
const pairNames = (pairs: readonly Tested<unknown>[]): string =>
  pairs.length === 1
    ? pairs.map(({ first, second }) => `${armPhrase(first)} and ${armPhrase(second)}`).join('')
    : pairs.map(pairLabel).join(', ');

/** Each arm with those that it is above. */
function orders(pairs: readonly Tested<Welch>[]): string {
  const below = new Map<Arm, Arm[]>();
  for (const [more, less] of pairs.map(ordered)) below.set(more, [...(below.get(more) ?? []), less]);
  return [...below].map(([more, less]) => `${armPhrase(more)} above ${listed(less.map(armPhrase))}`).join('; ');
}

function shownSentences(pairs: readonly Tested<Welch>[], measure: Measure, tests: number): readonly Conclusion[] {
  if (pairs.length <= mostSingle) return pairs.map((pair) => shownSentence(pair, measure, tests));
  const largest = Math.max(...pairs.map(({ corrected }) => corrected));
  return [
    shown(
      `${pairs.length} pairs differ in their mean ${measure.words}, each with p ${largest < 0.001 ? '< 0.001' : `≤ ${formatProbability(largest)}`} corrected for ${tests} tests${pairs.length > mostListed ? ' (see the table)' : `: ${orders(pairs)}`}.`,
    ),
  ];
}

/** Pairs without a significant difference, in one sentence. */
function notShownSentence(pairs: readonly Tested<Welch>[], measure: Measure): Conclusion {
  const [only, ...others] = pairs;
  const largest = Math.max(...pairs.flatMap(({ test }) => test.interval.map(Math.abs)));
  const caution = `This does not mean that they are equal: differences of up to ${amount(largest, measure)} are consistent with the data.`;
  if (only !== undefined && others.length === 0)
    return notShown(
      `No difference in mean ${measure.words} was shown between ${pairNames(pairs)} (${figures(only, measure)}). ${caution}`,
    );
  const least = Math.min(...pairs.map(({ corrected }) => corrected));
  return notShown(
    `No difference in mean ${measure.words} was shown for ${pairs.length} pairs: ${pairNames(pairs)} (smallest corrected p: ${formatProbability(least)}). ${caution}`,
  );
}

/** The conclusions of these pairs. */
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

/** Conclusions on tested pairs of arms, and on methods against a baseline: whether a benefit of selection or of growth was shown. */
import { methods } from '../search/methods/table.ts';
import { pairLabel, type Tested } from './comparisons.ts';
import { armLabel, armPhrase, capital, listed } from './labels.ts';
import { armSummary, measures, type Measure } from './measures.ts';
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

function numbersOf({ test: { difference, interval } }: Tested<Welch>, { digits, unit }: Measure): readonly string[] {
  return [`${formatSigned(difference, digits)} ${unit}`, ...interval.map((value) => formatFixed(value, digits))];
}

/** `+0.45 points, 95 % interval 0.10 to 0.80, corrected p = 0.020`. */
function figures(pair: Tested<Welch>, measure: Measure): string {
  const [difference, low, high] = numbersOf(pair, measure);
  return `${difference}, 95 % interval ${low} to ${high}, corrected ${probability(pair.corrected)}`;
}

/** `+0.45 points (0.10 to 0.80, p = 0.020)`. */
function shortFigures(pair: Tested<Welch>, measure: Measure): string {
  const [difference, low, high] = numbersOf(pair, measure);
  return `${difference} (${low} to ${high}, ${probability(pair.corrected)})`;
}

/** The arm with the larger mean first. */
const ordered = ({ first, second, test }: Tested<Welch>): readonly [Arm, Arm] =>
  test.difference > 0 ? [first, second] : [second, first];

function shownSentence(pair: Tested<Welch>, measure: Measure, tests: number): Conclusion {
  const [more, less] = ordered(pair);
  const { difference, interval } = pair.test;
  // If the corrected p is below 0.05, so is the uncorrected one, and the interval does not contain 0.
  const [low, high] = interval
    .map(Math.abs)
    .toSorted((a, b) => a - b)
    .map((value) => formatFixed(value, measure.digits));
  return shown(
    `The mean ${measure.words} of ${armPhrase(more)} is higher than that of ${armPhrase(less)} by ${amount(Math.abs(difference), measure)} (95 % interval ${low} to ${high}; ${probability(pair.corrected)}${tests > 1 ? `, corrected for ${tests} tests` : ''}).`,
  );
}

/** Above this number, differences share one sentence without their figures. */
const mostSingle = 4;
/** Above this number, differences are only in the table. */
const mostListed = 10;

/** `A and B`, `A–B, C–D`. */
const pairNames = (pairs: readonly Tested<unknown>[]): string =>
  pairs.length === 1
    ? pairs.map(({ first, second }) => `${armPhrase(first)} and ${armPhrase(second)}`).join('')
    : pairs.map(pairLabel).join(', ');

/** Each arm with the arms that it is above. */
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

export function pairSentences(pairs: readonly Tested<Welch>[], measure: Measure, tests: number): readonly Conclusion[] {
  const found = pairs.filter(({ significant }) => significant);
  const open = pairs.filter(({ significant }) => !significant);
  return [...shownSentences(found, measure, tests), ...(open.length === 0 ? [] : [notShownSentence(open, measure)])];
}

/** Numbers of epochs that differ by less than this fraction count as equal. */
const epochTolerance = 0.02;

/** Mean epochs of the winner's lineage. */
const epochsOf = (arm: Arm): number => armSummary(arm, measures.epochs)?.mean ?? 0;

const areSame = (a: number, b: number): boolean => Math.abs(a - b) <= epochTolerance * Math.max(a, b);

/** A sentence on the epochs of the winners, if methods differ in them. */
export function epochsSentence(arms: readonly Arm[]): readonly Conclusion[] {
  const groups: { readonly epochs: number; readonly arms: Arm[] }[] = [];
  for (const arm of arms.filter(({ outcomes }) => outcomes.length > 0)) {
    const group = groups.find(({ epochs }) => areSame(epochs, epochsOf(arm)));
    if (group === undefined) groups.push({ epochs: epochsOf(arm), arms: [arm] });
    else group.arms.push(arm);
  }
  if (groups.length < 2) return [];
  const numbers = groups.map((group) => `${listed(group.arms.map(armPhrase))} ${formatFixed(group.epochs, 0)}`);
  return [
    note(
      `The winners’ lineages were trained for different numbers of epochs: ${numbers.join('; ')}. The methods divide the epochs of a step differently among its children; this is part of how they differ.`,
    ),
  ];
}

/** What the comparison with a baseline shows the benefit of: growth for `vanilla`, selection for `random`. */
const benefitOver = ({ method }: Arm): string => (method !== null && methods[method].grows ? 'selection' : 'growth');

/** Other differences between arms and the baseline: epochs and operators. */
function otherDifferences(arms: readonly Arm[], baseline: Arm): string {
  const [other, epochs] = [armPhrase(baseline), formatFixed(epochsOf(baseline), 0)];
  const isSame = (arm: Arm): boolean => areSame(epochsOf(arm), epochsOf(baseline));
  const same = arms.filter(isSame).map(armPhrase);
  const different = arms
    .filter((arm) => !isSame(arm))
    .map((arm) => `${armPhrase(arm)} (${formatFixed(epochsOf(arm), 0)} epochs)`);
  const operatorsOf = ({ method }: Arm): readonly string[] =>
    method === null || !methods[method].grows ? [] : Object.keys(methods[method].operators);
  const known = operatorsOf(baseline);
  const richer = known.length === 0 ? [] : arms.filter((arm) => operatorsOf(arm).some((name) => !known.includes(name)));
  const sentences = [
    same.length === 0
      ? ''
      : `${capital(listed(same))} ${same.length === 1 ? 'was' : 'were'} trained for as many epochs as ${other} (${epochs}).`,
    different.length === 0
      ? ''
      : `${capital(listed(different))} and ${other} (${epochs}) were trained for different numbers of epochs, so ${benefitOver(baseline)} is not the only difference.`,
    richer.length === 0
      ? ''
      : `${capital(listed(richer.map(armPhrase)))} ${richer.length === 1 ? 'samples' : 'sample'} from more operators than ${other}.`,
  ];
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

/** A sentence for the methods above the baseline, for those below it, and for those without a significant difference. */
export function baselineSentences(
  arms: readonly Arm[],
  baseline: Arm,
  tested: readonly Tested<Welch>[],
  measure: Measure,
): readonly Conclusion[] {
  const other = armPhrase(baseline);
  const pairs = arms.flatMap((arm) => {
    const forward = tested.filter(({ first, second }) => first === arm && second === baseline);
    const backward = tested.filter(({ first, second }) => first === baseline && second === arm);
    return [...forward, ...backward.map((pair) => ({ ...pair, test: reversed(pair.test) }))].map((pair) => ({ arm, pair }));
  });
  const sentence = (own: typeof pairs, make: (text: string) => Conclusion, claim: (names: string) => string) => {
    const [only, ...more] = own;
    if (only === undefined) return [];
    const numbers =
      more.length === 0
        ? figures(only.pair, measure)
        : `${own.map(({ arm, pair }) => `${armLabel(arm)} ${shortFigures(pair, measure)}`).join(', ')} (95 % intervals, corrected p)`;
    const ownArms = own.map(({ arm }) => arm);
    return [make(`${claim(listed(ownArms.map(armPhrase)))}: ${numbers}. ${otherDifferences(ownArms, baseline)}`)];
  };
  const significant = pairs.filter(({ pair }) => pair.significant);
  const open = pairs.filter(({ pair }) => !pair.significant);
  const better = significant.filter(({ pair }) => pair.test.difference > 0);
  const worse = significant.filter(({ pair }) => pair.test.difference <= 0);
  const has = (own: typeof pairs, order: string) => (names: string) =>
    `${capital(names)} ${own.length === 1 ? 'has' : 'have'} a ${order} mean ${measure.words} than ${other}`;
  return [
    ...sentence(better, shown, has(better, 'higher')),
    ...sentence(worse, shown, has(worse, 'lower')),
    ...sentence(open, notShown, (names) => `No benefit of ${benefitOver(baseline)} over ${other} was shown for ${names}`),
  ];
}

const reversed = (test: Welch): Welch => ({
  ...test,
  t: -test.t,
  difference: -test.difference,
  interval: [-test.interval[1], -test.interval[0]],
});

/**
 * What a study shows, and what it does not, in plain sentences. Each rests on a test of `comparisons.ts`: what was not shown is
 * called that, and never an equality.
 */
import { compareMeans, compareSpreads, pairLabel, testedOf, type Comparison, type Tested, type Untested } from './comparisons.ts';
import { armLabel, armWords, listed } from './labels.ts';
import { accuracyOf, armSummary, measures, valuesOf, type Measure } from './measures.ts';
import type { Arm, StudyResult } from './result.ts';
import { fewestForSpread, type Welch } from './samples.ts';
import { formatFixed, formatProbability, formatSigned } from './table.ts';
import { agreementWords, orderAgreements } from './tables/table-1.ts';
import { grownArms, methodArms } from './tables/pairs.ts';

export interface Conclusion {
  /** `shown`: by a test. `too-few`: there are not enough values to say. `note`: what the numbers are of. */
  readonly kind: 'shown' | 'not-shown' | 'too-few' | 'note';
  readonly text: string;
}

const note = (text: string): Conclusion => ({ kind: 'note', text });
const notShown = (text: string): Conclusion => ({ kind: 'not-shown', text });
const shown = (text: string): Conclusion => ({ kind: 'shown', text });
const tooFew = (text: string): Conclusion => ({ kind: 'too-few', text });

const probability = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${formatProbability(p)}`);

const amount = (value: number, { digits, unit }: Measure): string => `${formatFixed(value, digits)} ${unit}`;

/** `+0.45 points, 95 % interval 0.10 to 0.80, p = 0.020`. */
function figures({ test: { difference, interval }, corrected }: Tested<Welch>, { digits, unit }: Measure): string {
  const [low, high] = interval.map((value) => formatFixed(value, digits));
  return `${formatSigned(difference, digits)} ${unit}, 95 % interval ${low} to ${high}, corrected ${probability(corrected)}`;
}

/** `+0.45 points (0.10 to 0.80, p = 0.020)`. */
function shortFigures({ test: { difference, interval }, corrected }: Tested<Welch>, { digits, unit }: Measure): string {
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
      `${pairs.length} of ${tests} pairs differ in their mean ${measure.words}, each with ${largest < 0.001 ? 'p < 0.001' : `p at most ${formatProbability(largest)}`} after the correction${pairs.length > mostListed ? '; the table has them' : `: ${above(pairs)}`}.`,
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
function pairSentences(pairs: readonly Tested<Welch>[], measure: Measure, tests: number): readonly Conclusion[] {
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

const isPairOf = ({ first, second }: Tested<unknown>, a: Arm, b: Arm): boolean =>
  (first === a && second === b) || (first === b && second === a);

/** Epochs of two arms' winners that differ by less than this share are called the same. */
const epochTolerance = 0.02;

/** What stands between a method and each baseline. */
const steps: Readonly<Record<string, string>> = { random: 'selection', vanilla: 'growing' };

const isAre = (arms: readonly Arm[], one: string, many: string): string => (arms.length === 1 ? one : many);

/** Whether training alone could explain a difference. */
function epochsSentences(arms: readonly Arm[], baseline: Arm): string {
  const epochs = (arm: Arm): number => armSummary(arm, measures.epochs)?.mean ?? 0;
  const theirs = epochs(baseline);
  const isSame = (arm: Arm): boolean => Math.abs(epochs(arm) - theirs) <= epochTolerance * Math.max(epochs(arm), theirs);
  const [same, others] = [arms.filter(isSame), arms.filter((arm) => !isSame(arm))];
  const count = formatFixed(theirs, 0);
  return [
    ...(same.length === 0
      ? []
      : [
          `${capital(listed(same.map(armWords)))} ${isAre(same, 'was', 'were')} trained for as many epochs as ${armWords(baseline)} (${count}).`,
        ]),
    ...(others.length === 0
      ? []
      : [
          `${capital(listed(others.map((arm) => `${armWords(arm)} (${formatFixed(epochs(arm), 0)} epochs)`)))} and ${armWords(baseline)} (${count}) were not trained alike, so that ${steps[baseline.name] ?? 'the method'} is not all that differs there.`,
        ]),
    ...(baseline.name === 'random' && arms.some(({ name }) => name === 'shrsep')
      ? ['SHRsep inserts separable convolutions too, which random growth does not.']
      : []),
  ].join(' ');
}

/** What the methods are worth beside a baseline: a sentence for those above it, those below it, and those that neither was shown of. */
function baselineSentences(
  arms: readonly Arm[],
  baseline: Arm,
  tested: readonly Tested<Welch>[],
  measure: Measure,
): readonly Conclusion[] {
  const pairs = arms.flatMap((arm) =>
    tested
      .filter((pair) => isPairOf(pair, arm, baseline))
      .map((pair) => ({ arm, pair: pair.first === arm ? pair : { ...pair, test: turn(pair.test) } })),
  );
  const other = armWords(baseline);
  const tell = (
    own: typeof pairs,
    make: (text: string) => Conclusion,
    claim: (names: string) => string,
  ): readonly Conclusion[] => {
    if (own.length === 0) return [];
    const shownArms = own.map(({ arm }) => arm);
    const [only] = own;
    const numbers =
      own.length === 1 && only !== undefined
        ? figures(only.pair, measure)
        : `${own.map(({ arm, pair }) => `${armLabel(arm)} ${shortFigures(pair, measure)}`).join(', ')} (95 % intervals, corrected p)`;
    return [make(`${claim(listed(shownArms.map(armWords)))}: ${numbers}. ${epochsSentences(shownArms, baseline)}`)];
  };
  const significant = pairs.filter(({ pair }) => pair.significant);
  const reach = (own: typeof pairs, order: string) => (names: string) =>
    `${capital(names)} ${own.length === 1 ? 'reaches' : 'reach'} a ${order} mean ${measure.words} than ${other}`;
  const [better, worse] = [
    significant.filter(({ pair }) => pair.test.difference > 0),
    significant.filter(({ pair }) => pair.test.difference <= 0),
  ];
  return [
    ...tell(better, shown, reach(better, 'higher')),
    ...tell(worse, shown, reach(worse, 'lower')),
    ...tell(
      pairs.filter(({ pair }) => !pair.significant),
      notShown,
      (names) => `That ${steps[baseline.name] ?? 'the method'} by ${names} is better than ${other} was not shown`,
    ),
  ];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const turn = (test: Welch): Welch => ({
  ...test,
  t: -test.t,
  difference: -test.difference,
  interval: [-test.interval[1], -test.interval[0]],
});

/** Pairs that could not be tested, by reason. */
function untestedSentences(comparisons: readonly Comparison<unknown>[], words: string): readonly Conclusion[] {
  const untested = comparisons.filter((each): each is Untested => each.kind === 'untested');
  return [...new Set(untested.map(({ reason }) => reason))].map((reason) => {
    const pairs = untested.filter((each) => each.reason === reason);
    const named = pairs.map(({ first, second }) => `${armLabel(first)} and ${armLabel(second)}`);
    const which = pairs.length > 3 && pairs.length === comparisons.length ? 'any pair' : named.join('; ');
    return tooFew(`Nothing can be said of ${words} of ${which}: ${reason}.`);
  });
}

/** What is missing, and how many values there are. */
function countSentences(result: StudyResult, measure: Measure): readonly Conclusion[] {
  const { arms, repetitions } = result;
  const counts = arms.map((arm) => valuesOf(arm, measure).length);
  if (counts.every((count) => count === 0)) return [tooFew('No repetition has ended yet, so there is nothing to compare.')];
  const short = arms.filter((_arm, index) => (counts[index] as number) < repetitions);
  const words = short.map((arm) => `${armLabel(arm)} ${valuesOf(arm, measure).length}`);
  const least = Math.min(...counts.filter((count) => count > 1));
  return [
    ...(short.length === 0
      ? []
      : [tooFew(`Of ${repetitions} planned repetitions so many have ended: ${listed(words)}. What stands here is of those.`)]),
    ...(least < fewestForSpread
      ? [tooFew(`With ${least} repetitions the spread is hardly known: only very large differences could be shown.`)]
      : []),
  ];
}

function highest(arms: readonly Arm[], measure: Measure): readonly Conclusion[] {
  const means = arms.flatMap((arm) => {
    const summary = armSummary(arm, measure);
    return summary === null ? [] : [{ arm, summary }];
  });
  const best = Math.max(...means.map(({ summary }) => summary.mean));
  const leaders = means.filter(({ summary }) => summary.mean === best);
  const names = leaders.map(({ arm, summary: { deviation, count } }) => {
    const spread = deviation === null ? '' : ` ± ${formatFixed(deviation, measure.digits)}`;
    return `${armWords(arm)} (${formatFixed(best, measure.digits)}${spread} %, n = ${count})`;
  });
  return means.length < 2
    ? []
    : [
        note(
          `The highest mean ${measure.words} here is that of ${listed(names)}. ${means.some(({ summary }) => summary.count > 1) ? 'Whether that is more than chance, only the tests say.' : 'Of one run each, nothing says whether that is more than chance.'}`,
        ),
      ];
}

/** Differences of spread that were shown; the others together. */
function spreadSentences(result: StudyResult, measure: Measure): readonly Conclusion[] {
  const comparisons = compareSpreads(methodArms(result), measure);
  const tested = testedOf(comparisons);
  if (tested.length === 0) return [];
  const found = tested.filter(({ significant }) => significant);
  const rest = tested.length - found.length;
  return [
    ...found.map(({ first, second, test, corrected }) => {
      const deviation = (arm: Arm): number => armSummary(arm, measure)?.deviation ?? 0;
      const [less, more] = test.spreads[0] < test.spreads[1] ? [first, second] : [second, first];
      return shown(
        `The ${measure.words} of ${armLabel(less)} varies less from repetition to repetition than that of ${armLabel(more)}: standard deviation ${formatFixed(deviation(less), measure.digits)} against ${formatFixed(deviation(more), measure.digits)} (Brown and Forsythe, ${probability(corrected)}, corrected for ${tested.length} tests).`,
      );
    }),
    ...(rest === 0
      ? []
      : [
          notShown(
            `No difference of spread was shown for ${found.length === 0 ? (rest === 1 ? 'the one pair tested' : `any of the ${rest} pairs of methods`) : `the other ${rest === 1 ? 'pair' : `${rest} pairs`}`}: so few repetitions see only large ones.`,
          ),
        ]),
  ];
}

function growthConclusions(result: StudyResult): readonly Conclusion[] {
  const { arms } = result;
  const measure = measures.test;
  const counts = countSentences(result, measure);
  if (arms.every((arm) => valuesOf(arm, measure).length === 0)) return counts;
  const comparisons = compareMeans(arms, measure);
  const tested = testedOf(comparisons);
  const methods = tested.filter(({ first, second }) => !first.baseline && !second.baseline);
  const baselines = arms.filter(({ baseline }) => baseline);
  const beside = baselines.flatMap((baseline) => baselineSentences(methodArms(result), baseline, tested, measure));
  const besideEachOther = tested.filter(({ first, second }) => first.baseline && second.baseline);
  const grown = grownArms(result);
  const parameters = testedOf(compareMeans(grown, measures.parameters));
  return [
    ...counts,
    ...highest(arms, measure),
    ...pairSentences(methods, measure, tested.length),
    ...beside,
    ...pairSentences(besideEachOther, measure, tested.length),
    ...untestedSentences(comparisons, 'the difference'),
    ...pairSentences(parameters, measures.parameters, parameters.length),
    ...spreadSentences(result, measure),
    ...(baselines.length === 0
      ? [note('No baseline was run beside the methods, so nothing here says what growing or selecting was worth.')]
      : []),
    ...(tested.length === 0
      ? []
      : [
          note(
            'All arms were tested on the same images, and repetitions start from one vanilla network where the study shares it: how another test set or another start would change the numbers is not in these spreads. Repetitions of two arms have the same seeds; Welch’s test takes them for independent.',
          ),
        ]),
  ];
}

function orderSentences(result: StudyResult): readonly Conclusion[] {
  const agreements = orderAgreements(result);
  const [main, ...others] = agreements;
  if (main === undefined)
    return [note('The eight settings of the paper’s Table 1 are not all here, so the order is not compared with the paper’s.')];
  const words = `Spearman’s rank correlation with the paper’s order of the eight settings, ${agreementWords(main)}`;
  const values = others.flatMap(({ rho }) => (rho === null ? [] : [rho]));
  const [low, high] = [Math.min(...values), Math.max(...values)].map((rho) => formatFixed(rho, 2));
  const rest =
    values.length === 0 ? '' : ` By the other measures of Table 1 ρ is ${low === high ? low : `between ${low} and ${high}`}.`;
  return [
    main.rho !== null && main.p !== null && main.p < 0.05 && main.rho > 0
      ? shown(`The order agrees with the paper’s more than chance would have it. ${words}.${rest}`)
      : notShown(`That the order agrees with the paper’s was not shown. ${words}.${rest}`),
  ];
}

function vanillaConclusions(result: StudyResult): readonly Conclusion[] {
  const { arms } = result;
  const measure = accuracyOf(result);
  const counts = countSentences(result, measure);
  const comparisons = compareMeans(arms, measure);
  const tested = testedOf(comparisons);
  const most = Math.max(0, ...arms.map((arm) => valuesOf(arm, measure).length));
  if (most === 0) return counts;
  const seeds =
    most === 1
      ? [
          tooFew(
            'Each setting was run once. How much another seed would differ is not known, so no single difference can be told from chance.',
          ),
        ]
      : [...pairSentences(tested, measure, tested.length), ...untestedSentences(comparisons, 'the difference')];
  return [...counts, ...highest(arms, measure), ...orderSentences(result), ...seeds];
}

const conclusions: { readonly [K in StudyResult['kind']]: (result: StudyResult) => readonly Conclusion[] } = {
  growth: growthConclusions,
  vanilla: vanillaConclusions,
};

/** What was shown first within each part; sentences that stand alone. */
export const conclusionsOf = (result: StudyResult): readonly Conclusion[] => conclusions[result.kind](result);

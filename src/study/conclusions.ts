/**
 * The conclusions of a study in sentences. Each depends on a test of `comparisons.ts`. A difference that is not significant does not
 * mean that the two are equal.
 */
import { compareMeans, compareSpreads, testedOf, type PairTest, type Untested } from './comparisons.ts';
import { armLabel, armPhrase, listed } from './labels.ts';
import { accuracyOf, armSummary, measures, valuesOf, type Measure } from './measures.ts';
import type { Arm, StudyResult } from './result.ts';
import { fewestForSpread } from './samples.ts';
import { baselineSentences, epochsSentence, note, notShown, pairSentences, probability, shown, tooFew } from './sentences.ts';
import type { Conclusion } from './sentences.ts';
import { formatFixed } from './table.ts';
import { formatOrderAgreement, orderAgreements } from './tables/table-1.ts';
import { grownArms, methodArms, sizeMeasure } from './tables/pairs.ts';

export type { Conclusion };

const when = (holds: boolean, conclusion: Conclusion): readonly Conclusion[] => (holds ? [conclusion] : []);

/** Sentences for the pairs without a test, grouped by reason. */
function untestedSentences(comparisons: readonly PairTest<unknown>[], what: string): readonly Conclusion[] {
  const untested = comparisons.filter((each): each is Untested => each.kind === 'untested');
  return [...new Set(untested.map(({ reason }) => reason))].map((reason) => {
    const pairs = untested.filter((each) => each.reason === reason);
    const named = pairs.map(({ first, second }) => `${armLabel(first)} and ${armLabel(second)}`);
    const which = pairs.length > 3 && pairs.length === comparisons.length ? 'any pair' : named.join('; ');
    return tooFew(`${what} was not tested for ${which}: ${reason}.`);
  });
}

/** Sentences on missing repetitions, and on small numbers of repetitions. */
function countSentences(result: StudyResult, measure: Measure): readonly Conclusion[] {
  const { arms, repetitions } = result;
  const counts = arms.map((arm) => valuesOf(arm, measure).length);
  if (counts.every((count) => count === 0)) return [tooFew('No repetition has finished yet, so there is nothing to compare.')];
  const short = arms.filter((_arm, index) => (counts[index] as number) < repetitions);
  const counted = short.map((arm) => `${armLabel(arm)} ${valuesOf(arm, measure).length}`);
  const few = arms.filter((_arm, index) => (counts[index] as number) > 1 && (counts[index] as number) < fewestForSpread);
  const which = few.length === arms.length ? '' : ` of ${listed(few.map(armLabel))}`;
  const finished = few.map((arm) => valuesOf(arm, measure).length);
  const [least, most] = [Math.min(...finished), Math.max(...finished)];
  return [
    ...when(
      short.length > 0,
      tooFew(`Of ${repetitions} planned repetitions, not all have finished: ${listed(counted)}. The results are of these.`),
    ),
    ...when(
      few.length > 0,
      tooFew(
        `With ${least === most ? '' : 'at most '}${most} repetitions the spread${which} is hardly known: only very large differences ${which === '' ? '' : 'from it '}can be detected.`,
      ),
    ),
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
    return `${armPhrase(arm)} (${formatFixed(best, measure.digits)}${spread} %, n = ${count})`;
  });
  const text = `The highest mean ${measure.words} is that of ${listed(names)}. ${means.some(({ summary }) => summary.count > 1) ? 'Only the tests tell whether this is more than chance.' : 'With one run each it may be chance.'}`;
  return when(means.length > 1, note(text));
}

/** Sentences on differences of spread: one per significant difference, then one for the others. */
function spreadSentences(result: StudyResult, measure: Measure): readonly Conclusion[] {
  const comparisons = compareSpreads(methodArms(result), measure);
  const tested = testedOf(comparisons);
  if (tested.length === 0) return [];
  const found = tested.filter(({ significant }) => significant);
  const rest = tested.length - found.length;
  const others =
    found.length > 0
      ? `the other ${rest === 1 ? 'pair' : `${rest} pairs`}`
      : rest === 1
        ? 'the one pair tested'
        : `any of the ${rest} pairs of methods`;
  return [
    ...found.map(({ first, second, test, corrected }) => {
      const deviation = (arm: Arm): number => armSummary(arm, measure)?.deviation ?? 0;
      const [less, more] = test.spreads[0] < test.spreads[1] ? [first, second] : [second, first];
      return shown(
        `The ${measure.words} of ${armLabel(less)} varies less between repetitions than that of ${armLabel(more)}: standard deviation ${formatFixed(deviation(less), measure.digits)} against ${formatFixed(deviation(more), measure.digits)} (Brown and Forsythe, ${probability(corrected)}, corrected for ${tested.length} tests).`,
      );
    }),
    ...when(
      rest > 0,
      notShown(`No difference of spread was shown for ${others}: so few repetitions can detect only large ones.`),
    ),
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
  const size = sizeMeasure(result);
  const parameters = testedOf(compareMeans(grownArms(result), size));
  return [
    ...counts,
    ...highest(arms, measure),
    ...pairSentences(methods, measure, tested.length),
    ...(methods.length === 0 ? [] : epochsSentence(methodArms(result))),
    ...beside,
    ...pairSentences(besideEachOther, measure, tested.length),
    ...untestedSentences(comparisons, 'The difference'),
    ...pairSentences(parameters, size, parameters.length),
    ...spreadSentences(result, measure),
    ...when(
      baselines.length === 0,
      note('The study has no baseline, so it does not show the benefit of growth or of selection.'),
    ),
    ...when(
      tested.length > 0,
      note(
        'All arms were tested on the same images, and repetitions start from one vanilla network where the study shares it, so the spreads do not cover other test sets or start networks. Repetitions of two arms have the same seeds; Welch’s test treats them as independent.',
      ),
    ),
  ];
}

function orderSentences(result: StudyResult): readonly Conclusion[] {
  const agreements = orderAgreements(result);
  const [main, ...others] = agreements;
  if (main === undefined)
    return [
      note('The study does not have all eight settings of the paper’s Table 1, so the order is not compared with the paper’s.'),
    ];
  const words = `Spearman’s rank correlation with the paper’s order of the eight settings, ${formatOrderAgreement(main)}`;
  const values = others.flatMap(({ rho }) => (rho === null ? [] : [rho]));
  const [low, high] = [Math.min(...values), Math.max(...values)].map((rho) => formatFixed(rho, 2));
  const rest =
    values.length === 0 ? '' : ` By the other measures of Table 1 ρ is ${low === high ? low : `between ${low} and ${high}`}.`;
  return [
    main.rho !== null && main.p !== null && main.p < 0.05 && main.rho > 0
      ? shown(`The order of the settings agrees with the paper’s more than by chance. ${words}.${rest}`)
      : notShown(`No agreement of the order with the paper’s was shown. ${words}.${rest}`),
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
            'No setting was run more than once. The variation between seeds is not known, so any single difference may be chance.',
          ),
        ]
      : [...pairSentences(tested, measure, tested.length), ...untestedSentences(comparisons, 'The difference')];
  return [...counts, ...highest(arms, measure), ...orderSentences(result), ...seeds];
}

const conclusions: { readonly [K in StudyResult['kind']]: (result: StudyResult) => readonly Conclusion[] } = {
  growth: growthConclusions,
  vanilla: vanillaConclusions,
};

/** Sentences that can be read alone. In each part the significant results come first. */
export const conclusionsOf = (result: StudyResult): readonly Conclusion[] => conclusions[result.kind](result);

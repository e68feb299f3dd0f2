/** Conclusions on methods beside a baseline: whether selection, or growth, was shown to help. */
import { methods } from '../search/methods/table.ts';
import type { Tested } from './comparisons.ts';
import { armLabel, armPhrase, capital, listed } from './labels.ts';
import { armSummary, measures, type Measure } from './measures.ts';
import type { Arm } from './result.ts';
import type { Welch } from './samples.ts';
import { figures, note, notShown, shortFigures, shown, type Conclusion } from './sentences.ts';
import { formatFixed } from './table.ts';

/** Numbers of epochs that differ by less than this share count as the same. */
const epochTolerance = 0.02;

/** Mean epochs of the winner's lineage. */
const epochsOf = (arm: Arm): number => armSummary(arm, measures.epochs)?.mean ?? 0;

const areSame = (a: number, b: number): boolean => Math.abs(a - b) <= epochTolerance * Math.max(a, b);

/** The epochs of the winners, where methods differ in them. */
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

/** What a method has and the baseline lacks. */
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
  const sentence = (
    own: typeof pairs,
    make: (text: string) => Conclusion,
    claim: (names: string) => string,
  ): readonly Conclusion[] => {
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
  const better = significant.filter(({ pair }) => pair.test.difference > 0);
  const worse = significant.filter(({ pair }) => pair.test.difference <= 0);
  const has = (own: typeof pairs, order: string) => (names: string) =>
    `${capital(names)} ${own.length === 1 ? 'has' : 'have'} a ${order} mean ${measure.words} than ${other}`;
  return [
    ...sentence(better, shown, has(better, 'higher')),
    ...sentence(worse, shown, has(worse, 'lower')),
    ...sentence(
      pairs.filter(({ pair }) => !pair.significant),
      notShown,
      (names) => `No benefit of ${benefitOver(baseline)} over ${other} was shown for ${names}`,
    ),
  ];
}

const reversed = (test: Welch): Welch => ({
  ...test,
  t: -test.t,
  difference: -test.difference,
  interval: [-test.interval[1], -test.interval[0]],
});

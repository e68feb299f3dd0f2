/** What the methods of a study are worth beside a baseline: whether selecting, or growing, was shown to be better than doing without. */
import type { Tested } from './comparisons.ts';
import { armLabel, armWords, listed } from './labels.ts';
import { armSummary, measures, type Measure } from './measures.ts';
import type { Arm } from './result.ts';
import type { Welch } from './samples.ts';
import { figures, note, notShown, shortFigures, shown, type Conclusion } from './sentences.ts';
import { formatFixed } from './table.ts';

const isPairOf = ({ first, second }: Tested<unknown>, a: Arm, b: Arm): boolean =>
  (first === a && second === b) || (first === b && second === a);

/** Epochs of two arms' winners that differ by less than this share are called the same. */
const epochTolerance = 0.02;

/** Epochs of the winner's line, its mean over the repetitions. */
const epochsOf = (arm: Arm): number => armSummary(arm, measures.epochs)?.mean ?? 0;

const areAlike = (a: number, b: number): boolean => Math.abs(a - b) <= epochTolerance * Math.max(a, b);

/** Where the winners of methods were not trained alike: for how long each. */
export function lineSentence(methods: readonly Arm[]): readonly Conclusion[] {
  const groups: { readonly epochs: number; readonly arms: Arm[] }[] = [];
  for (const arm of methods.filter(({ outcomes }) => outcomes.length > 0)) {
    const group = groups.find(({ epochs }) => areAlike(epochs, epochsOf(arm)));
    if (group === undefined) groups.push({ epochs: epochsOf(arm), arms: [arm] });
    else group.arms.push(arm);
  }
  if (groups.length < 2) return [];
  const words = groups.map(({ epochs, arms }) => `${listed(arms.map(armWords))} ${formatFixed(epochs, 0)}`);
  return [
    note(
      `The winners’ lines were not trained for as many epochs: ${words.join('; ')}. Hill climbing divides the epochs of a step evenly among its children, halving gives more of them to those that are left: that is a part of how the methods differ.`,
    ),
  ];
}

/** What stands between a method and each baseline. */
const steps: Readonly<Record<string, string>> = { random: 'selection', vanilla: 'growing' };

const isAre = (arms: readonly Arm[], one: string, many: string): string => (arms.length === 1 ? one : many);

/** Whether training alone could explain a difference. */
function epochsSentences(arms: readonly Arm[], baseline: Arm): string {
  const theirs = epochsOf(baseline);
  const isSame = (arm: Arm): boolean => areAlike(epochsOf(arm), theirs);
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
          `${capital(listed(others.map((arm) => `${armWords(arm)} (${formatFixed(epochsOf(arm), 0)} epochs)`)))} and ${armWords(baseline)} (${count}) were not trained alike, so that ${steps[baseline.method ?? ''] ?? 'the method'} is not all that differs there.`,
        ]),
    ...(baseline.method === 'random' && arms.some(({ method }) => method === 'shrsep')
      ? ['SHRsep inserts separable convolutions too, which random growth does not.']
      : []),
  ].join(' ');
}

/** What the methods are worth beside a baseline: a sentence for those above it, those below it, and those that neither was shown of. */
export function baselineSentences(
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
      (names) => `That ${steps[baseline.method ?? ''] ?? 'the method'} by ${names} is better than ${other} was not shown`,
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

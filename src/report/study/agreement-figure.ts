/** What an early order is worth, over all runs of an arm: the rank correlations of every step of every run, and their pairs pooled. */
import type { Arm } from '../../study/result.ts';
import { armLabel } from '../../study/labels.ts';
import { plural } from '../../util/words.ts';
import { agreementsOf, pooledOf, type Agreement } from '../agreement.ts';
import type { Figure } from '../figure.ts';
import { agreementDrawing, formatPairs } from '../figures/agreement.ts';
import { html } from '../markup.ts';
import { runsOf, type ShownStudy } from './study.ts';

/** The same two points of a step, such as rung 1 and rung 2, over all runs that have them. */
export function agreementsOfArm(study: ShownStudy, arm: Arm): readonly Agreement[] {
  const found = runsOf(study, arm).flatMap(({ subject }) => agreementsOf(subject));
  const names = [...new Set(found.map(({ from, to }) => JSON.stringify([from, to])))];
  return names.map((name) => {
    const same = found.filter(({ from, to }) => JSON.stringify([from, to]) === name);
    const [first] = same as [Agreement, ...Agreement[]];
    const steps = same.flatMap((each) => each.steps);
    return { from: first.from, to: first.to, steps, pooled: pooledOf(steps) };
  });
}

/** Null where children do not compete. */
export function armAgreementFigure(study: ShownStudy, arm: Arm, name: string): Figure | null {
  const agreements = agreementsOfArm(study, arm);
  if (agreements.length === 0) return null;
  const runs = runsOf(study, arm).length;
  const words = agreements.map((agreement) => `${agreement.from} to ${agreement.to}: ${formatPairs(agreement)}`);
  return {
    name: `agreement-${name}`,
    title: `${armLabel(arm)}: what an early order is worth`,
    alternative: `Rank correlation between the orders of children at two points of a step, over ${plural(runs, 'run')} of ${armLabel(arm)}. ${words.join('; ')}.`,
    caption: html`${plural(runs, 'run')}. A dot is a step with at least three children that trained in both; the bar pools the
    pairs of all steps: those that agree less those that do not, over both.`,
    narrow: agreementDrawing(agreements),
    wide: null,
  };
}

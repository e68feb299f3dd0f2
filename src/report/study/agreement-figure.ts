/** Agreement of early and late orders over all runs of an arm: correlations of every step, with their pairs pooled. */
import { armLabel } from '../../study/labels.ts';
import type { Arm } from '../../study/result.ts';
import { plural } from '../../util/words.ts';
import { agreementOf, agreementsOf, type Agreement } from '../agreement.ts';
import type { Figure } from '../figure.ts';
import { figureOfAgreements } from '../figures/agreement.ts';
import { runsOf, type StudyDetails } from './study.ts';

/** The same two points of a step, such as rung 1 and rung 2, over all runs that have them. */
export function agreementsOfArm(study: StudyDetails, arm: Arm): readonly Agreement[] {
  const found = new Map<string, Agreement>();
  for (const { from, to, steps } of runsOf(study, arm).flatMap(({ details }) => agreementsOf(details))) {
    const key = JSON.stringify([from, to]);
    found.set(key, agreementOf(from, to, [...(found.get(key)?.steps ?? []), ...steps]));
  }
  return [...found.values()];
}

/** Null where children do not compete. */
export function armAgreementFigure(study: StudyDetails, arm: Arm, name: string): Figure | null {
  const runs = plural(runsOf(study, arm).length, 'run');
  return figureOfAgreements(agreementsOfArm(study, arm), {
    name: `agreement-${name}`,
    title: `${armLabel(arm)}: early rungs and the final order`,
    scope: `, over ${runs} of ${armLabel(arm)}`,
    note: ` ${runs}.`,
  });
}

/** Every figure of a study, each also a file. What a study has nothing for is left out. */
import { methods } from '../search/methods/table.ts';
import { armLabel } from '../study/labels.ts';
import type { Arm } from '../study/result.ts';
import { canonicalJson } from '../util/json.ts';
import type { Figure } from './figure.ts';
import { learningRatesFigure } from './figures/learning-rate.ts';
import { stepFigure } from './figures/step.ts';
import { validationFigure } from './figures/validation.ts';
import { accuraciesFigure } from './study/accuracies-figure.ts';
import { armAgreementFigure } from './study/agreement-figure.ts';
import { winnersFigure } from './study/size-figure.ts';
import { bestRunOf, runsOf, type ShownStudy } from './study/study.ts';
import { competes, paperFigure } from './subject.ts';

export interface StudyFigures {
  readonly accuracies: Figure | null;
  readonly size: Figure | null;
  /** Figure 1. */
  readonly learningRate: Figure | null;
  /** Figures 2 and 3: a step of the best run by hill climbing, and of the best by halving. */
  readonly steps: readonly Figure[];
  /** Figure 4, of the best run of each method. */
  readonly validations: readonly Figure[];
  readonly agreements: readonly Figure[];
}

/** For a figure's name: letters, digits and hyphens; `taken` are the names before. */
function plainName(name: string, taken: Set<string>): string {
  const plain =
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'arm';
  let free = plain;
  for (let count = 2; taken.has(free); count++) free = `${plain}-${count}`;
  taken.add(free);
  return free;
}

interface NamedArm {
  readonly arm: Arm;
  readonly name: string;
}

/** A step of the run whose children competed to its end; the last of them, since networks are largest there. */
function competition(study: ShownStudy, arms: readonly NamedArm[], number: 2 | 3): readonly Figure[] {
  const fitting = arms.flatMap(({ arm, name }) => {
    const best = bestRunOf(study, arm);
    if (best === null || paperFigure(methods[best.run.subject.settings.method].selection) !== number) return [];
    const { state, rungs } = best.run.subject;
    const over = state.search.steps.filter(({ winner }) => winner !== null);
    // The last may have been cut short by time.
    const step = over.findLast((each) => each.rungs.length === rungs.length) ?? over.at(-1);
    return step === undefined ? [] : [{ arm, name, best, step }];
  });
  const [found] = fitting;
  if (found === undefined) return [];
  const { arm, name, best, step } = found;
  const figure = stepFigure(best.run.subject, step);
  return [
    {
      ...figure,
      name: `step-${name}`,
      title: `${armLabel(arm)}, repetition ${best.outcome.repetition}: ${figure.title.replace(/^S/, 's')}`,
    },
  ];
}

function validations(study: ShownStudy, arms: readonly NamedArm[]): readonly Figure[] {
  return arms.flatMap(({ arm, name }) => {
    const best = bestRunOf(study, arm);
    const figure = best === null ? null : validationFigure(best.run.subject);
    if (best === null || figure === null || best.run.subject.state.search.steps.length === 0) return [];
    const title = `${armLabel(arm)}, repetition ${best.outcome.repetition}: validation accuracy of all children`;
    return [{ ...figure, name: `validation-${name}`, title }];
  });
}

/** Of the settings of the first arm whose children compete; where others have steps of their own, that is said. */
function learningRates(study: ShownStudy): Figure | null {
  const fitting = study.result.arms.flatMap((arm) => {
    const [run] = runsOf(study, arm);
    const settings = run?.subject.settings;
    return settings !== undefined && competes(settings.method) ? [{ arm, settings }] : [];
  });
  const [first] = fitting;
  if (first === undefined) return null;
  const figure = learningRatesFigure(first.settings);
  const isShared = new Set(fitting.map(({ settings }) => canonicalJson(settings.step))).size === 1;
  return isShared ? figure : { ...figure, title: `${figure.title}, with the settings of ${armLabel(first.arm)}` };
}

export function studyFigures(study: ShownStudy): StudyFigures {
  const taken = new Set<string>();
  const arms = study.result.arms.map((arm) => ({ arm, name: plainName(arm.name, taken) }));
  const competing = arms.filter(({ arm }) => !arm.baseline);
  const grown = study.result.kind === 'growth';
  return {
    accuracies: accuraciesFigure(study),
    size: winnersFigure(study),
    learningRate: grown ? learningRates(study) : null,
    steps: grown ? [...competition(study, competing, 2), ...competition(study, competing, 3)] : [],
    validations: grown ? validations(study, competing) : [],
    agreements: arms.flatMap(({ arm, name }) => armAgreementFigure(study, arm, name) ?? []),
  };
}

/** As files, in the order of the page. */
export const listStudyFigures = (figures: StudyFigures): readonly Figure[] =>
  Object.values(figures)
    .flat()
    .filter((figure): figure is Figure => figure !== null);

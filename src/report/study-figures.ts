/** All figures of a study, each also a file. A figure without data is left out. */
import { methods } from '../search/methods/table.ts';
import { armLabel } from '../study/labels.ts';
import type { Arm } from '../study/result.ts';
import { canonicalJson } from '../util/json.ts';
import { plural } from '../util/words.ts';
import type { Figure } from './figure.ts';
import { agreementOf, agreementsOf, figureOfAgreements, type Agreement } from './figures/agreement.ts';
import { learningRatesFigure } from './figures/learning-rate.ts';
import { stepFigure } from './figures/step.ts';
import { validationFigure } from './figures/validation.ts';
import { accuraciesFigure, winnersFigure } from './study/accuracy-figures.ts';
import { bestRunOf, runsOf, type StudyDetails, type StudyRunDetails } from './study/study.ts';
import { childrenOf, competes, type RunDetails } from './run-details.ts';

/** The same two points of a step, such as rung 1 and rung 2, over all runs that have them. */
export function agreementsOfArm(study: StudyDetails, arm: Arm): readonly Agreement[] {
  const found = new Map<string, Agreement>();
  for (const { from, to, steps } of runsOf(study, arm).flatMap(({ details }) => agreementsOf(details))) {
    const key = JSON.stringify([from, to]);
    found.set(key, agreementOf(from, to, [...(found.get(key)?.steps ?? []), ...steps]));
  }
  return [...found.values()];
}

export function armAgreementFigure(study: StudyDetails, arm: Arm, name: string): Figure | null {
  const runs = plural(runsOf(study, arm).length, 'run');
  return figureOfAgreements(agreementsOfArm(study, arm), {
    name: `agreement-${name}`,
    title: `${armLabel(arm)}: early rungs and the final order`,
    scope: `, over ${runs} of ${armLabel(arm)}`,
    note: ` ${runs}.`,
  });
}

/** The name of an arm in a figure's name: letters, digits and hyphens, not yet among `taken`. */
function fileName(name: string, taken: Set<string>): string {
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

/** An arm whose children compete, with its best run. */
interface Competitor {
  readonly arm: Arm;
  readonly name: string;
  readonly run: StudyRunDetails;
}

const withTitle = ({ arm, run }: Competitor, figure: Figure, name: string): Figure => ({
  ...figure,
  name,
  title: `${armLabel(arm)}, repetition ${run.repetition}: ${figure.title.charAt(0).toLowerCase()}${figure.title.slice(1)}`,
});

/** The last finished step of a run, where networks are largest; rather one whose winner trained in all rungs. */
function lastStep(run: RunDetails): RunDetails['state']['search']['steps'][number] | undefined {
  const finished = run.state.search.steps.filter(({ winner }) => winner !== null);
  const isComplete = (step: (typeof finished)[number]): boolean =>
    childrenOf(run, step).some(({ accuracies }) => accuracies.length > 0 && accuracies.at(-1) !== null);
  return finished.findLast(isComplete) ?? finished.at(-1);
}

/** One step for each way to select, such as hill climbing. */
function stepFigures(competitors: readonly Competitor[]): readonly Figure[] {
  const figures = new Map<string, Figure>();
  for (const competitor of competitors) {
    const { details } = competitor.run;
    const { selection } = methods[details.settings.method];
    const step = lastStep(details);
    if (step !== undefined && !figures.has(selection))
      figures.set(selection, withTitle(competitor, stepFigure(details, step), `step-${competitor.name}`));
  }
  return [...figures.values()];
}

const validationFigures = (competitors: readonly Competitor[]): readonly Figure[] =>
  competitors.flatMap((competitor) => {
    const { details } = competitor.run;
    const figure = details.state.search.steps.length === 0 ? null : validationFigure(details);
    return figure === null ? [] : [withTitle(competitor, figure, `validation-${competitor.name}`)];
  });

/** With the settings of the first arm whose children compete; the title says so where arms differ. */
function learningRates(study: StudyDetails): Figure | null {
  const competing = study.result.arms.flatMap((arm) => {
    const settings = runsOf(study, arm)[0]?.details.settings;
    return settings !== undefined && competes(settings.method) ? [{ arm, settings }] : [];
  });
  const [first] = competing;
  if (first === undefined) return null;
  const names = [...new Set(competing.map(({ settings }) => settings.method))];
  const figure = learningRatesFigure(first.settings, names);
  if (figure === null) return null;
  const isShared = new Set(competing.map(({ settings }) => canonicalJson(settings.step))).size === 1;
  return isShared ? figure : { ...figure, title: `${figure.title}, with the settings of ${armLabel(first.arm)}` };
}

export function studyFigures(study: StudyDetails) {
  const { arms, kind } = study.result;
  const taken = new Set<string>();
  const named = arms.map((arm) => ({ arm, name: fileName(arm.name, taken) }));
  const competitors = named.flatMap(({ arm, name }): Competitor[] => {
    const run = kind === 'vanilla' || arm.baseline ? null : bestRunOf(study, arm);
    return run === null ? [] : [{ arm, name, run }];
  });
  return {
    accuracies: accuraciesFigure(study),
    size: winnersFigure(study),
    /** Figure 1. */
    learningRate: kind === 'growth' ? learningRates(study) : null,
    /** Figures 2 and 3: a step of the best run, one for each way to select. */
    steps: stepFigures(competitors),
    /** Figure 4, of the best run of each method. */
    validations: validationFigures(competitors),
    agreements: named.flatMap(({ arm, name }) => armAgreementFigure(study, arm, name) ?? []),
  };
}

/** All figures of a run, from its state. A figure without data is null. */
import type { Figure } from './figure.ts';
import { agreementFigure } from './figures/agreement.ts';
import { classesFigure } from './figures/classes.ts';
import { finalFigure } from './figures/final.ts';
import { frontFigure } from './figures/front.ts';
import { learningRateFigure } from './figures/learning-rate.ts';
import { operatorsFigure } from './figures/operators.ts';
import { sizeFigure } from './figures/size.ts';
import { stepFigure } from './figures/step.ts';
import { treeFigure } from './figures/tree.ts';
import { validationFigure } from './figures/validation.ts';
import type { RunDetails } from './run-details.ts';

/** One row a figure: `instar report --figures` writes all of them, and sections of the page place them. */
export const figuresOf = (run: RunDetails) => ({
  family: treeFigure(run),
  learningRate: learningRateFigure(run),
  steps: run.state.search.steps.map((step) => stepFigure(run, step)),
  validation: validationFigure(run),
  size: sizeFigure(run),
  front: frontFigure(run),
  operators: operatorsFigure(run),
  agreement: agreementFigure(run),
  final: finalFigure(run),
  classes: classesFigure(run),
});

export type Figures = ReturnType<typeof figuresOf>;

/** The figures of a run or a study, in the order of the page. */
export const listFigures = (figures: { readonly [name: string]: Figure | readonly Figure[] | null }): readonly Figure[] =>
  Object.values(figures).flatMap((figure) => figure ?? []);

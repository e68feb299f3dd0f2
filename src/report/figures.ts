/** Every figure of a run: one function a figure, from the state alone. What a run has nothing for is left out. */
import type { Figure } from './figure.ts';
import { agreementFigure } from './figures/agreement.ts';
import { classesFigure } from './figures/classes.ts';
import { finalFigure } from './figures/final.ts';
import { learningRateFigure } from './figures/learning-rate.ts';
import { sizeFigure } from './figures/size.ts';
import { stepFigure } from './figures/step.ts';
import { treeFigure } from './figures/tree.ts';
import { validationFigure } from './figures/validation.ts';
import type { Subject } from './subject.ts';

export interface Figures {
  readonly family: Figure | null;
  readonly learningRate: Figure;
  readonly steps: readonly Figure[];
  readonly validation: Figure | null;
  readonly size: Figure | null;
  readonly agreement: Figure | null;
  readonly final: Figure | null;
  readonly classes: Figure | null;
}

export const figuresOf = (subject: Subject): Figures => ({
  family: treeFigure(subject),
  learningRate: learningRateFigure(subject),
  steps: subject.state.search.steps.map((step) => stepFigure(subject, step)),
  validation: validationFigure(subject),
  size: sizeFigure(subject),
  agreement: agreementFigure(subject),
  final: finalFigure(subject),
  classes: classesFigure(subject),
});

/** As files, in the order of the page. */
export const listFigures = (figures: Figures): readonly Figure[] =>
  Object.values(figures)
    .flat()
    .filter((figure) => figure !== null);

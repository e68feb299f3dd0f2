/** Random growth: one child is sampled and trained in the cycles that the winner of SHR has. Growth without selection, to compare with. */
import type { StepSettings } from '../step-settings.ts';
import type { Method, Rung } from './method.ts';
import { halvingRungs } from './halving.ts';
import { shr } from './shr.ts';

/** The epochs of the winner of SHR. */
export const winnerRungs = (step: StepSettings): readonly Rung[] => halvingRungs(step).map(({ epochs }) => ({ size: 1, epochs }));

export const random: Method = {
  ...shr,
  label: 'random growth',
  summary: 'one child is sampled and trained: growth without selection, to compare with',
  selection: 'random sampling',
  training: 'one child is sampled at random and trained',
  role: 'baseline',
  start: ({ settings: { children } }, stream) => ({ children, trained: stream.integer(children), unmutated: true }),
  rungs: winnerRungs,
};

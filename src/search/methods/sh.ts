/** SH, successive halving under one cosine a step. §4.2.2. */
import { paperOperators } from '../../morphism/operators.ts';
import { advanceRungs, allCompete, fewestForHalving, halvingRungs } from './halving.ts';
import { oneCycle } from './learning-rate.ts';
import type { Method } from './method.ts';

export const sh: Method = {
  label: 'SH',
  summary: 'successive halving: the better half goes on after each rung',
  selection: 'successive halving',
  training: 'the better ones go on after each rung',
  role: 'search',
  grows: true,
  continuous: false,
  tunes: false,
  shrinks: false,
  parentWins: null,
  fewestChildren: 2,
  operators: paperOperators,
  learningRate: oneCycle,
  start: allCompete,
  rungs: halvingRungs,
  fewestEpochs: fewestForHalving,
  advance: advanceRungs,
};

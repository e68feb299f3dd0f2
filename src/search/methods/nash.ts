/** NASH, hill climbing: all children train alike, and the best becomes the next parent. §4.2.1; Elsken et al. 2017. */
import { paperOperators } from '../../morphism/operators.ts';
import { advanceRungs, allCompete, equalShares, fewestForShares } from './halving.ts';
import { oneCycle } from './learning-rate.ts';
import type { Method } from './method.ts';

export const nash: Method = {
  label: 'NASH',
  summary: 'hill climbing: all children train alike',
  selection: 'hill climbing',
  training: 'all children are trained alike',
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
  rungs: ({ epochs, children }) => equalShares(epochs, [children]),
  fewestEpochs: ({ children }) => fewestForShares([children]),
  advance: advanceRungs,
};

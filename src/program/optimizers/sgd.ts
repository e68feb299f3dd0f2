/** SGD with momentum. */
import { product, sum } from '../expression.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';

/** A warm restart (SGDR) begins without momentum. */
export const velocity: OptimizerState = { name: 'velocity', shape: 'parameter', restart: 'zero', widened: 'keep' };

/** velocity ← momentum·velocity + gradient; parameter ← parameter − rate·velocity. */
export const sgd: Optimizer = {
  states: [velocity],
  update: (gradient, { momentum }) => ({
    assignments: [{ target: 'velocity', value: sum(product(momentum, 'velocity'), gradient) }],
    direction: 'velocity',
  }),
};

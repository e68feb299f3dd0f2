/** SGD with momentum, and with Nesterov's. */
import { product, sum } from '../expression.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';

/** A warm restart (SGDR) begins without momentum. */
export const velocity: OptimizerState = { name: 'velocity', shape: 'parameter', restart: 'zero' };

/** velocity ← momentum·velocity + gradient; parameter ← parameter − rate·velocity. */
export const sgd: Optimizer = {
  states: [velocity],
  update: (gradient, { momentum }) => ({
    assignments: [{ target: 'velocity', value: sum(product(momentum, 'velocity'), gradient) }],
    direction: 'velocity',
  }),
};

/**
 * As PyTorch has it (Sutskever et al. 2013): velocity ← momentum·velocity + gradient;
 * parameter ← parameter − rate·(gradient + momentum·velocity).
 */
export const nesterov: Optimizer = {
  states: sgd.states,
  update: (gradient, settings) => ({
    ...sgd.update(gradient, settings),
    direction: sum(gradient, product(settings.momentum, 'velocity')),
  }),
};

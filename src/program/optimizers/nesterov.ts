/**
 * SGD with Nesterov momentum as PyTorch has it (Sutskever et al. 2013): velocity ← momentum·velocity + gradient;
 * parameter ← parameter − rate·(gradient + momentum·velocity).
 */
import { product, sum } from '../expression.ts';
import type { Optimizer } from './optimizer.ts';
import { sgd } from './sgd.ts';

export const nesterov: Optimizer = {
  states: sgd.states,
  update: (gradient, settings) => ({
    ...sgd.update(gradient, settings),
    direction: sum(gradient, product(settings.momentum, 'velocity')),
  }),
};

/** Activation functions of given networks, for tests. */
import { relu6, usualHardSigmoid, type ActivationFunction } from '../../src/network/activations.ts';

/** Of tensors. */
export const ofTensors: readonly ActivationFunction[] = [
  relu6,
  { name: 'clip', least: -0.5, most: 0.5 },
  { name: 'hard-swish' },
  { name: 'silu' },
  { name: 'gelu', by: 'erf' },
  { name: 'gelu', by: 'tanh' },
];

/** Of gates. */
export const ofGates: readonly ActivationFunction[] = [{ name: 'sigmoid' }, usualHardSigmoid];

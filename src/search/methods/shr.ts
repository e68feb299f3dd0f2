/** SHR, successive halving in which the learning rate restarts at each rung. §4.2.3. */
import { restarts } from './learning-rate.ts';
import type { Method } from './method.ts';
import { sh } from './sh.ts';

export const shr: Method = {
  ...sh,
  label: 'SHR',
  summary: 'successive halving; the learning rate restarts at each rung',
  learningRate: restarts,
};

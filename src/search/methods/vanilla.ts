/** The start network, trained on in the cycles that the winner of SHR has: training without growth, to compare with. */
import type { Method } from './method.ts';
import { random } from './random.ts';

export const vanilla: Method = {
  ...random,
  label: 'vanilla network',
  summary: 'the start network is trained on: no growth, to compare with',
  selection: 'no growth',
  training: 'the network is trained on without mutations',
  grows: false,
  start: () => ({ children: 1, trained: 0, unmutated: true }),
};

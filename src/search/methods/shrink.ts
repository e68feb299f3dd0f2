/**
 * Shrink: makes a given network smaller, step by step, until it is within the limits of its size (`search/sizes.ts`), and trains it back. The
 * learning rate rises for the network as it is, stays in the steps, and falls to zero in the final training, as in `grow`. Each step aims
 * at a size on a geometric path to the limits. Its children have that size: the first has all convolutions narrowed evenly, the others are
 * sampled from the operators that take away; they see the same minibatches, and the one of the lowest loss goes on. The search ends
 * when the limits are kept (its criterion to stop).
 */
import type { OperatorWeights } from '../../morphism/operators.ts';
import { compete, grow } from './grow.ts';
import type { Method } from './method.ts';

const operators: OperatorWeights = Object.freeze({
  narrow: 6,
  'remove-block': 1,
  'remove-branch': 1,
  separate: 1,
  'shrink-kernel': 1,
});

/** Of the size that a step aims at: the least that its children have. */
const least = 0.9;

export const shrink: Method = {
  ...grow,
  label: 'Shrink',
  summary: 'makes a given network (--from) smaller, until it keeps --max-params, --max-bytes and the other limits',
  training: 'all are smaller, see the same minibatches, and the one of lowest loss goes on',
  grows: true,
  shrinks: true,
  parentWins: null,
  operators,
  start({ settings: { children }, step, excess, limits: { steps } }) {
    const aim = excess ** (1 - 1 / Math.max(1, (steps ?? 1) - step + 1));
    return { children, trained: null, size: { of: 'excess', least: least * aim, most: aim }, unmutated: false };
  },
  advance: compete(() => false),
};

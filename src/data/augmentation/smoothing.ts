/**
 * A label becomes (1 − ε)·label + ε/classes (Szegedy et al. 2016, "Rethinking the Inception architecture", §7). Mixed labels
 * too: smoothing is linear, so that it gives the same before and after mixup, up to rounding. Draws nothing.
 */
import { assert } from '../../util/assert.ts';
import type { Augmentation } from './augmentation.ts';

export const smoothing = {
  stage: 'labels',
  create({ smoothing: spread }, { classes }) {
    assert(spread >= 0 && spread <= 1, () => `a smoothing of 0 … 1, not ${spread}`);
    if (spread === 0) return undefined;
    const [kept, each] = [1 - spread, spread / classes];
    return (labels) => {
      for (let at = 0; at < labels.length; at++) labels[at] = kept * (labels[at] as number) + each;
    };
  },
} as const satisfies Augmentation;

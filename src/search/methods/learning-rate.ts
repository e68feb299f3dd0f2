/** The two learning rates of the paper: one cosine over all rungs, or one a rung (Figure 1). */
import type { LearningRate } from './method.ts';

/** SH: the cosine spans the step, and momentum goes on from rung to rung. */
export const oneCycle: LearningRate = {
  restart: 'step',
  segment({ rate }, rungs, rung) {
    const epochsOf = (some: typeof rungs): number => some.reduce((sum, { epochs }) => sum + epochs, 0);
    const [before, total] = [epochsOf(rungs.slice(0, rung)), epochsOf(rungs)];
    return { kind: 'cosine', rate, from: before / total, to: (before + (rungs[rung]?.epochs ?? 0)) / total };
  },
};

/** SHR: each rung is a whole cosine, and momentum starts at zero (SGDR). */
export const restarts: LearningRate = {
  restart: 'rung',
  segment: ({ rate }) => ({ kind: 'cosine', rate, from: 0, to: 1 }),
};

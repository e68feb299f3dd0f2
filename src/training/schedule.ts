/** Learning rates over minibatches. A job trains one segment of a schedule. */

/**
 * The progress p goes from `from` to `to`, evenly over the job's minibatches; a segment continues where the last ended. `cosine` is
 * SGDR's (Loshchilov & Hutter 2017), annealed to 0: rate/2·(1 + cos πp). `linear` is rate·(1 − p): from 0 to 1 a decay, from 1 to 0 a
 * warm-up.
 */
export type Schedule =
  | { readonly kind: 'constant'; readonly rate: number }
  | { readonly kind: 'cosine' | 'linear'; readonly rate: number; readonly from: number; readonly to: number };

/** The learning rate of minibatch `index` (from 0) of the job's `count`. */
export function rateAt(schedule: Schedule, index: number, count: number): number {
  if (schedule.kind === 'constant') return schedule.rate;
  const progress = schedule.from + (schedule.to - schedule.from) * (index / count);
  return schedule.kind === 'linear' ? schedule.rate * (1 - progress) : (schedule.rate / 2) * (1 + Math.cos(Math.PI * progress));
}

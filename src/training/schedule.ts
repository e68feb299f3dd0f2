/** Learning rates over minibatches. A job trains one segment of a schedule. */

/**
 * `cosine` is SGDR's (Loshchilov & Hutter 2017), annealed to 0: rate/2·(1 + cos πp), where the progress p goes from
 * `from` to `to`, evenly over the job's minibatches. A whole cycle is 0 to 1; a segment continues where the last ended.
 */
export type Schedule =
  | { readonly kind: 'constant'; readonly rate: number }
  | { readonly kind: 'cosine'; readonly rate: number; readonly from: number; readonly to: number };

/** The learning rate of minibatch `index` (from 0) of the job's `count`. */
export function rateAt(schedule: Schedule, index: number, count: number): number {
  if (schedule.kind === 'constant') return schedule.rate;
  const progress = schedule.from + (schedule.to - schedule.from) * (index / count);
  return (schedule.rate / 2) * (1 + Math.cos(Math.PI * progress));
}

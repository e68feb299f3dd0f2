/** Times of operations that no machine has. */
import { linearNames, timedKernels, type OperatorTimes } from '../../src/deploy/latency.ts';

/** `perMultiplyAdd`: seconds of convolutions of one channel; wider ones are faster. */
export function madeUpTimes(perMultiplyAdd: number): OperatorTimes {
  const [sides, widths] = [
    [2, 8, 32],
    [16, 64, 256],
  ];
  const rate = (a: number, b: number): number => perMultiplyAdd / Math.log2(Math.min(a, b) * Math.max(a, b));
  const table = sides.map(() => widths.map((a) => widths.map((b) => rate(a, b))));
  return {
    of: 'made up',
    block: 16,
    sides,
    widths,
    convolutions: Object.fromEntries(timedKernels.map((kernel) => [kernel, table])),
    linear: Object.fromEntries(
      linearNames.map((name, at) => [name, { fixed: 1e-6 * at, each: 1e-10 }]),
    ) as OperatorTimes['linear'],
  };
}

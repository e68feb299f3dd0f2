/** Rank correlations, and intervals of proportions. */

/** Numbers of pairs that are in the same order in a and b, in the opposite order, and tied in either. */
export interface Pairs {
  readonly concordant: number;
  readonly discordant: number;
  readonly tied: number;
}

export function pairsOf(a: readonly number[], b: readonly number[]): Pairs {
  let [concordant, discordant, tied] = [0, 0, 0];
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const sign = Math.sign((a[i] as number) - (a[j] as number)) * Math.sign((b[i] as number) - (b[j] as number));
      if (sign > 0) concordant++;
      else if (sign < 0) discordant++;
      else tied++;
    }
  return { concordant, discordant, tied };
}

/** Pairs of equal values. */
const tiesOf = (values: readonly number[]): number => pairsOf(values, values).tied;

/** Kendall's τ-b; null for fewer than three values, or if all values of one side are equal. */
export function kendall(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 3) return null;
  const { concordant, discordant } = pairsOf(a, b);
  const all = (a.length * (a.length - 1)) / 2;
  const scale = Math.sqrt((all - tiesOf(a)) * (all - tiesOf(b)));
  return scale === 0 ? null : (concordant - discordant) / scale;
}

/** Ranks from 1. Equal values have the mean of their ranks. */
export const ranksOf = (values: readonly number[]): readonly number[] =>
  values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });

/** Spearman's ρ: Pearson's correlation of the ranks; null for fewer than three values, or if all values of one side are equal. */
export function spearman(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 3) return null;
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const mean = (a.length + 1) / 2;
  const sum = (f: (index: number) => number): number => a.reduce((total, _value, index) => total + f(index), 0);
  const dx = (index: number): number => (x[index] as number) - mean;
  const dy = (index: number): number => (y[index] as number) - mean;
  const scale = Math.sqrt(sum((index) => dx(index) ** 2) * sum((index) => dy(index) ** 2));
  return scale === 0 ? null : sum((index) => dx(index) * dy(index)) / scale;
}

/** The 95 % interval of a proportion, `right` of `count` (Wilson 1927). */
export function wilson(right: number, count: number): readonly [low: number, high: number] {
  if (count === 0) return [0, 1];
  const z = 1.959964;
  const share = right / count;
  const centre = share + z ** 2 / (2 * count);
  const half = z * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  const scale = 1 + z ** 2 / count;
  return [Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale)];
}

/** The largest number of values for which all permutations are enumerated. */
const mostPermuted = 8;

/** The exact two-sided p-value of Spearman’s ρ, by permutation. Null if ρ is null, and for more than eight values. */
export function spearmanProbability(a: readonly number[], b: readonly number[]): number | null {
  const seen = spearman(a, b);
  if (seen === null || a.length > mostPermuted) return null;
  let [all, asFar] = [0, 0];
  // ρ is a linear function of the sum of products of ranks.
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length * (a.length + 1) ** 2) / 4;
  const products = (order: readonly number[]): number =>
    Math.abs(order.reduce((sum, rank, index) => sum + rank * (x[index] as number), -middle));
  const least = products(y) - 1e-9;
  const visit = (chosen: readonly number[], left: readonly number[]): void => {
    if (left.length === 0) {
      all++;
      if (products(chosen) >= least) asFar++;
    }
    left.forEach((rank, index) => visit([...chosen, rank], left.toSpliced(index, 1)));
  };
  visit([], y);
  return asFar / all;
}

/**
 * The exact two-sided p of paired differences, by changing the sign of each of them in all ways (Fisher's randomisation test): the share
 * of ways whose mean is at least as far from 0. For 20 differences at most, null above; 1 for none.
 */
export function signFlipProbability(differences: readonly number[]): number | null {
  const count = differences.length;
  if (count > 20) return null;
  const least = Math.abs(differences.reduce((sum, each) => sum + each, 0)) - 1e-12;
  let asFar = 0;
  for (let signs = 0; signs < 2 ** count; signs++) {
    const sum = differences.reduce((so, each, index) => so + ((signs >> index) & 1 ? -each : each), 0);
    if (Math.abs(sum) >= least) asFar++;
  }
  return asFar / 2 ** count;
}

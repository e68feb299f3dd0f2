/**
 * From the values that a deployed network has on some images to the ranges that its bytes stand for. Of each value a histogram is
 * kept; its range is that of the least squared error over both ends, so that a few outliers do not cost all others their precision
 * (as the MSE calibration of Banner et al. 2019, arXiv 1810.05723, but by search). The logits keep their whole range: of two
 * that were cut off, none is larger.
 */

/** Numbers from `least` ≤ 0 to `most` ≥ 0; zero is always one that a byte stands for. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

const binCount = 2048;
/** The smallest part of the seen range on a side that is tried, in steps of one part in so many. */
const tried = 64;
const fewest = 12;

/** What was seen of a value. */
export interface Extent {
  least: number;
  most: number;
}

export const emptyExtent = (): Extent => ({ least: 0, most: 0 });

export function extend(extent: Extent, values: Float32Array): void {
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (value < extent.least) extent.least = value;
    else if (value > extent.most) extent.most = value;
  }
}

export interface Histogram {
  readonly extent: Range;
  readonly counts: Float64Array;
}

export const emptyHistogram = (extent: Range): Histogram => ({ extent: { ...extent }, counts: new Float64Array(binCount) });

/** Zeros are left out: they have no error. */
export function tally({ extent, counts }: Histogram, values: Float32Array): void {
  const width = (extent.most - extent.least) / binCount;
  if (width === 0) return;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (value === 0) continue;
    const bin = Math.min(binCount - 1, Math.floor((value - extent.least) / width));
    (counts[bin] as number)++;
  }
}

/** Sums over the bins before each: counts, counts·middle, counts·middle². */
interface Sums {
  readonly zeroth: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

function sumsOf({ extent, counts }: Histogram): Sums {
  const width = (extent.most - extent.least) / binCount;
  const sums = {
    zeroth: new Float64Array(binCount + 1),
    first: new Float64Array(binCount + 1),
    second: new Float64Array(binCount + 1),
  };
  counts.forEach((count, bin) => {
    const middle = extent.least + (bin + 0.5) * width;
    sums.zeroth[bin + 1] = (sums.zeroth[bin] as number) + count;
    sums.first[bin + 1] = (sums.first[bin] as number) + count * middle;
    sums.second[bin + 1] = (sums.second[bin] as number) + count * middle ** 2;
  });
  return sums;
}

/** Σ count·(middle − bound)² over the bins from `from` to before `to`. */
function cutError({ zeroth, first, second }: Sums, from: number, to: number, bound: number): number {
  const of = (sums: Float64Array): number => (sums[to] as number) - (sums[from] as number);
  return of(second) - 2 * bound * of(first) + bound ** 2 * of(zeroth);
}

/** `steps`: how many numbers bytes stand for within the range, less one. Rounding by a step s costs s²/12 a number. */
function errorOf(histogram: Histogram, sums: Sums, { least, most }: Range, steps: number): number {
  const { extent } = histogram;
  const width = (extent.most - extent.least) / binCount;
  const binAt = (value: number): number => Math.min(binCount, Math.max(0, Math.round((value - extent.least) / width)));
  const [below, above] = [binAt(least), binAt(most)];
  const inside = (sums.zeroth[above] as number) - (sums.zeroth[below] as number);
  return cutError(sums, 0, below, least) + cutError(sums, above, binCount, most) + (inside * ((most - least) / steps) ** 2) / 12;
}

const parts = Array.from({ length: tried - fewest + 1 }, (_none, at) => (tried - at) / tried);

/** The range of the least squared error. `symmetric`: as large on both sides, or for values that are never negative half of a byte's numbers. */
export function leastErrorRange(histogram: Histogram, symmetric: boolean): Range {
  const { extent } = histogram;
  if (extent.least === extent.most) return extent;
  const sums = sumsOf(histogram);
  let best: Range = extent;
  let error = Infinity;
  const consider = (range: Range, steps: number): void => {
    const found = errorOf(histogram, sums, range, steps);
    if (found < error) [best, error] = [range, found];
  };
  if (symmetric) {
    const size = Math.max(extent.most, -extent.least);
    for (const part of parts) {
      const bound = part * size;
      const range = { least: Math.max(-bound, extent.least), most: Math.min(bound, extent.most) };
      consider(range, (254 * (range.most - range.least)) / (2 * bound));
    }
    return best;
  }
  const lower = extent.least === 0 ? [1] : parts;
  const upper = extent.most === 0 ? [1] : parts;
  for (const below of lower) for (const above of upper) consider({ least: below * extent.least, most: above * extent.most }, 255);
  return best;
}

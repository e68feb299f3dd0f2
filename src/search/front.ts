/**
 * The front of networks: those that no other beats in accuracy, parameters and multiply-adds together. And how much of the space of all
 * networks it is better than: its hypervolume (Zitzler & Thiele 1998). Pure.
 */

/** What a network is compared by. */
export interface Objectives {
  /** Of what it was measured on; balanced where classes count alike. */
  readonly accuracy: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/** Whether one is as good as the other in everything. */
export const isAsGood = (one: Objectives, other: Objectives): boolean =>
  one.accuracy >= other.accuracy && one.parameters <= other.parameters && one.multiplyAdds <= other.multiplyAdds;

/** Those that no other beats, smallest first; of equal ones the first. */
export const nonDominated = <Point extends Objectives>(points: readonly Point[]): readonly Point[] =>
  points
    .filter((point, at) =>
      points.every((other, index) => index === at || !isAsGood(other, point) || (isAsGood(point, other) && at < index)),
    )
    .toSorted((a, b) => a.parameters - b.parameters || a.multiplyAdds - b.multiplyAdds);

/**
 * The volume between a reference point and points of which less is better, in everything: of all that is worse than at least one of them.
 * What a point has beyond the reference counts as nothing. By slices along the last number.
 */
export function volumeOf(points: readonly (readonly number[])[], reference: readonly number[]): number {
  const last = reference.length - 1;
  const within = points.filter((point) => reference.every((most, at) => (point[at] as number) < most));
  if (within.length === 0) return 0;
  const end = reference[last] as number;
  const heights = within.map((point) => point[last] as number);
  if (last === 0) return end - Math.min(...heights);
  const sorted = within.toSorted((a, b) => (a[last] as number) - (b[last] as number));
  return sorted.reduce((sum, point, at) => {
    const depth = ((sorted[at + 1]?.[last] ?? end) as number) - (point[last] as number);
    if (depth === 0) return sum;
    const below = sorted.slice(0, at + 1).map((each) => each.slice(0, last));
    return sum + depth * volumeOf(below, reference.slice(0, last));
  }, 0);
}

/** The box of all networks: from the best to the worst of each number, sizes as powers of ten. Fixed, so that runs can be compared. */
const box = { parameters: [2, 8], multiplyAdds: [4, 10] } as const;

const shareOf = (value: number, [least, most]: readonly [number, number]): number =>
  Math.min(1, Math.max(0, (Math.log10(Math.max(1, value)) - least) / (most - least)));

/** As numbers from 0, the best, to 1. */
const placeOf = ({ accuracy, parameters, multiplyAdds }: Objectives): readonly number[] => [
  1 - accuracy,
  shareOf(parameters, box.parameters),
  shareOf(multiplyAdds, box.multiplyAdds),
];

/**
 * The share, 0 to 1, of a box that the points are better than: accuracy from 0 to 1, parameters from 10² to 10⁸ and multiply-adds from
 * 10⁴ to 10¹⁰ by their logarithms.
 */
export const hypervolume = (points: readonly Objectives[]): number => volumeOf(points.map(placeOf), [1, 1, 1]);

/** Networks of a front that are kept, at most. */
export const mostOnFront = 12;

/** Without the one that the front loses least by; the most accurate one stays. */
function thinned<Point extends Objectives>(points: readonly Point[]): readonly Point[] {
  const most = Math.max(...points.map(({ accuracy }) => accuracy));
  const left = (at: number): readonly Point[] => points.filter((_point, index) => index !== at);
  const candidates = points.map((_point, at) => at).filter((at) => (points[at] as Point).accuracy < most);
  const volumes = candidates.map((at) => hypervolume(left(at)));
  const chosen = candidates[volumes.indexOf(Math.max(...volumes))];
  return chosen === undefined ? points.slice(0, mostOnFront) : left(chosen);
}

/** The front with one more network, where it belongs to it; at most `mostOnFront` of them, whatever came before. */
export function withNetwork<Point extends Objectives>(front: readonly Point[], point: Point): readonly Point[] {
  if (front.some((other) => isAsGood(other, point))) return front;
  const left = [...front.filter((other) => !isAsGood(point, other)), point];
  return left.length > mostOnFront ? thinned(left) : left;
}

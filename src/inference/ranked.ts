/** The classes of an image by their probabilities. Pure. */

export interface ClassProbability {
  readonly name: string;
  /** 0 to 1. */
  readonly probability: number;
}

/** The most probable first; of equal ones the earlier class. At most `top`. */
export const ranked = (
  classes: readonly string[],
  probabilities: readonly number[],
  top = Infinity,
): readonly ClassProbability[] =>
  classes
    .map((name, index) => ({ name, probability: probabilities[index] ?? 0 }))
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, top);

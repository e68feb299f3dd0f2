/**
 * Activations of common networks besides ReLU, one row each: value and derivative in f64 (the oracle), sign, words. They are not
 * idempotent, or their range is not that of ReLU, so that no operator inserts them.
 */
export type ActivationFunction =
  /** min(max(x, least), most): ReLU6 between 0 and 6. */
  | { readonly name: 'clip'; readonly least: number; readonly most: number }
  /** min(max(slope·x + offset, 0), 1): slope 1/6 and offset 1/2 in most networks. */
  | { readonly name: 'hard-sigmoid'; readonly slope: number; readonly offset: number }
  /** x·min(max(x/6 + 1/2, 0), 1); Howard et al. 2019. */
  | { readonly name: 'hard-swish' }
  /** 1/(1 + e^−x) */
  | { readonly name: 'sigmoid' }
  /** x·sigmoid(x), also called swish; Ramachandran et al. 2017. */
  | { readonly name: 'silu' }
  /** x·Φ(x), Φ by the error function or by the approximation with tanh; Hendrycks & Gimpel 2016. */
  | { readonly name: 'gelu'; readonly by: 'erf' | 'tanh' };

export type ActivationName = ActivationFunction['name'];
type Of<Name extends ActivationName> = Extract<ActivationFunction, { name: Name }>;

/** One row for each function. The compiler requires all of them. */
export type ActivationTable<Arguments extends readonly unknown[], Result> = {
  readonly [Name in ActivationName]: (of: Of<Name>, ...rest: Arguments) => Result;
};

/** Calls the row of this function. */
export function askActivation<Arguments extends readonly unknown[], Result>(
  table: ActivationTable<Arguments, Result>,
  of: ActivationFunction,
  ...rest: Arguments
): Result {
  const row = table[of.name] as (of: ActivationFunction, ...rest: Arguments) => Result;
  return row(of, ...rest);
}

export const relu6 = { name: 'clip', least: 0, most: 6 } as const satisfies ActivationFunction;
export const usualHardSigmoid = { name: 'hard-sigmoid', slope: 1 / 6, offset: 0.5 } as const satisfies ActivationFunction;

const between = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** erf by its series up to 3, beyond by the continued fraction of erfc; to about 1e-15. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size <= 3) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
}

/** GELU by tanh: x/2·(1 + tanh(scale·(x + cube·x³))). */
export const geluByTanh = { scale: Math.sqrt(2 / Math.PI), cube: 0.044715 } as const;
const { scale: tanhScale, cube: tanhCube } = geluByTanh;
const tanhOf = (x: number): number => Math.tanh(tanhScale * (x + tanhCube * x ** 3));

interface Row {
  readonly value: (x: number) => number;
  readonly derivative: (x: number) => number;
  /** Whether it is non-negative for all x. */
  readonly nonNegative: boolean;
  /** Such as `SiLU`. */
  readonly words: string;
  /** Where the derivative jumps. */
  readonly kinks: readonly number[];
}

const table: ActivationTable<[], Row> = {
  clip: ({ least, most }) => ({
    value: (x) => between(x, least, most),
    derivative: (x) => (x > least && x < most ? 1 : 0),
    nonNegative: least >= 0,
    words: least === 0 && most === 6 ? 'ReLU6' : `clip ${least} to ${most}`,
    kinks: [least, most],
  }),
  'hard-sigmoid': ({ slope, offset }) => ({
    value: (x) => between(slope * x + offset, 0, 1),
    derivative: (x) => (slope * x + offset > 0 && slope * x + offset < 1 ? slope : 0),
    nonNegative: true,
    words: 'hard sigmoid',
    kinks: [-offset / slope, (1 - offset) / slope],
  }),
  'hard-swish': () => ({
    value: (x) => x * between(x / 6 + 0.5, 0, 1),
    derivative: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
    nonNegative: false,
    words: 'hard swish',
    kinks: [-3, 3],
  }),
  sigmoid: () => ({
    value: logistic,
    derivative: (x) => logistic(x) * (1 - logistic(x)),
    nonNegative: true,
    words: 'sigmoid',
    kinks: [],
  }),
  silu: () => ({
    value: (x) => x * logistic(x),
    derivative: (x) => logistic(x) * (1 + x * (1 - logistic(x))),
    nonNegative: false,
    words: 'SiLU',
    kinks: [],
  }),
  gelu: ({ by }) =>
    by === 'erf'
      ? {
          value: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
          derivative: (x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
          nonNegative: false,
          words: 'GELU',
          kinks: [],
        }
      : {
          value: (x) => 0.5 * x * (1 + tanhOf(x)),
          derivative: (x) => {
            const bent = tanhOf(x);
            return 0.5 * (1 + bent) + 0.5 * x * (1 - bent * bent) * tanhScale * (1 + 3 * tanhCube * x * x);
          },
          nonNegative: false,
          words: 'GELU by tanh',
          kinks: [],
        },
};

export const rowOf = (of: ActivationFunction): Row => askActivation(table, of);

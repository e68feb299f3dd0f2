/** The part of jstat (MIT) that is used here: it brings no types. */
declare module 'jstat' {
  const jstat: {
    readonly studentt: {
      /** P(T ≤ x) for so many degrees of freedom. */
      cdf(x: number, freedom: number): number;
      /** The x at which P(T ≤ x) is p. */
      inv(p: number, freedom: number): number;
    };
    readonly centralF: {
      /** P(F ≤ x). */
      cdf(x: number, numerator: number, denominator: number): number;
    };
  };
  export = jstat;
}

/** input·scale + shift for each channel. */
export interface Affine {
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

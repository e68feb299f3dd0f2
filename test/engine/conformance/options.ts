/** What an engine may differ by. */
export interface ConformanceOptions {
  /** Largest difference of a step's results, relative to the scale of the tensor. */
  readonly tolerance: {
    /** With direct convolutions. */
    readonly direct: number;
    /** With whichever convolutions the engine likes. */
    readonly auto: number;
  };
  /** Random programs a kind of step. */
  readonly runs?: number;
}

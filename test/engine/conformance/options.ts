/** What an engine may differ by. */
export interface ConformanceOptions {
  /** Largest difference of a step's results, relative to the scale of the tensor. */
  readonly tolerance: {
    /** With direct convolutions. */
    readonly direct: number;
    /** With whichever convolutions the engine likes. */
    readonly auto: number;
  };
  /** Share of the random networks and programs that are computed, above 0, 1 where nothing is said. */
  readonly share?: number;
}

/** How many of `all` examples make up the share: at least one. */
export const shareOf = ({ share = 1 }: ConformanceOptions, all: number): number => Math.max(1, Math.ceil(share * all));

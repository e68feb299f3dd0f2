/** The memory of a program, as the kernels of the reference engine use it: row-major, f64, one array per buffer. */
import type { Precision } from '../../program/precision.ts';
import type { BufferId, StepTable } from '../../program/program.ts';

export interface Memory {
  /** Of convolutions. */
  readonly precision: Precision;
  /** The same array at each call; not shared with another buffer. */
  values(id: BufferId): Float64Array;
  shape(id: BufferId): readonly number[];
}

/** Some rows of the table of steps; each computes its step. */
export type Rows = Partial<StepTable<[m: Memory], void>>;

export type Planes = readonly [batch: number, channels: number, height: number, width: number];

/** The shape (N, C, H, W) of a buffer of images. The verifier has checked that it has four dimensions. */
export const planesOf = (memory: Memory, id: BufferId): Planes => memory.shape(id) as Planes;

/** What a kernel of the reference engine sees of a program's memory. Row-major, f64, one array a buffer. */
import type { BufferId, StepTable } from '../../program/program.ts';

export interface Memory {
  /** The same array every time; never shared with another buffer. */
  values(id: BufferId): Float64Array;
  shape(id: BufferId): readonly number[];
}

/** Some rows of the table of steps: the numbers that they mean. */
export type Rows = Partial<StepTable<[m: Memory], void>>;

export type Planes = readonly [batch: number, channels: number, height: number, width: number];

/** (N, C, H, W) of an image-like buffer; the verifier has seen to it. */
export const planesOf = (memory: Memory, id: BufferId): Planes => memory.shape(id) as Planes;

/** What the lowerings of all steps share. */
import type { BufferId, Geometry, StepTable } from '../../../program/program.ts';
import type { AttributeValue } from '../../../formats/onnx/build.ts';
import type { Builder } from '../builder.ts';

/** Some rows of the table. */
export type Rows = Partial<StepTable<[b: Builder], void>>;

export type Planes = readonly [batch: number, channels: number, height: number, width: number];

/** (N, C, H, W). */
export const planesOf = (b: Builder, id: BufferId): Planes => b.shape(id) as Planes;

/** As convolutions and pools want it. */
export const windowOf = ({ kernel, stride, padding }: Geometry): Readonly<Record<string, AttributeValue>> => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  pads: [padding, padding, padding, padding],
});

/** Σ over (N, H, W): (C). */
export const channelSum = (b: Builder, value: string, output?: string): string =>
  b.node('ReduceSum', [value, b.integers(0, 2, 3)], { keepdims: 0 }, output);

/** The columns of an image (im2col): for each pixel of a convolution's output, the input values that it depends on. */
import type { BufferId, Geometry } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { planesOf } from './rows.ts';
import { windowOf } from './windows.ts';

/**
 * The padded input, shifted by each offset of the kernel and each position in a window of width w, row by row: k²·w² values of
 * (C, N, H/w, W/w), with H and W of the output.
 */
export function shifted(
  b: Builder,
  input: BufferId,
  output: BufferId,
  { kernel: size, stride, padding, dilation = 1 }: Geometry,
): string[] {
  const [, , height, width] = planesOf(b, output);
  const side = windowOf(b, output);
  const margins = b.integers(0, 0, padding, padding, 0, 0, padding, padding);
  const images = padding === 0 ? b.read(input) : b.node('Pad', [b.read(input), margins]);
  const step = side * stride;
  const at = (top: number, left: number): string =>
    b.once(`${images} from ${top} ${left} by ${step}`, () => {
      const end = [top + (height / side - 1) * step + 1, left + (width / side - 1) * step + 1] as const;
      return b.node('Slice', [images, b.integers(top, left), b.integers(...end), b.integers(2, 3), b.integers(step, step)]);
    });
  return grid(size).flatMap(([u, v]) => grid(side).map(([y, x]) => at(u * dilation + stride * y, v * dilation + stride * x)));
}

/** [row, column] of a square, row by row. */
const grid = (side: number): readonly (readonly [number, number])[] =>
  Array.from({ length: side * side }, (_none, place) => [Math.floor(place / side), place % side] as const);

/** (I·k², N·H·W), with H and W of the output and its order of pixels. */
export const columnsOf = (b: Builder, input: BufferId, output: BufferId, geometry: Geometry): string =>
  b.once(
    `columns of ${input} ${geometry.kernel} ${geometry.stride} ${geometry.padding} ${geometry.dilation ?? 1} by ${windowOf(b, output)}`,
    () => {
      const [, channels] = planesOf(b, input);
      const each = shifted(b, input, output, geometry).map((value) => b.reshape(value, [channels, 1, -1]));
      return b.reshape(b.node('Concat', each, { axis: 1 }), [channels * geometry.kernel ** 2, -1]);
    },
  );

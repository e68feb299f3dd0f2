/**
 * Windows over an image as TensorFlow Lite has them: all inside (`valid`), or with so many zeros around that there are
 * ⌈input/stride⌉ places, as many before as behind or one more behind (`same`). Other margins are an operator of their own before.
 */
import { must } from '../../util/assert.ts';
import type { Margins } from '../../network/network.ts';

export interface Placing {
  readonly padding: 'same' | 'valid';
  /** What is to be put around the image before. */
  readonly around: Margins | null;
}

interface Axis {
  readonly input: number;
  readonly output: number;
  /** Pixels from the first that a window reads to the last. */
  readonly reach: number;
  readonly stride: number;
  readonly before: number;
}

/** Zeros that the windows read, on both sides together; negative where they leave out pixels at the end. */
const readAround = ({ input, output, reach, stride }: Axis): number => (output - 1) * stride + reach - input;

const isValid = (axis: Axis): boolean => axis.before === 0 && readAround(axis) <= 0;

const isSame = (axis: Axis): boolean =>
  axis.output === Math.ceil(axis.input / axis.stride) && axis.before === Math.floor(Math.max(0, readAround(axis)) / 2);

/** `input`, `output`: (1, height, width, channels). */
export function placingOf(
  input: readonly number[],
  output: readonly number[],
  window: { readonly reach: readonly [number, number]; readonly stride: number; readonly top: number; readonly left: number },
): Placing {
  const [rows, columns] = ([1, 2] as const).map((axis) => ({
    input: must(input[axis], 'extent'),
    output: must(output[axis], 'extent'),
    reach: window.reach[axis - 1] as number,
    stride: window.stride,
    before: axis === 1 ? window.top : window.left,
  })) as [Axis, Axis];
  if (isValid(rows) && isValid(columns)) return { padding: 'valid', around: null };
  if (isSame(rows) && isSame(columns)) return { padding: 'same', around: null };
  const behind = (axis: Axis): number => Math.max(0, readAround(axis) - axis.before);
  return {
    padding: 'valid',
    around: { top: rows.before, left: columns.before, bottom: behind(rows), right: behind(columns) },
  };
}

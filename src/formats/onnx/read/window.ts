/**
 * Windows of convolutions and pools: a node's pads, strides and kernel; and the conversion of a convolution whose kernel is not
 * square or whose padding is not symmetric, by zeros at the kernel's edges, which is exact.
 */
import type { Shape } from '../../../network/network.ts';
import { newNumbers, type Plane, type OpContext, type ZeroPadding } from './value.ts';

/** How far apart the pixels of a kernel are, if that is square and they are; undefined where they are not apart. */
export function dilationOf(op: OpContext, [rows, columns]: Pair): number | undefined {
  const dilations = pairOf(op, 'dilations', [1, 1], 1);
  const [down, across] = [rows === 1 ? 1 : dilations[0], columns === 1 ? 1 : dilations[1]];
  if (down === 1 && across === 1) return undefined;
  if (rows !== columns || down !== across)
    throw op.fail(`dilations ${dilations.join(', ')} of a kernel ${rows}×${columns} cannot be represented`);
  return down;
}

/** Rows and columns. */
export type Pair = readonly [rows: number, columns: number];

export interface Window {
  /** Of a dilated one: from its first pixel to its last. */
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Padding before the first row and column, and after the last. */
  readonly before: Pair;
  readonly behind: Pair;
}

export interface Windows {
  /** The node's window. */
  readonly own: Window;
  /** The window with the padding of a Pad node before it. */
  readonly whole: Window;
}

/** Such as `a window of 3×3 with strides 2, 2 and pads 0, 0, 1, 1`. */
export const describeWindow = ({ kernel, stride, before, behind }: Window, name = 'window'): string =>
  `a ${name} of ${kernel.join('×')} with strides ${stride.join(', ')} and pads ${[...before, ...behind].join(', ')}`;

export const mostKernel = 256;

export const outputExtent = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + padding - kernel) / stride) + 1;

/** Two numbers of an attribute, each at least `least`. */
function pairOf(op: OpContext, name: string, otherwise: Pair, least: number): Pair {
  const values = op.attributes.ints(name);
  if (values === undefined) return otherwise;
  const [rows, columns] = values;
  if (values.length !== 2 || rows === undefined || columns === undefined || Math.min(rows, columns) < least)
    throw op.fail(`${name} ${values.slice(0, 8).join(', ')} cannot be represented`);
  return [rows, columns];
}

/** SAME padding, with the odd zero at the end, or at the start (`lower`). */
function samePadding(size: number, kernel: number, stride: number, lower: boolean): Pair {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  const small = Math.floor(total / 2);
  return lower ? [total - small, small] : [small, total - small];
}

/** The window of a Conv or a pool over an input. `kernel`: the kernel size of a Conv's weights. */
export function windowOf(op: OpContext, { shape: input, zeros }: Plane, kernel: Pair | null): Windows {
  const own = ownWindow(op, input, zeros, kernel);
  if (zeros === undefined) return { own, whole: own };
  const add = (a: Pair, b: Pair): Pair => [a[0] + b[0], a[1] + b[1]];
  return { own, whole: { ...own, before: add(own.before, zeros.before), behind: add(own.behind, zeros.behind) } };
}

function ownWindow(op: OpContext, shape: Shape, zeros: ZeroPadding | undefined, kernel: Pair | null): Window {
  const { attributes } = op;
  const taps = kernel ?? pairOf(op, 'kernel_shape', [0, 0], 1);
  const said = pairOf(op, 'kernel_shape', taps, 1);
  if (said[0] !== taps[0] || said[1] !== taps[1]) throw op.fail('kernel_shape differs from its weights');
  if (Math.min(...taps) < 1) throw op.fail('it has no kernel_shape');
  const dilations = pairOf(op, 'dilations', [1, 1], 1);
  const size = [0, 1].map((axis) => ((taps[axis] as number) - 1) * (dilations[axis] as number) + 1) as [number, number];
  if (Math.max(...size) > mostKernel) throw op.fail(`a kernel of ${size.join('×')} cannot be represented`);
  if (kernel === null && size.some((reach, axis) => reach !== taps[axis]))
    throw op.fail(`dilations ${dilations.join(', ')} of a pool cannot be represented`);
  const stride = pairOf(op, 'strides', [1, 1], 1);
  const pads = attributes.ints('pads');
  if (pads !== undefined && (pads.length !== 4 || pads.some((pad) => pad < 0 || pad > mostKernel)))
    throw op.fail(`pads ${pads.slice(0, 8).join(', ')} cannot be represented`);
  const auto = attributes.text('auto_pad', 'NOTSET');
  const [top = 0, left = 0, bottom = 0, right = 0] = pads ?? [];
  if (kernel === null && (Math.max(top, bottom) >= size[0] || Math.max(left, right) >= size[1]))
    throw op.fail(`pads ${[top, left, bottom, right].join(', ')} of a window of ${size.join('×')} cannot be represented`);
  switch (auto) {
    case 'NOTSET':
      return { kernel: size, stride, before: [top, left], behind: [bottom, right] };
    case 'VALID':
      return { kernel: size, stride, before: [0, 0], behind: [0, 0] };
    case 'SAME_UPPER':
    case 'SAME_LOWER': {
      const [height, width] = [0, 1].map(
        (axis) => (axis === 0 ? shape.height : shape.width) + (zeros?.before[axis] ?? 0) + (zeros?.behind[axis] ?? 0),
      ) as [number, number];
      const rows = samePadding(height, size[0], stride[0], auto === 'SAME_LOWER');
      const columns = samePadding(width, size[1], stride[1], auto === 'SAME_LOWER');
      return { kernel: size, stride, before: [rows[0], columns[0]], behind: [rows[1], columns[1]] };
    }
    default:
      throw op.fail(`auto_pad ${JSON.stringify(auto.slice(0, 20))} is not known`);
  }
}

/** The window as attributes. */
export const windowAttributes = ({ kernel, stride, before, behind }: Window): Readonly<Record<string, readonly number[]>> => ({
  kernel_shape: kernel,
  strides: stride,
  pads: [...before, ...behind],
});

export interface Square {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** The position of the old kernel's first row and column in the new one. */
  readonly row: number;
  readonly column: number;
}

/** Along one axis: the sizes of kernels that give the same windows with that padding on both sides. */
function range(size: number, axis: 0 | 1, window: Window, padding: number): { least: number; most: number } {
  const [kernel, stride, before, behind] = [window.kernel[axis], window.stride[axis], window.before[axis], window.behind[axis]];
  const extent = outputExtent(size, kernel, stride, before + behind);
  return {
    least: Math.max(padding - before + kernel, size + 2 * padding - extent * stride + 1),
    most: size + 2 * padding - (extent - 1) * stride,
  };
}

/** An equivalent square kernel with one stride and one padding; null where there is none. */
export function squareOf(window: Window, { height, width }: Shape): Square | null {
  const [stride, other] = window.stride;
  if (stride !== other) return null;
  const start = Math.max(...window.before);
  // Padding moves both ranges alike: if they do not meet within a kernel's length, they never do.
  for (let padding = start; padding <= start + Math.max(...window.kernel); padding++) {
    const [rows, columns] = [range(height, 0, window, padding), range(width, 1, window, padding)];
    const kernel = Math.max(rows.least, columns.least);
    if (kernel <= Math.min(rows.most, columns.most))
      return { kernel, stride, padding, row: padding - window.before[0], column: padding - window.before[1] };
  }
  return null;
}

/** `count` filters (kh, kw), padded with zeros to the square. */
export function padded(op: OpContext, filters: Float32Array, [rows, columns]: Pair, square: Square, count: number): Float32Array {
  const { kernel, row, column } = square;
  if (rows === kernel && columns === kernel) return filters;
  const result = newNumbers(op, [count, kernel, kernel]);
  for (let filter = 0; filter < count; filter++)
    for (let y = 0; y < rows; y++) {
      const from = (filter * rows + y) * columns;
      result.set(filters.subarray(from, from + columns), (filter * kernel + row + y) * kernel + column);
    }
  return result;
}

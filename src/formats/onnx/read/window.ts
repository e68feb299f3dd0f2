/**
 * Windows: what pads, strides and kernels of a node come to, and how a convolution whose kernel is not square or whose
 * padding differs from side to side becomes one that is and does not: by zeros at the kernel's edges. Exact, since a zero
 * adds nothing. Pure.
 */
import type { Shape } from '../../../network/network.ts';
import { newNumbers, type Plane, type Site, type Zeros } from './value.ts';

/** Rows and columns. */
export type Pair = readonly [rows: number, columns: number];

export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Zeros (or −∞) before the first row and column, and behind the last. */
  readonly before: Pair;
  readonly behind: Pair;
}

export interface Windows {
  /** As the node has it. */
  readonly own: Window;
  /** With the zeros of a Pad before it counted in: over the input without them. */
  readonly whole: Window;
}

export const mostKernel = 256;

export const outputExtent = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + padding - kernel) / stride) + 1;

/** Two numbers of an attribute, each at least `least`. */
function pairOf(site: Site, name: string, otherwise: Pair, least: number): Pair {
  const values = site.attributes.ints(name);
  if (values === undefined) return otherwise;
  const [rows, columns] = values;
  if (values.length !== 2 || rows === undefined || columns === undefined || Math.min(rows, columns) < least)
    throw site.fail(`${name} ${values.slice(0, 8).join(', ')} cannot be represented`);
  return [rows, columns];
}

/** SAME: as many windows as strides fit, the odd zero behind (`upper`) or before (`lower`). */
function samePadding(size: number, kernel: number, stride: number, lower: boolean): Pair {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  const small = Math.floor(total / 2);
  return lower ? [total - small, small] : [small, total - small];
}

/** The window of a Conv or a pool over an input. `kernel`: of a Conv, what its weights say. */
export function windowOf(site: Site, { shape: input, zeros }: Plane, kernel: Pair | null): Windows {
  const own = ownWindow(site, input, zeros, kernel);
  if (zeros === undefined) return { own, whole: own };
  const add = (a: Pair, b: Pair): Pair => [a[0] + b[0], a[1] + b[1]];
  return { own, whole: { ...own, before: add(own.before, zeros.before), behind: add(own.behind, zeros.behind) } };
}

function ownWindow(site: Site, shape: Shape, zeros: Zeros | undefined, kernel: Pair | null): Window {
  const { attributes } = site;
  const size = kernel ?? pairOf(site, 'kernel_shape', [0, 0], 1);
  const said = pairOf(site, 'kernel_shape', size, 1);
  if (said[0] !== size[0] || said[1] !== size[1]) throw site.fail('kernel_shape is not that of its weights');
  if (Math.min(...size) < 1) throw site.fail('it has no kernel_shape');
  if (Math.max(...size) > mostKernel) throw site.fail(`a kernel of ${size.join('×')} cannot be represented`);
  const dilations = pairOf(site, 'dilations', [1, 1], 1);
  if (dilations[0] !== 1 || dilations[1] !== 1) throw site.fail(`dilations ${dilations.join(', ')} cannot be represented`);
  const stride = pairOf(site, 'strides', [1, 1], 1);
  const pads = attributes.ints('pads');
  if (pads !== undefined && (pads.length !== 4 || pads.some((pad) => pad < 0 || pad > mostKernel)))
    throw site.fail(`pads ${pads.slice(0, 8).join(', ')} cannot be represented`);
  const auto = attributes.text('auto_pad', 'NOTSET');
  const [top = 0, left = 0, bottom = 0, right = 0] = pads ?? [];
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
      throw site.fail(`auto_pad ${JSON.stringify(auto.slice(0, 20))} is not known`);
  }
}

/** The attributes that say the same of a window. */
export const windowAttributes = ({ kernel, stride, before, behind }: Window): Readonly<Record<string, readonly number[]>> => ({
  kernel_shape: kernel,
  strides: stride,
  pads: [...before, ...behind],
});

export interface Square {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** Where the old kernel's first row and column stand in the new one. */
  readonly row: number;
  readonly column: number;
}

/** Along one axis: the kernels that give the same windows with so much padding on both sides. */
function range(size: number, axis: 0 | 1, window: Window, padding: number): { least: number; most: number } {
  const [kernel, stride, before, behind] = [window.kernel[axis], window.stride[axis], window.before[axis], window.behind[axis]];
  const extent = outputExtent(size, kernel, stride, before + behind);
  return {
    least: Math.max(padding - before + kernel, size + 2 * padding - extent * stride + 1),
    most: size + 2 * padding - (extent - 1) * stride,
  };
}

/** A square kernel with one stride and one padding that gives the same numbers; null where there is none. */
export function squareOf(window: Window, { height, width }: Shape): Square | null {
  const [stride, other] = window.stride;
  if (stride !== other) return null;
  const start = Math.max(...window.before);
  // More padding moves both ranges alike; what does not meet within a kernel's length never does.
  for (let padding = start; padding <= start + Math.max(...window.kernel); padding++) {
    const [rows, columns] = [range(height, 0, window, padding), range(width, 1, window, padding)];
    const kernel = Math.max(rows.least, columns.least);
    if (kernel <= Math.min(rows.most, columns.most))
      return { kernel, stride, padding, row: padding - window.before[0], column: padding - window.before[1] };
  }
  return null;
}

/** Filters (count, kh, kw), of `filters` numbers in all, with zeros around them as the square says. */
export function padded(site: Site, filters: Float32Array, [rows, columns]: Pair, square: Square, count: number): Float32Array {
  const { kernel, row, column } = square;
  if (rows === kernel && columns === kernel) return filters;
  const result = newNumbers(site, [count, kernel, kernel]);
  for (let filter = 0; filter < count; filter++)
    for (let y = 0; y < rows; y++) {
      const from = (filter * rows + y) * columns;
      result.set(filters.subarray(from, from + columns), (filter * kernel + row + y) * kernel + column);
    }
  return result;
}

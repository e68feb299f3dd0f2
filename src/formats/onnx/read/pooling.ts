/** MaxPool, AveragePool, GlobalAveragePool and ReduceMean over rows and columns. */
import type { Shape } from '../../../network/network.ts';
import { axesIn, nchw, type Dim } from './dims.ts';
import type { Roles } from './network-builder.ts';
import {
  activationAt,
  addLayer,
  withDims,
  integersAt,
  newNumbers,
  planeAt,
  weightsAt,
  type Plane,
  type OpContext,
  type Value,
} from './value.ts';
import { mostKernel, outputExtent, padded, squareOf, windowAttributes, windowOf, type Window } from './window.ts';

/** `ceil_mode` adds a partial last window: refused where there is one. */
function checkCeiling(op: OpContext, window: Window, { height, width }: Shape): void {
  const ceiling = op.attributes.int('ceil_mode', 0);
  if (ceiling !== 0 && ceiling !== 1) throw op.fail(`ceil_mode ${ceiling} is not known`);
  if (ceiling === 0) return;
  for (const [axis, size] of [height, width].entries()) {
    const [kernel = 0, stride = 1] = [window.kernel[axis], window.stride[axis]];
    const padding = (window.before[axis] ?? 0) + (window.behind[axis] ?? 0);
    if ((size + padding - kernel) % stride !== 0) throw op.fail(`ceil_mode 1 on ${height}×${width} cannot be represented`);
  }
}

export function maxPool(op: OpContext): Value {
  const input = planeAt(op, 0, true);
  const { attributes, builder, rewritten } = op;
  if (attributes.int('storage_order', 0) !== 0) throw op.fail('storage_order 1 cannot be represented');
  const { own, whole: window } = windowOf(op, input, null);
  checkCeiling(op, window, input.shape);
  // Padding by zeros equals padding by −∞ where no input is negative.
  if (input.zeros !== undefined && !builder.isNonNegative(input.node))
    throw op.fail('zeros around what may be negative cannot be represented');
  const { kernel, stride, before, behind } = window;
  const [padding] = before;
  const shown = `a window of ${kernel.join('×')} with strides ${stride.join(', ')} and pads ${[...before, ...behind].join(', ')} cannot be represented`;
  if (kernel[0] !== kernel[1] || stride[0] !== stride[1] || padding !== before[1]) throw op.fail(shown);
  // Padding after the input only matters for the number of windows.
  const { height, width } = input.shape;
  for (const [axis, size] of [height, width].entries()) {
    const windows = (total: number): number => outputExtent(size, kernel[0], stride[0], total);
    if (windows(2 * padding) !== windows(padding + (behind[axis] ?? 0))) throw op.fail(shown);
  }
  const tensor = rewritten.node('MaxPool', [input.tensor], windowAttributes(own));
  return addLayer(op, { kind: 'max-pool', kernel: kernel[0], stride: stride[0], padding }, [input], { dims: nchw, tensor });
}

const global = (op: OpContext, input: Plane, tensor: string): Value =>
  addLayer(op, { kind: 'global-average-pool' }, [input], { dims: nchw, tensor });

export function globalAveragePool(op: OpContext): Value {
  const input = planeAt(op, 0);
  return global(op, input, op.rewritten.node('GlobalAveragePool', [input.tensor]));
}

/** A pool over the whole map is a global pool; any other becomes a depthwise convolution, which is trained. */
export function averagePool(op: OpContext): Value {
  const input = planeAt(op, 0, true);
  const { attributes, rewritten } = op;
  const { channels, height, width } = input.shape;
  const { own, whole: window } = windowOf(op, input, null);
  checkCeiling(op, window, input.shape);
  const [rows, columns] = window.kernel;
  const hasPads = ({ before, behind }: Window): boolean => [...before, ...behind].some((pad) => pad > 0);
  const counted = attributes.int('count_include_pad', 0);
  if (hasPads(own) && counted !== 1) throw op.fail('padding that is not counted (count_include_pad 0) cannot be represented');
  const tensor = rewritten.node('AveragePool', [input.tensor], { ...windowAttributes(own), count_include_pad: counted });
  if (!hasPads(window) && rows === height && columns === width) return global(op, input, tensor);
  const square = squareOf(window, input.shape);
  if (square === null)
    throw op.fail(`a window of ${rows}×${columns} with strides ${window.stride.join(', ')} cannot be made square`);
  const filter = newNumbers(op, [channels, rows, columns]).fill(1 / (rows * columns));
  const { kernel, stride, padding } = square;
  const data = padded(op, filter, window.kernel, square, channels);
  op.note(`the average pool ${rows}×${columns} becomes a depthwise convolution, whose weights are trained`);
  const tensors: Roles = { kernel: { shape: [channels, 1, kernel, kernel], data } };
  return addLayer(op, { kind: 'depthwise', kernel, stride, padding, bias: false }, [input], { dims: nchw, tensor }, tensors);
}

/** Zero padding of rows and columns, which the next layer includes. */
export function zeroPad(op: OpContext): Value {
  const input = planeAt(op, 0);
  const { attributes, rewritten, opset } = op;
  const mode = attributes.text('mode', 'constant');
  const pads = opset < 11 ? attributes.ints('pads') : integersAt(op, 1, 'pads');
  const value = opset < 11 ? attributes.float('value', 0) : (weightsAt(op, 2, 'value')?.values[0] ?? 0);
  if (mode !== 'constant' || value !== 0) throw op.fail('padding by anything but zeros cannot be represented');
  if (op.inputs[3] !== undefined) throw op.fail('axes cannot be represented');
  const [, , top, left, , , bottom, right] = pads ?? [];
  const isPlain = pads?.length === 8 && pads.every((count, at) => count >= 0 && count <= (at % 4 < 2 ? 0 : mostKernel));
  if (!isPlain) throw op.fail(`pads ${(pads ?? []).slice(0, 8).join(', ')} cannot be represented`);
  if (pads.every((count) => count === 0)) return withDims(op, input, input.dims, input.tensor);
  const tensor =
    opset < 11
      ? rewritten.node('Pad', [input.tensor], { pads })
      : rewritten.node('Pad', [input.tensor, rewritten.integers('pads', pads)]);
  const zeros = { before: [top ?? 0, left ?? 0], behind: [bottom ?? 0, right ?? 0] } as const;
  return { ...withDims(op, input, input.dims, tensor), zeros };
}

/** Checked indices of dimensions; negative ones count from the end. */
export function dimensionsOf(op: OpContext, numbers: readonly number[], rank: number): readonly number[] {
  const positions = numbers.map((number) => (number < 0 ? number + rank : number));
  if (positions.some((position) => position < 0 || position >= rank) || new Set(positions).size !== positions.length)
    throw op.fail(`axes ${numbers.slice(0, 8).join(', ')} of ${rank} dimensions`);
  return positions;
}

export function reduceMean(op: OpContext): Value {
  const input = activationAt(op, 0);
  const { attributes, builder, rewritten, opset } = op;
  const shape = builder.shapeOf(input.node);
  const numbers = attributes.ints('axes') ?? integersAt(op, 1, 'axes');
  if (numbers === undefined || numbers.length === 0) throw op.fail('a mean over all dimensions cannot be represented');
  if (attributes.int('noop_with_empty_axes', 0) !== 0) throw op.fail('noop_with_empty_axes 1 cannot be represented');
  const over = dimensionsOf(op, numbers, input.dims.length);
  const isSpatial = (dim: Dim): boolean => dim !== 'N' && axesIn(dim, shape).every((axis) => axis !== 'C');
  const all = input.dims.flatMap((dim, position) => (over.includes(position) ? [] : axesIn(dim, shape)));
  if (!over.every((position) => isSpatial(input.dims[position] as Dim)) || all.some((axis) => axis !== 'C'))
    throw op.fail('a mean over anything but rows and columns cannot be represented');
  const keep = attributes.int('keepdims', 1) === 1;
  const dims = keep
    ? input.dims.map((dim, position): Dim => (over.includes(position) ? [] : dim))
    : input.dims.filter((_dim, position) => !over.includes(position));
  const tensor =
    opset < 18
      ? rewritten.node('ReduceMean', [input.tensor], { axes: over, keepdims: keep ? 1 : 0 })
      : rewritten.node('ReduceMean', [input.tensor, rewritten.integers('axes', over)], { keepdims: keep ? 1 : 0 });
  return addLayer(op, { kind: 'global-average-pool' }, [input], { dims, tensor });
}

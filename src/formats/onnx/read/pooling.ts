/** MaxPool, AveragePool, GlobalAveragePool and ReduceMean over rows and columns. */
import type { Shape } from '../../../network/network.ts';
import { padZero } from '../build.ts';
import { axesIn, nchw, type Dim } from './dims.ts';
import type { Roles } from './network-builder.ts';
import {
  activationAt,
  addLayer,
  withDims,
  integersAt,
  newNumbers,
  planeAt,
  surrounded,
  weightsAt,
  type Plane,
  type OpContext,
  type Value,
} from './value.ts';
import {
  describeWindow,
  mostKernel,
  outputExtent,
  padded,
  squareOf,
  windowAttributes,
  windowOf,
  type Pair,
  type Window,
} from './window.ts';

/** Rows and columns behind the image that `ceil_mode` adds: a last window may lie partly behind it, if it begins before its end. */
function ceilingOf(op: OpContext, window: Window, { height, width }: Shape): Pair {
  const ceiling = op.attributes.int('ceil_mode', 0);
  if (ceiling !== 0 && ceiling !== 1) throw op.fail(`ceil_mode ${ceiling} is not known`);
  if (ceiling === 1 && op.opset < 10) throw op.fail(`operator set ${op.opset} has no ceil_mode`);
  const missing = (size: number, axis: 0 | 1): number => {
    const [kernel, stride, before, behind] = [window.kernel[axis], window.stride[axis], window.before[axis], window.behind[axis]];
    const rest = (size + before + behind - kernel) % stride;
    const begins = size + before + behind - kernel - rest + stride;
    return ceiling === 0 || rest === 0 || begins >= size + before ? 0 : stride - rest;
  };
  return [missing(height, 0), missing(width, 1)];
}

const plus = (a: Pair, b: Pair): Pair => [a[0] + b[0], a[1] + b[1]];
const isSurrounding = ({ before, behind }: Window): boolean => [...before, ...behind].some((pad) => pad > 0);
const ceilMode = ([rows, columns]: Pair) => (rows + columns === 0 ? {} : { ceil_mode: 1 });

/** The padding, behind the image as far as windows reach. */
function marginsOf({ kernel, stride, before, behind }: Window, { height, width }: Shape) {
  const reached = (size: number, axis: 0 | 1): number => {
    const windows = outputExtent(size, kernel[axis], stride[axis], before[axis] + behind[axis]);
    return Math.max(0, (windows - 1) * stride[axis] + kernel[axis] - before[axis] - size);
  };
  return { margins: { top: before[0], left: before[1], bottom: reached(height, 0), right: reached(width, 1) } };
}

/** Whether the same windows have the padding `before` on all sides: what is behind the image only matters for their number. */
function isEven({ kernel, stride, before, behind }: Window, { height, width }: Shape): boolean {
  const windows = (size: number, axis: 0 | 1, padding: number): number =>
    outputExtent(size, kernel[axis], stride[axis], before[axis] + padding);
  return (
    before[0] === before[1] &&
    before[0] * 2 <= kernel[0] &&
    windows(height, 0, before[0]) === windows(height, 0, behind[0]) &&
    windows(width, 1, before[1]) === windows(width, 1, behind[1])
  );
}

export function maxPool(op: OpContext): Value {
  const given = planeAt(op, 0, true);
  const { attributes, builder, rewritten } = op;
  if (attributes.int('storage_order', 0) !== 0) throw op.fail('storage_order 1 cannot be represented');
  // Padding by zeros equals padding by −∞ where no input is negative.
  const input = given.zeros === undefined || builder.isNonNegative(given.node) ? given : planeAt(op, 0);
  const { own, whole } = windowOf(op, input, null);
  const ceiling = ceilingOf(op, whole, input.shape);
  const window = { ...whole, behind: plus(whole.behind, ceiling) };
  const { kernel, stride, before } = window;
  if (kernel[0] !== kernel[1] || stride[0] !== stride[1]) throw op.fail(`${describeWindow(window)} cannot be represented`);
  const isPadded = !isEven(window, input.shape);
  const tensor = rewritten.node('MaxPool', [input.tensor], { ...windowAttributes(own), ...ceilMode(ceiling) });
  const read = isPadded ? surrounded(op, input, window, 'lowest') : input;
  const layer = { kind: 'max-pool', kernel: kernel[0], stride: stride[0], padding: isPadded ? 0 : before[0] } as const;
  return addLayer(op, layer, [read], { dims: nchw, tensor });
}

const global = (op: OpContext, input: Plane, tensor: string): Value =>
  addLayer(op, { kind: 'global-average-pool' }, [input], { dims: nchw, tensor });

export function globalAveragePool(op: OpContext): Value {
  const input = planeAt(op, 0);
  return global(op, input, op.rewritten.node('GlobalAveragePool', [input.tensor]));
}

/** A pool over the whole map is a global pool. One that is not square becomes a depthwise convolution, which is trained. */
export function averagePool(op: OpContext): Value {
  const { attributes, rewritten } = op;
  const counted = attributes.int('count_include_pad', 0);
  if (counted !== 0 && counted !== 1) throw op.fail(`count_include_pad ${counted} is not known`);
  // The zeros of a Pad count.
  const input = planeAt(op, 0, counted === 1);
  const { channels, height, width } = input.shape;
  const { own, whole: window } = windowOf(op, input, null);
  const { kernel, stride, before, behind } = window;
  const [rows, columns] = kernel;
  // What a ceiling adds never counts.
  const ceiling = ceilingOf(op, window, input.shape);
  const hasCeiling = ceiling.some((more) => more > 0);
  const hasPads = isSurrounding(window) || hasCeiling;
  const attributesOf = { ...windowAttributes(own), ...ceilMode(ceiling), count_include_pad: counted };
  const tensor = rewritten.node('AveragePool', [input.tensor], attributesOf);
  const [step, across] = stride;
  if (!hasPads && Math.max(rows, columns, step, across) === 1) return withDims(op, input, input.dims, tensor);
  if (!hasPads && rows === height && columns === width) return global(op, input, tensor);
  if (rows === columns && stride[0] === stride[1]) {
    const isCounted = !hasPads || (counted === 1 && !hasCeiling);
    const layer = { kind: 'average-pool', kernel: rows, stride: stride[0], counted: isCounted } as const;
    const named = { dims: nchw, tensor };
    if (!hasCeiling && isEven(window, input.shape)) return addLayer(op, { ...layer, padding: before[0] }, [input], named);
    // Zeros that count are a layer of their own.
    const isSurrounded = counted === 1 && isSurrounding(window);
    const read = isSurrounded ? surrounded(op, input, window, 'zero') : input;
    if (isCounted) return addLayer(op, { ...layer, padding: 0 }, [read], named);
    const around = isSurrounded
      ? ({ ...window, before: [0, 0], behind: ceiling } as const)
      : { ...window, behind: plus(behind, ceiling) };
    return addLayer(op, { ...layer, padding: 0, ...marginsOf(around, op.builder.shapeOf(read.node)) }, [read], named);
  }
  if (hasPads && (counted !== 1 || hasCeiling))
    throw op.fail(`${describeWindow(window)}, of which not all counts, cannot be represented`);
  const square = squareOf(window, input.shape);
  if (square === null) throw op.fail(`${describeWindow(window)} cannot be made square`);
  const filter = newNumbers(op, [channels, rows, columns]).fill(1 / (rows * columns));
  const data = padded(op, filter, window.kernel, square, channels);
  op.note(`the average pool ${rows}×${columns} becomes a depthwise convolution, whose weights are trained`);
  const tensors: Roles = { kernel: { shape: [channels, 1, square.kernel, square.kernel], data } };
  const spatial = { kernel: square.kernel, stride: square.stride, padding: square.padding };
  return addLayer(op, { kind: 'depthwise', ...spatial, bias: false }, [input], { dims: nchw, tensor }, tensors);
}

/** Zero padding of rows and columns, which the next layer includes where it can. */
export function zeroPad(op: OpContext): Value {
  const input = activationAt(op, 0);
  const { attributes, rewritten, opset } = op;
  const mode = attributes.text('mode', 'constant');
  const pads = opset < 11 ? attributes.ints('pads') : integersAt(op, 1, 'pads');
  const value = opset < 11 ? attributes.float('value', 0) : (weightsAt(op, 2, 'value')?.values[0] ?? 0);
  if (mode !== 'constant' || value !== 0) throw op.fail('padding by anything but zeros cannot be represented');
  if (op.inputs[3] !== undefined) throw op.fail('axes cannot be represented');
  const rank = input.dims.length;
  const [rows, columns] = (['H', 'W'] as const).map((axis) => input.dims.findIndex((dim) => dim !== 'N' && dim.join() === axis));
  const isPlain =
    pads?.length === 2 * rank &&
    pads.every((count, at) => count >= 0 && count <= (at % rank === rows || at % rank === columns ? mostKernel : 0));
  if (!isPlain) throw op.fail(`pads ${(pads ?? []).slice(0, 8).join(', ')} cannot be represented`);
  if (pads.every((count) => count === 0)) return withDims(op, input, input.dims, input.tensor);
  const tensor =
    opset < 11
      ? rewritten.node('Pad', [input.tensor], { pads })
      : rewritten.node('Pad', [input.tensor, rewritten.integers('pads', pads), rewritten.floats('zero', [], [padZero])]);
  const at = (axis: number | undefined, more: number): number => (axis === undefined || axis < 0 ? 0 : (pads[axis + more] ?? 0));
  const zeros = { before: [at(rows, 0), at(columns, 0)], behind: [at(rows, rank), at(columns, rank)] } as const;
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

/** MaxPool, AveragePool, GlobalAveragePool and ReduceMean over rows and columns. */
import type { Shape } from '../../../network/network.ts';
import { axesIn, nchw, type Dim } from './dims.ts';
import {
  activationAt,
  heldAs,
  integersAt,
  layerValue,
  newNumbers,
  planeAt,
  weightsAt,
  type Plane,
  type Site,
  type Value,
} from './value.ts';
import { mostKernel, outputExtent, padded, squareOf, windowAttributes, windowOf, type Window } from './window.ts';

/** `ceil_mode` counts a last window that is not whole; here only where there is none. */
function checkCeiling(site: Site, window: Window, { height, width }: Shape): void {
  const ceiling = site.attributes.int('ceil_mode', 0);
  if (ceiling !== 0 && ceiling !== 1) throw site.fail(`ceil_mode ${ceiling} is not known`);
  if (ceiling === 0) return;
  for (const [axis, size] of [height, width].entries()) {
    const [kernel = 0, stride = 1] = [window.kernel[axis], window.stride[axis]];
    const padding = (window.before[axis] ?? 0) + (window.behind[axis] ?? 0);
    if ((size + padding - kernel) % stride !== 0) throw site.fail(`ceil_mode 1 on ${height}×${width} cannot be represented`);
  }
}

export function maxPool(site: Site): Value {
  const input = planeAt(site, 0, true);
  const { attributes, draft, clean } = site;
  if (attributes.int('storage_order', 0) !== 0) throw site.fail('storage_order 1 cannot be represented');
  const { own, whole: window } = windowOf(site, input, null);
  checkCeiling(site, window, input.shape);
  // Zeros are as good as −∞ beside what is never negative.
  if (input.zeros !== undefined && !draft.isNonNegative(input.node))
    throw site.fail('zeros around what may be negative cannot be represented');
  const { kernel, stride, before, behind } = window;
  const [padding] = before;
  const shown = `a window of ${kernel.join('×')} with strides ${stride.join(', ')} and pads ${[...before, ...behind].join(', ')} cannot be represented`;
  if (kernel[0] !== kernel[1] || stride[0] !== stride[1] || padding !== before[1]) throw site.fail(shown);
  // What is padded behind is −∞ too, and counts only by how many windows there are.
  const { height, width } = input.shape;
  for (const [size, end] of [
    [height, behind[0]],
    [width, behind[1]],
  ] as const)
    if (outputExtent(size, kernel[0], stride[0], 2 * padding) !== outputExtent(size, kernel[0], stride[0], padding + end))
      throw site.fail(shown);
  const tensor = clean.node('MaxPool', [input.tensor], windowAttributes(own));
  const put = draft.add({ kind: 'max-pool', kernel: kernel[0], stride: stride[0], padding }, [input.node], {});
  return layerValue(site, put, nchw, tensor);
}

const global = (site: Site, input: Plane, tensor: string): Value =>
  layerValue(site, site.draft.add({ kind: 'global-average-pool' }, [input.node], {}), nchw, tensor);

export function globalAveragePool(site: Site): Value {
  const input = planeAt(site, 0);
  return global(site, input, site.clean.node('GlobalAveragePool', [input.tensor]));
}

/** The whole map is a global pool; else a depthwise convolution with a constant kernel, which is trained from here on. */
export function averagePool(site: Site): Value {
  const input = planeAt(site, 0, true);
  const { attributes, draft, clean } = site;
  const { channels, height, width } = input.shape;
  const { own, whole: window } = windowOf(site, input, null);
  checkCeiling(site, window, input.shape);
  const [rows, columns] = window.kernel;
  const hasPads = ({ before, behind }: Window): boolean => [...before, ...behind].some((pad) => pad > 0);
  const counted = attributes.int('count_include_pad', 0);
  if (hasPads(own) && counted !== 1) throw site.fail('padding that is not counted (count_include_pad 0) cannot be represented');
  const tensor = clean.node('AveragePool', [input.tensor], { ...windowAttributes(own), count_include_pad: counted });
  if (!hasPads(window) && rows === height && columns === width) return global(site, input, tensor);
  const square = squareOf(window, input.shape);
  if (square === null)
    throw site.fail(`a window of ${rows}×${columns} with strides ${window.stride.join(', ')} cannot be made square`);
  const filter = newNumbers(site, [channels, rows, columns]).fill(1 / (rows * columns));
  const { kernel, stride, padding } = square;
  const data = padded(site, filter, window.kernel, square, channels);
  site.note(`the average pool ${rows}×${columns} becomes a depthwise convolution, whose weights are trained`);
  const put = draft.add({ kind: 'depthwise', kernel, stride, padding, bias: false }, [input.node], {
    kernel: { shape: [channels, 1, kernel, kernel], data },
  });
  return layerValue(site, put, nchw, tensor);
}

/** Zeros around rows and columns: put aside for what reads them. */
export function zeroPad(site: Site): Value {
  const input = planeAt(site, 0);
  const { attributes, clean, opset } = site;
  const mode = attributes.text('mode', 'constant');
  const pads = opset < 11 ? attributes.ints('pads') : integersAt(site, 1, 'pads');
  const value = opset < 11 ? attributes.float('value', 0) : (weightsAt(site, 2, 'value')?.values[0] ?? 0);
  if (mode !== 'constant' || value !== 0) throw site.fail('padding by anything but zeros cannot be represented');
  if (site.inputs[3] !== undefined) throw site.fail('axes cannot be represented');
  const [, , top, left, , , bottom, right] = pads ?? [];
  const isPlain = pads?.length === 8 && pads.every((count, at) => count >= 0 && count <= (at % 4 < 2 ? 0 : mostKernel));
  if (!isPlain) throw site.fail(`pads ${(pads ?? []).slice(0, 8).join(', ')} cannot be represented`);
  if (pads.every((count) => count === 0)) return heldAs(site, input, input.dims, input.tensor);
  const tensor =
    opset < 11 ? clean.node('Pad', [input.tensor], { pads }) : clean.node('Pad', [input.tensor, clean.integers('pads', pads)]);
  const zeros = { before: [top ?? 0, left ?? 0], behind: [bottom ?? 0, right ?? 0] } as const;
  return { ...heldAs(site, input, input.dims, tensor), zeros };
}

/** Dimensions by number, from the end where negative; each once. */
export function dimensionsOf(site: Site, numbers: readonly number[], rank: number): readonly number[] {
  const positions = numbers.map((number) => (number < 0 ? number + rank : number));
  if (positions.some((position) => position < 0 || position >= rank) || new Set(positions).size !== positions.length)
    throw site.fail(`axes ${numbers.slice(0, 8).join(', ')} of ${rank} dimensions`);
  return positions;
}

export function reduceMean(site: Site): Value {
  const input = activationAt(site, 0);
  const { attributes, draft, clean, opset } = site;
  const shape = draft.shapeOf(input.node);
  const numbers = attributes.ints('axes') ?? integersAt(site, 1, 'axes');
  if (numbers === undefined || numbers.length === 0) throw site.fail('a mean over everything cannot be represented');
  if (attributes.int('noop_with_empty_axes', 0) !== 0) throw site.fail('noop_with_empty_axes 1 cannot be represented');
  const over = dimensionsOf(site, numbers, input.dims.length);
  const isSpatial = (dim: Dim): boolean => dim !== 'N' && axesIn(dim, shape).every((axis) => axis !== 'C');
  const all = input.dims.flatMap((dim, position) => (over.includes(position) ? [] : axesIn(dim, shape)));
  if (!over.every((position) => isSpatial(input.dims[position] as Dim)) || all.some((axis) => axis !== 'C'))
    throw site.fail('a mean over anything but rows and columns cannot be represented');
  const keep = attributes.int('keepdims', 1) === 1;
  const dims = keep
    ? input.dims.map((dim, position): Dim => (over.includes(position) ? [] : dim))
    : input.dims.filter((_dim, position) => !over.includes(position));
  const tensor =
    opset < 18
      ? clean.node('ReduceMean', [input.tensor], { axes: over, keepdims: keep ? 1 : 0 })
      : clean.node('ReduceMean', [input.tensor, clean.integers('axes', over)], { keepdims: keep ? 1 : 0 });
  return layerValue(site, draft.add({ kind: 'global-average-pool' }, [input.node], {}), dims, tensor);
}

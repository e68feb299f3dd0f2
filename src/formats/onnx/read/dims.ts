/**
 * The layout of a tensor: which axes of an activation are in which dimension. A network's tensors are (N, C, H, W); a model may
 * have them transposed, flattened or without extents of 1.
 */
import type { Shape } from '../../../network/network.ts';

export type Axis = 'C' | 'H' | 'W';

/** The batch, or the axes merged into the dimension, the slowest first. No axes: an extent of 1. */
export type Dim = 'N' | readonly Axis[];
export type Dims = readonly Dim[];

export const nchw: Dims = ['N', ['C'], ['H'], ['W']];
export const nhwc: Dims = ['N', ['H'], ['W'], ['C']];

export const extentOf = (axis: Axis, shape: Shape): number =>
  axis === 'C' ? shape.channels : axis === 'H' ? shape.height : shape.width;

const sizeOf = (axes: readonly Axis[], shape: Shape): number =>
  axes.reduce((product, axis) => product * extentOf(axis, shape), 1);

/** The extent of a dimension; 'N' for the batch. */
export const dimExtent = (dim: Dim, shape: Shape): number | 'N' => (dim === 'N' ? 'N' : sizeOf(dim, shape));

/** The axes of an extent above 1, in order. */
export const axesIn = (dim: Dim, shape: Shape): readonly Axis[] =>
  dim === 'N' ? [] : dim.filter((axis) => extentOf(axis, shape) > 1);

/** Whether both are the same layout of a tensor of that shape: axes of extent 1 fit in any dimension. */
export function sameDims(a: Dims, b: Dims, shape: Shape): boolean {
  return (
    a.length === b.length &&
    a.every((dim, index) => {
      const other = b[index] as Dim;
      if (dim === 'N' || other === 'N') return dim === other;
      return axesIn(dim, shape).join() === axesIn(other, shape).join();
    })
  );
}

/** The dimension that is exactly the channels, or −1. One channel fits in any dimension of extent 1. */
export function channelDim(dims: Dims, shape: Shape): number {
  if (shape.channels > 1) return dims.findIndex((dim) => axesIn(dim, shape).join() === 'C');
  return dims.findIndex((dim) => dim !== 'N' && dim.includes('C') && axesIn(dim, shape).length === 0);
}

/** Whether a dimension can be taken for the channels, which one channel fits in where its extent is 1. */
export function isChannelDim(dims: Dims, position: number, shape: Shape): boolean {
  const dim = dims[position];
  if (dim === undefined || dim === 'N') return false;
  return shape.channels > 1 ? position === channelDim(dims, shape) : sizeOf(dim, shape) === 1;
}

export function transpose(dims: Dims, permutation: readonly number[]): Dims | string {
  const result = permutation.map((from) => dims[from]);
  if (result.length !== dims.length || result.includes(undefined) || new Set(permutation).size !== dims.length)
    return `perm ${permutation.join(', ')} is not a permutation of ${dims.length} dimensions`;
  if (result[0] !== 'N') return 'the batch would not come first';
  return result as Dims;
}

/** The layout after a Reshape; `extents` without the batch. Dimensions can be merged, or split between axes. */
export function reshape(dims: Dims, extents: readonly number[], shape: Shape): Dims | string {
  const axes = dims.flatMap((dim) => axesIn(dim, shape));
  const result: Dim[] = ['N'];
  let at = 0;
  for (const extent of extents) {
    const dim: Axis[] = [];
    for (let size = 1; size < extent; size = sizeOf(dim, shape)) {
      const axis = axes[at++];
      if (axis === undefined) return `an image has ${sizeOf(axes, shape)} numbers here`;
      dim.push(axis);
    }
    if (sizeOf(dim, shape) !== extent) return 'it would split channels, rows or columns';
    result.push(dim);
  }
  return at === axes.length ? result : `an image has ${sizeOf(axes, shape)} numbers here`;
}

/** The position in order (C, H, W) of each number of a flat dimension. Null where it is in that order already. */
export function flatOrder(dim: Dim, shape: Shape): Uint32Array | null {
  const axes = axesIn(dim, shape);
  const { channels, height, width } = shape;
  const usual = (['C', 'H', 'W'] as const).filter((axis) => extentOf(axis, shape) > 1);
  if (axes.join() === usual.join()) return null;
  const strides = { C: height * width, H: width, W: 1 };
  const positions = new Uint32Array(channels * height * width);
  for (let index = 0; index < positions.length; index++) {
    let [rest, position] = [index, 0];
    for (const axis of axes.toReversed()) {
      const extent = extentOf(axis, shape);
      position += (rest % extent) * strides[axis];
      rest = Math.floor(rest / extent);
    }
    positions[index] = position;
  }
  return positions;
}

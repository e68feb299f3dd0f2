/**
 * Which axes of an activation stand in which dimension of an ONNX tensor. A network's tensors are (N, C, H, W); a model may
 * hold the same numbers transposed, flattened or without their extents of 1, and this says how. Pure algebra over names of
 * axes; it knows no operator.
 */
import type { Shape } from '../../../network/network.ts';

export type Axis = 'C' | 'H' | 'W';

/** The batch, or the axes that were merged into it, the slowest first. None: an extent of 1. */
export type Dim = 'N' | readonly Axis[];
export type Dims = readonly Dim[];

export const nchw: Dims = ['N', ['C'], ['H'], ['W']];
export const nhwc: Dims = ['N', ['H'], ['W'], ['C']];

export const extentOf = (axis: Axis, shape: Shape): number =>
  axis === 'C' ? shape.channels : axis === 'H' ? shape.height : shape.width;

const sizeOf = (axes: readonly Axis[], shape: Shape): number =>
  axes.reduce((product, axis) => product * extentOf(axis, shape), 1);

/** The extent of a dimension; the batch's is not known. */
export const dimExtent = (dim: Dim, shape: Shape): number | 'N' => (dim === 'N' ? 'N' : sizeOf(dim, shape));

/** The axes that have more than one place, in order. */
export const axesIn = (dim: Dim, shape: Shape): readonly Axis[] =>
  dim === 'N' ? [] : dim.filter((axis) => extentOf(axis, shape) > 1);

/** Whether both say the same of a tensor of that shape: an axis of extent 1 may stand anywhere. */
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

/** The dimension that is the channels and nothing else, or −1. Channels of one place may stand in any dimension of extent 1. */
export function channelDim(dims: Dims, shape: Shape): number {
  if (shape.channels > 1) return dims.findIndex((dim) => axesIn(dim, shape).join() === 'C');
  return dims.findIndex((dim) => dim !== 'N' && dim.includes('C') && axesIn(dim, shape).length === 0);
}

export function transpose(dims: Dims, permutation: readonly number[]): Dims | string {
  const result = permutation.map((from) => dims[from]);
  if (result.length !== dims.length || result.includes(undefined) || new Set(permutation).size !== dims.length)
    return `perm ${permutation.join(', ')} is no order of ${dims.length} dimensions`;
  if (result[0] !== 'N') return 'the batch would not come first';
  return result as Dims;
}

/**
 * The dims of the same numbers in other extents; `extents` without the batch. A dimension may be merged with the next, or
 * parted between two axes; an axis cannot be cut.
 */
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
    if (sizeOf(dim, shape) !== extent) return 'channels, rows and columns would be cut';
    result.push(dim);
  }
  return at === axes.length ? result : `an image has ${sizeOf(axes, shape)} numbers here`;
}

/**
 * Where each number of a flat dimension stands in channel-major order (C, H, W): `positions[i]` for the i-th number. Null
 * where it is in that order already.
 */
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

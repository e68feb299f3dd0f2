/**
 * Channels that a Reshape splits into several dimensions, a Transpose exchanges and another Reshape joins: a shuffle, as in
 * ShuffleNet (Zhang et al. 2018). Where they are in one dimension again, they are channels in another order.
 */
import type { Shape } from '../../../network/network.ts';
import { extentOf, transpose, type Axis, type Dims } from './dims.ts';
import { addLayer, withDims, type Activation, type OpContext, type Part, type Split, type Value } from './value.ts';

type SplitDim = Split['dims'][number];

const sizeOf = (parts: readonly Part[]): number => parts.reduce((product, { extent }) => product * extent, 1);

export const splitExtents = ({ dims }: Split): readonly (number | 'N')[] => dims.map((dim) => (dim === 'N' ? dim : sizeOf(dim)));

/** A tensor whose axes are whole. */
export const splitOf = (of: Activation, shape: Shape): Split => ({
  kind: 'split',
  of,
  dims: of.dims.map((dim): SplitDim =>
    dim === 'N' ? dim : dim.map((axis) => ({ axis, extent: extentOf(axis, shape), stride: 1 })),
  ),
  tensor: of.tensor,
});

/** Takes so many places from the front of the parts, cutting channels where it must; undefined where that cannot be. */
function take(parts: Part[], extent: number): readonly Part[] | undefined {
  const taken: Part[] = [];
  for (let left = extent; left > 1;) {
    const part = parts.shift();
    if (part === undefined) return undefined;
    if (left % part.extent === 0) {
      taken.push(part);
      left /= part.extent;
    } else if (part.axis === 'C' && part.extent % left === 0) {
      const inner = part.extent / left;
      taken.push({ ...part, extent: left, stride: part.stride * inner });
      parts.unshift({ ...part, extent: inner });
      left = 1;
    } else return undefined;
  }
  return taken;
}

/** The value for which those dims stand: an activation where the channels are in one place. */
function joined(op: OpContext, { of, dims, tensor }: Omit<Split, 'kind'>): Value {
  const isChannel = (part: Part): boolean => part.axis === 'C';
  const holding = dims.filter((dim) => dim !== 'N' && dim.some(isChannel)) as readonly (readonly Part[])[];
  const [only] = holding;
  const first = only?.findIndex(isChannel) ?? -1;
  const parts = only?.filter(isChannel) ?? [];
  const isOnePlace = holding.length === 1 && only?.slice(first, first + parts.length).every(isChannel) === true;
  if (!isOnePlace) return { kind: 'split', of, dims, tensor };
  const whole: Dims = dims.map((dim) => {
    if (dim === 'N') return dim;
    const axes = dim.map(({ axis }) => axis);
    return axes.filter((axis, at): axis is Axis => axis !== 'C' || axes.indexOf('C') === at);
  });
  let order = [0];
  for (const { extent, stride } of parts)
    order = order.flatMap((channel) => Array.from({ length: extent }, (_none, place) => channel + place * stride));
  if (order.every((channel, at) => channel === at)) return withDims(op, of, whole, tensor);
  return addLayer(op, { kind: 'select', take: order }, [of], { dims: whole, tensor });
}

/** `extents`: without the batch. A string says why that cannot be. */
export function splitReshaped(op: OpContext, split: Split, extents: readonly number[]): Value | string {
  if (split.dims[0] !== 'N') return 'the batch would not come first';
  const parts = split.dims.flatMap((dim) => (dim === 'N' ? [] : dim)).filter(({ extent }) => extent > 1);
  const dims: SplitDim[] = ['N'];
  for (const extent of extents) {
    const taken = take(parts, extent);
    if (taken === undefined) return 'it would split channels, rows or columns';
    dims.push(taken);
  }
  if (parts.length > 0) return 'an image has more numbers';
  const tensor = op.rewritten.node('Reshape', [split.tensor, op.rewritten.integers('shape', [-1, ...extents])]);
  return joined(op, { of: split.of, dims, tensor });
}

export function splitTransposed(op: OpContext, split: Split, permutation: readonly number[]): Value {
  const dims = transpose(split.dims as unknown as Dims, permutation);
  if (typeof dims === 'string') throw op.fail(dims);
  const tensor = op.rewritten.node('Transpose', [split.tensor], { perm: permutation });
  return joined(op, { of: split.of, dims: dims as unknown as Split['dims'], tensor });
}

/**
 * Tensors that are laid out anew by places in memory, as PyTorch 2 writes `as_strided`: all numbers of all images in a row, of which
 * a Gather takes those at image·count + (0, 1, 2, …). The images, whose number is open, are counted by a Range.
 */
import { sizeOf } from '../../../network/tensor.ts';
import { knownOf, type Known } from './known.ts';
import { sameDims } from './dims.ts';
import { slicedPlaces } from './fold.ts';
import { activationAt, integersAt, withDims, type OpContext, type Places, type Value } from './value.ts';

const counted = (op: OpContext): Value | undefined => {
  const [start, end, step] = op.inputs.map((input) => (input === undefined ? undefined : knownOf(input)));
  const isImages = start?.values[0] === 0 && end?.values[0] === 'N' && step?.values[0] === 1;
  return isImages ? { kind: 'places', dims: ['N'], perImage: 1, offsets: [0] } : undefined;
};

/** The extents without the images. */
const inner = ({ dims }: Places): readonly number[] => dims.map((extent) => (extent === 'N' ? 1 : extent));

/** Places plus numbers that are broadcast with them; undefined where the images would not stay an axis of their own. */
function plus(op: OpContext, places: Places, other: Known): Places | undefined {
  const rank = Math.max(places.dims.length, other.dims.length);
  const padded = <T>(dims: readonly T[]): readonly (T | number)[] => [
    ...Array.from({ length: rank - dims.length }, () => 1),
    ...dims,
  ];
  const [own, given] = [padded<number | 'N'>(places.dims), padded<number>(other.dims)];
  const dims = own.map((extent, axis) => (extent === 1 ? (given[axis] as number) : extent));
  if (own.some((extent, axis) => extent !== 1 && given[axis] !== 1 && given[axis] !== extent)) return undefined;
  const whole = dims.map((extent) => (extent === 'N' ? 1 : extent));
  if (sizeOf(whole) > 65_536 || !op.builder.spend(sizeOf(whole))) throw op.fail('too many numbers');
  const at = (index: number, extents: readonly number[]): number => {
    let [rest, place, stride] = [index, 0, 1];
    for (let axis = rank - 1; axis >= 0; axis--) {
      const [extent, all] = [extents[axis] as number, whole[axis] as number];
      if (extent !== 1) place += (rest % all) * stride;
      stride *= extent;
      rest = Math.floor(rest / all);
    }
    return place;
  };
  const mine = padded(inner(places)) as readonly number[];
  const offsets = Array.from(
    { length: sizeOf(whole) },
    (_none, index) =>
      (places.offsets[at(index, mine)] as number) + (other.values[at(index, given as readonly number[])] as number),
  );
  return { ...places, dims, offsets };
}

function unsqueezed(op: OpContext, places: Places): Places | undefined {
  const axes = op.inputs[1] === undefined ? undefined : knownOf(op.inputs[1]);
  const rank = places.dims.length + (axes?.values.length ?? 0);
  const added = new Set(Array.from(axes?.values ?? [], (axis) => ((axis as number) + rank) % rank));
  if (axes === undefined || rank > 8 || places.dims.length + added.size !== rank) return undefined;
  const left = [...places.dims];
  return {
    ...places,
    dims: Array.from({ length: rank }, (_none, axis) => (added.has(axis) ? 1 : (left.shift() as number | 'N'))),
  };
}

/** Whether a Slice keeps all places. */
function isWhole(op: OpContext, { dims }: Places): boolean {
  const kept = slicedPlaces(op, dims, (index, name) => integersAt(op, index, name));
  return [...kept].every(([axis, places]) => places.length === dims[axis] && places.every((place, at) => place === at));
}

/** A ScatterND that replaces all images: what it puts in their place. */
export function scattered(op: OpContext): Value {
  const [, index, updates] = op.inputs;
  const known = index === undefined ? undefined : knownOf(index);
  const isAll =
    index?.kind === 'places'
      ? index.dims.join() === 'N,1' && index.perImage === 1 && index.offsets[0] === 0
      : known?.dims.join() === `${op.batch},1` && Array.from(known.values).every((place, at) => place === at);
  if (op.attributes.text('reduction', 'none') !== 'none' || !isAll || updates?.kind !== 'activation')
    throw op.fail('it replaces some of the numbers, which cannot be represented');
  const whole = activationAt(op, 0);
  if (!sameDims(whole.dims, updates.dims, op.builder.shapeOf(whole.node))) throw op.fail('its inputs are of different layouts');
  return withDims(op, updates, updates.dims, updates.tensor);
}

/** What arithmetic makes of places; undefined where that is not places. */
function moved(op: OpContext, places: Places, other: Value | undefined): Places | undefined {
  const known = other === undefined ? undefined : knownOf(other);
  if (known === undefined || known.floating || Array.from(known.values).includes('N')) return undefined;
  const only = known.values[0];
  if (op.name === 'Add') return plus(op, places, known);
  if (op.name !== 'Mul' || known.values.length !== 1 || typeof only !== 'number') return undefined;
  return { ...places, perImage: places.perImage * only, offsets: places.offsets.map((offset) => offset * only) };
}

/** The value of an operator that computes places of images; undefined for others. */
export function placesOf(op: OpContext): Value | undefined {
  if (op.name === 'Range') return counted(op);
  const [first, second] = op.inputs;
  if (op.name === 'Slice') return first?.kind === 'places' && isWhole(op, first) ? first : undefined;
  if (op.name === 'Unsqueeze') return first?.kind === 'places' ? unsqueezed(op, first) : undefined;
  if (first?.kind === 'places') return moved(op, first, second);
  return second?.kind === 'places' && op.name !== 'Gather' ? moved(op, second, first) : undefined;
}

/**
 * The extents of an image that a Gather from a row of so many numbers an image gives, if it takes all of them in order; else
 * undefined. `index`: places, or constants for a batch that is fixed.
 */
export function takenInOrder(op: OpContext, index: Value | undefined, numbers: number): readonly number[] | undefined {
  if (index === undefined) return undefined;
  if (index.kind === 'places') {
    const [images, ...rest] = index.dims;
    const isAll = images === 'N' && index.perImage === numbers && index.offsets.length === numbers;
    return isAll && index.offsets.every((offset, at) => offset === at) ? (rest as number[]) : undefined;
  }
  const known = knownOf(index);
  const [images, ...rest] = known?.dims ?? [];
  if (known === undefined || known.floating || images !== op.batch || known.values.length !== numbers * (op.batch ?? 0))
    return undefined;
  return Array.from(known.values).every((place, at) => place === at) ? rest : undefined;
}

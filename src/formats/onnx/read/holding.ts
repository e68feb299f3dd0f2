/**
 * What changes how a tensor is held and not its numbers: Transpose, Reshape, Flatten, Squeeze, Unsqueeze; and what shapes
 * are computed with: Shape, Gather, Slice. In the model that is written anew, all but Transpose are a Reshape.
 */
import type { Constant } from './constant.ts';
import { dimExtent, reshape as reshaped, transpose as transposed, type Dim, type Dims } from './dims.ts';
import { dimensionsOf } from './pooling.ts';
import { activationAt, describeValue, heldAs, integersAt, type Activation, type Pixels, type Site, type Value } from './value.ts';

type Held = Activation | Pixels;

const isHeld = (value: Value | undefined): value is Held => value?.kind === 'activation' || value?.kind === 'pixels';

function heldAt(site: Site, index: number): Held {
  const value = site.inputs[index];
  if (isHeld(value)) return value.kind === 'activation' ? activationAt(site, index) : value;
  throw site.fail(
    value?.kind === 'probabilities'
      ? 'a softmax stands before it: it can only be the last'
      : `its input is ${describeValue(value)}`,
  );
}

const shapeOf = (site: Site, value: Held) => site.draft.shapeOf(value.kind === 'pixels' ? site.draft.image : value.node);

/** A Reshape to those dims, in the model that is written anew; nothing where the extents are the same. */
function reheld(site: Site, value: Held, dims: Dims): Value {
  const shape = shapeOf(site, value);
  const extents = (of: Dims): readonly number[] =>
    of.map((dim) => {
      const extent = dimExtent(dim, shape);
      return extent === 'N' ? -1 : extent;
    });
  const target = extents(dims);
  const tensor =
    extents(value.dims).join() === target.join()
      ? value.tensor
      : site.clean.node('Reshape', [value.tensor, site.clean.integers('shape', target)]);
  return heldAs(site, value, dims, tensor);
}

function constantTransposed(site: Site, constant: Constant, permutation: readonly number[]): Value {
  const { dims, numbers } = constant;
  const [rows = 0, columns = 0] = dims;
  if (numbers.kind !== 'floats' || dims.length !== 2 || permutation.join() !== '1,0')
    throw site.fail(`a constant of ${dims.length} dimensions cannot be transposed here`);
  if (!site.draft.spend(numbers.values.length)) throw site.fail('too many numbers');
  const values = numbers.values.map((_value, at) => numbers.values[(at % rows) * columns + Math.floor(at / rows)] as number);
  return constantValue(site, { dims: [columns, rows], numbers: { kind: 'floats', values } });
}

/** A constant that is computed from others; put in the model that is written anew once it is read. */
export function constantValue(site: Site, constant: Constant): Value {
  let name: string | undefined;
  const { dims, numbers } = constant;
  const tensor = (): string => {
    if (numbers.kind !== 'floats') throw site.fail('whole numbers cannot be computed with');
    return (name ??= site.clean.floats('constant', dims, numbers.values));
  };
  return { kind: 'constant', constant, tensor };
}

export function transpose(site: Site): Value {
  const value = site.inputs[0];
  const rank = value?.kind === 'constant' ? value.constant.dims.length : isHeld(value) ? value.dims.length : 0;
  const permutation = site.attributes.ints('perm') ?? Array.from({ length: rank }, (_none, axis) => rank - 1 - axis);
  if (value?.kind === 'constant') return constantTransposed(site, value.constant, permutation);
  const held = heldAt(site, 0);
  const dims = transposed(held.dims, permutation);
  if (typeof dims === 'string') throw site.fail(dims);
  return heldAs(site, held, dims, site.clean.node('Transpose', [held.tensor], { perm: permutation }));
}

/** The extents that a Reshape asks for, the batch's first; −1 and 0 resolved. */
function targetOf(site: Site, value: Held, asked: readonly (number | 'N')[], zeroCopies: boolean): readonly number[] {
  const shape = shapeOf(site, value);
  const own = value.dims.map((dim) => dimExtent(dim, shape));
  const numbers = own.reduce<number>((product, extent) => (extent === 'N' ? product : product * extent), 1);
  const extents = asked.map((extent, index) => (extent === 0 && zeroCopies ? (own[index] ?? 0) : extent));
  const [batch, ...others] = extents;
  if (others.includes('N')) throw site.fail('the batch would not come first');
  const known = others.filter((extent) => extent !== -1) as number[];
  if (known.some((extent) => extent < 1) || others.length - known.length > 1 || asked.length === 0)
    throw site.fail(`a shape of ${asked.slice(0, 8).join(', ')} cannot be represented`);
  const product = known.reduce((all, extent) => all * extent, 1);
  const rest = numbers / product;
  // −1 in front is the batch where the rest is an image's numbers; a fixed batch is every batch.
  const isBatch = batch === 'N' || (batch === -1 && known.length === others.length) || (batch === site.batch && batch !== null);
  if (!isBatch || !Number.isInteger(rest) || (known.length === others.length && rest !== 1))
    throw site.fail(`a shape of ${asked.slice(0, 8).join(', ')} for ${own.join('×')} would mix images`);
  return (others as number[]).map((extent) => (extent === -1 ? rest : extent));
}

function to(site: Site, value: Held, extents: readonly number[]): Value {
  const dims = reshaped(value.dims, extents, shapeOf(site, value));
  if (typeof dims === 'string') throw site.fail(`to ${extents.join('×')} an image: ${dims}`);
  return reheld(site, value, dims);
}

/** Extents that a shape is computed from, whether known or not. */
function extentsAt(site: Site, index: number): Extract<Value, { kind: 'extents' }> {
  const value = site.inputs[index];
  if (value?.kind === 'extents') return value;
  if (value?.kind === 'constant' && value.constant.numbers.kind === 'integers')
    return { kind: 'extents', values: value.constant.numbers.values, scalar: value.constant.dims.length === 0 };
  throw site.fail(`its input ${index + 1} is ${describeValue(value)}, not a shape`);
}

export function reshape(site: Site): Value {
  const zeroCopies = site.attributes.int('allowzero', 0) === 0;
  const { values } = extentsAt(site, 1);
  const first = site.inputs[0];
  if (first?.kind === 'constant') {
    const { dims, numbers } = first.constant;
    const size = numbers.values.length;
    const known = (values as number[]).filter((extent) => extent !== -1).reduce((all, extent) => all * extent, 1);
    const target = (values as number[]).map((extent) => (extent === -1 ? size / known : extent));
    if (
      target.some((extent) => !Number.isInteger(extent) || extent < 1) ||
      target.reduce((all, extent) => all * extent, 1) !== size
    )
      throw site.fail(`a constant of ${dims.join('×')} has no shape ${values.slice(0, 8).join(', ')}`);
    return constantValue(site, { dims: target, numbers });
  }
  const value = heldAt(site, 0);
  return to(site, value, targetOf(site, value, values, zeroCopies));
}

export function flatten(site: Site): Value {
  const value = heldAt(site, 0);
  const axis = site.attributes.int('axis', 1);
  if (axis !== 1 && axis !== 1 - value.dims.length) throw site.fail(`axis ${axis} would mix images`);
  const dims: Dims = ['N', value.dims.flatMap((dim) => (dim === 'N' ? [] : dim))];
  return reheld(site, value, dims);
}

const axesOf = (site: Site): readonly number[] | undefined => site.attributes.ints('axes') ?? integersAt(site, 1, 'axes');

/** Of a shape's entry: a list of one becomes the entry. */
function scalarOf(site: Site, scalar: boolean): Value {
  const extents = extentsAt(site, 0);
  axesOf(site);
  if (extents.values.length !== 1) throw site.fail('only one entry of a shape can be squeezed');
  return { ...extents, scalar };
}

export function squeeze(site: Site): Value {
  const input = site.inputs[0];
  if (!isHeld(input) && input?.kind !== 'probabilities') return scalarOf(site, true);
  const value = heldAt(site, 0);
  const shape = shapeOf(site, value);
  const asked = axesOf(site);
  const isOne = (dim: Dim | undefined): boolean => dim !== undefined && dimExtent(dim, shape) === 1;
  const gone =
    asked === undefined
      ? value.dims.flatMap((dim, position) => (isOne(dim) ? [position] : []))
      : dimensionsOf(site, asked, value.dims.length);
  if (!gone.every((position) => isOne(value.dims[position]))) throw site.fail(`axes ${gone.join(', ')} are not all of extent 1`);
  // What is gone may be asked for again: an axis of extent 1 stands anywhere.
  return reheld(
    site,
    value,
    value.dims.filter((_dim, position) => !gone.includes(position)),
  );
}

export function unsqueeze(site: Site): Value {
  if (!isHeld(site.inputs[0])) return scalarOf(site, false);
  const input = heldAt(site, 0);
  const asked = axesOf(site);
  if (asked === undefined) throw site.fail('it has no axes');
  if (input.dims.length + asked.length > 8) throw site.fail('more than 8 dimensions');
  const added = dimensionsOf(site, asked, input.dims.length + asked.length);
  const left = [...input.dims];
  const dims = Array.from({ length: input.dims.length + added.length }, (_none, position): Dim =>
    added.includes(position) ? [] : (left.shift() as Dim),
  );
  if (dims[0] !== 'N') throw site.fail('the batch would not come first');
  return reheld(site, input, dims);
}

export function shapeAsValue(site: Site): Value {
  const value = heldAt(site, 0);
  const all = value.dims.map((dim) => dimExtent(dim, shapeOf(site, value)));
  const bounds = [site.attributes.int('start', 0), site.attributes.int('end', all.length)] as const;
  return { kind: 'extents', values: all.slice(...bounds), scalar: false };
}

export function gather(site: Site): Value {
  const { values, scalar } = extentsAt(site, 0);
  const index = site.inputs[1];
  if (scalar || site.attributes.int('axis', 0) !== 0 || index?.kind !== 'constant' || index.constant.numbers.kind !== 'integers')
    throw site.fail('only entries of a shape can be gathered');
  const picked = index.constant.numbers.values.map((position) => values.at(position));
  if (picked.includes(undefined)) throw site.fail('an entry that the shape does not have');
  return { kind: 'extents', values: picked as (number | 'N')[], scalar: index.constant.dims.length === 0 };
}

export function slice(site: Site): Value {
  const { values, scalar } = extentsAt(site, 0);
  const { attributes } = site;
  const [starts, ends] =
    site.opset < 10
      ? [attributes.ints('starts'), attributes.ints('ends')]
      : [integersAt(site, 1, 'starts'), integersAt(site, 2, 'ends')];
  const axes = (site.opset < 10 ? attributes.ints('axes') : integersAt(site, 3, 'axes')) ?? [0];
  const steps = (site.opset < 10 ? undefined : integersAt(site, 4, 'steps')) ?? [1];
  const [start, end] = [starts?.[0], ends?.[0]];
  if (
    scalar ||
    starts?.length !== 1 ||
    ends?.length !== 1 ||
    start === undefined ||
    end === undefined ||
    axes.join() !== '0' ||
    steps.join() !== '1'
  )
    throw site.fail('only a stretch of a shape can be sliced');
  return { kind: 'extents', values: values.slice(start, end), scalar: false };
}

/** Concat of shapes. */
export function joinExtents(site: Site): Value {
  const parts = site.inputs.map((_input, index) => extentsAt(site, index));
  const values = parts.flatMap((part) => part.values);
  if (values.length > 8) throw site.fail('a shape of more than 8 extents');
  return { kind: 'extents', values, scalar: false };
}

/**
 * Operators that change a tensor's layout: Transpose, Reshape, Flatten, Squeeze, Unsqueeze; and those that compute shapes: Shape,
 * Gather, Slice. In the rewritten model, all but Transpose become a Reshape.
 */
import type { Constant } from './constant.ts';
import { dimExtent, reshape as reshaped, transpose as transposed, type Dim, type Dims } from './dims.ts';
import { dimensionsOf } from './pooling.ts';
import {
  activationAt,
  constantValue,
  describeValue,
  withDims,
  integersAt,
  type Activation,
  type Pixels,
  type OpContext,
  type Value,
} from './value.ts';

type TensorValue = Activation | Pixels;

const isTensor = (value: Value | undefined): value is TensorValue => value?.kind === 'activation' || value?.kind === 'pixels';

function tensorAt(op: OpContext, index: number): TensorValue {
  const value = op.inputs[index];
  if (isTensor(value)) return value.kind === 'activation' ? activationAt(op, index) : value;
  throw op.fail(
    value?.kind === 'probabilities'
      ? 'it reads a softmax, which is only supported as the last node'
      : `its input is ${describeValue(value)}`,
  );
}

const shapeOf = (op: OpContext, value: TensorValue) =>
  op.builder.shapeOf(value.kind === 'pixels' ? op.builder.image : value.node);

/** Adds a Reshape to those dims to the rewritten model, unless the extents are the same. */
function reshapedTo(op: OpContext, value: TensorValue, dims: Dims): Value {
  const shape = shapeOf(op, value);
  const extents = (of: Dims): readonly number[] =>
    of.map((dim) => {
      const extent = dimExtent(dim, shape);
      return extent === 'N' ? -1 : extent;
    });
  const target = extents(dims);
  const tensor =
    extents(value.dims).join() === target.join()
      ? value.tensor
      : op.rewritten.node('Reshape', [value.tensor, op.rewritten.integers('shape', target)]);
  return withDims(op, value, dims, tensor);
}

function constantTransposed(op: OpContext, constant: Constant, permutation: readonly number[]): Value {
  const { dims, numbers } = constant;
  const [rows = 0, columns = 0] = dims;
  if (numbers.kind !== 'floats' || dims.length !== 2 || permutation.join() !== '1,0')
    throw op.fail(`a constant of ${dims.length} dimensions cannot be transposed here`);
  if (!op.builder.spend(numbers.values.length)) throw op.fail('too many numbers');
  const values = numbers.values.map((_value, at) => numbers.values[(at % rows) * columns + Math.floor(at / rows)] as number);
  return computedConstant(op, { dims: [columns, rows], numbers: { kind: 'floats', values } });
}

/** A constant that is computed from others. */
export const computedConstant = (op: OpContext, constant: Constant): Value => constantValue(op.rewritten, constant, op.fail);

export function transpose(op: OpContext): Value {
  const value = op.inputs[0];
  const rank = value?.kind === 'constant' ? value.constant.dims.length : isTensor(value) ? value.dims.length : 0;
  const permutation = op.attributes.ints('perm') ?? Array.from({ length: rank }, (_none, axis) => rank - 1 - axis);
  if (value?.kind === 'constant') return constantTransposed(op, value.constant, permutation);
  const held = tensorAt(op, 0);
  const dims = transposed(held.dims, permutation);
  if (typeof dims === 'string') throw op.fail(dims);
  return withDims(op, held, dims, op.rewritten.node('Transpose', [held.tensor], { perm: permutation }));
}

/** The target extents of a Reshape, without the batch; −1 and 0 resolved. */
function targetOf(op: OpContext, value: TensorValue, asked: readonly (number | 'N')[], zeroCopies: boolean): readonly number[] {
  const shape = shapeOf(op, value);
  const own = value.dims.map((dim) => dimExtent(dim, shape));
  const numbers = own.reduce<number>((product, extent) => (extent === 'N' ? product : product * extent), 1);
  const extents = asked.map((extent, index) => (extent === 0 && zeroCopies ? (own[index] ?? 0) : extent));
  const [batch, ...others] = extents;
  if (others.includes('N')) throw op.fail('the batch would not come first');
  const known = others.filter((extent) => extent !== -1) as number[];
  if (known.some((extent) => extent < 1) || others.length - known.length > 1 || asked.length === 0)
    throw op.fail(`a shape of ${asked.slice(0, 8).join(', ')} cannot be represented`);
  const product = known.reduce((all, extent) => all * extent, 1);
  const rest = numbers / product;
  // A leading −1 is the batch where the rest is an image's numbers; a fixed batch size stands for any.
  const isBatch = batch === 'N' || (batch === -1 && known.length === others.length) || (batch === op.batch && batch !== null);
  if (!isBatch || !Number.isInteger(rest) || (known.length === others.length && rest !== 1))
    throw op.fail(`a shape of ${asked.slice(0, 8).join(', ')} for ${own.join('×')} would mix images`);
  return (others as number[]).map((extent) => (extent === -1 ? rest : extent));
}

function to(op: OpContext, value: TensorValue, extents: readonly number[]): Value {
  const dims = reshaped(value.dims, extents, shapeOf(op, value));
  if (typeof dims === 'string') throw op.fail(`to ${extents.join('×')} an image: ${dims}`);
  return reshapedTo(op, value, dims);
}

/** Extents from which a shape is computed, constant or not. */
function extentsAt(op: OpContext, index: number): Extract<Value, { kind: 'extents' }> {
  const value = op.inputs[index];
  if (value?.kind === 'extents') return value;
  if (value?.kind === 'constant' && value.constant.numbers.kind === 'integers')
    return { kind: 'extents', values: value.constant.numbers.values, scalar: value.constant.dims.length === 0 };
  throw op.fail(`its input ${index + 1} is ${describeValue(value)}, not a shape`);
}

export function reshape(op: OpContext): Value {
  const zeroCopies = op.attributes.int('allowzero', 0) === 0;
  const { values } = extentsAt(op, 1);
  const first = op.inputs[0];
  if (first?.kind === 'constant') {
    const { dims, numbers } = first.constant;
    const size = numbers.values.length;
    const known = (values as number[]).filter((extent) => extent !== -1).reduce((all, extent) => all * extent, 1);
    const target = (values as number[]).map((extent) => (extent === -1 ? size / known : extent));
    if (
      target.some((extent) => !Number.isInteger(extent) || extent < 1) ||
      target.reduce((all, extent) => all * extent, 1) !== size
    )
      throw op.fail(`a constant of ${dims.join('×')} has no shape ${values.slice(0, 8).join(', ')}`);
    return computedConstant(op, { dims: target, numbers });
  }
  const value = tensorAt(op, 0);
  return to(op, value, targetOf(op, value, values, zeroCopies));
}

export function flatten(op: OpContext): Value {
  const value = tensorAt(op, 0);
  const axis = op.attributes.int('axis', 1);
  if (axis !== 1 && axis !== 1 - value.dims.length) throw op.fail(`axis ${axis} would mix images`);
  const dims: Dims = ['N', value.dims.flatMap((dim) => (dim === 'N' ? [] : dim))];
  return reshapedTo(op, value, dims);
}

const axesOf = (op: OpContext): readonly number[] | undefined => op.attributes.ints('axes') ?? integersAt(op, 1, 'axes');

/** Squeeze or Unsqueeze of a shape's entry. */
function scalarOf(op: OpContext, scalar: boolean): Value {
  const extents = extentsAt(op, 0);
  axesOf(op);
  if (extents.values.length !== 1) throw op.fail('only one entry of a shape can be squeezed');
  return { ...extents, scalar };
}

export function squeeze(op: OpContext): Value {
  const input = op.inputs[0];
  if (!isTensor(input) && input?.kind !== 'probabilities') return scalarOf(op, true);
  const value = tensorAt(op, 0);
  const shape = shapeOf(op, value);
  const asked = axesOf(op);
  const isOne = (dim: Dim | undefined): boolean => dim !== undefined && dimExtent(dim, shape) === 1;
  const gone =
    asked === undefined
      ? value.dims.flatMap((dim, position) => (isOne(dim) ? [position] : []))
      : dimensionsOf(op, asked, value.dims.length);
  if (!gone.every((position) => isOne(value.dims[position]))) throw op.fail(`axes ${gone.join(', ')} are not all of extent 1`);
  // The removed axes may be restored later: an axis of extent 1 fits in any dimension.
  return reshapedTo(
    op,
    value,
    value.dims.filter((_dim, position) => !gone.includes(position)),
  );
}

export function unsqueeze(op: OpContext): Value {
  if (!isTensor(op.inputs[0])) return scalarOf(op, false);
  const input = tensorAt(op, 0);
  const asked = axesOf(op);
  if (asked === undefined) throw op.fail('it has no axes');
  if (input.dims.length + asked.length > 8) throw op.fail('more than 8 dimensions');
  const added = dimensionsOf(op, asked, input.dims.length + asked.length);
  const left = [...input.dims];
  const dims = Array.from({ length: input.dims.length + added.length }, (_none, position): Dim =>
    added.includes(position) ? [] : (left.shift() as Dim),
  );
  if (dims[0] !== 'N') throw op.fail('the batch would not come first');
  return reshapedTo(op, input, dims);
}

export function shapeAsValue(op: OpContext): Value {
  const value = tensorAt(op, 0);
  const all = value.dims.map((dim) => dimExtent(dim, shapeOf(op, value)));
  const bounds = [op.attributes.int('start', 0), op.attributes.int('end', all.length)] as const;
  return { kind: 'extents', values: all.slice(...bounds), scalar: false };
}

export function gather(op: OpContext): Value {
  const { values, scalar } = extentsAt(op, 0);
  const index = op.inputs[1];
  if (scalar || op.attributes.int('axis', 0) !== 0 || index?.kind !== 'constant' || index.constant.numbers.kind !== 'integers')
    throw op.fail('only entries of a shape can be gathered');
  const picked = index.constant.numbers.values.map((position) => values.at(position));
  if (picked.includes(undefined)) throw op.fail('an index outside the shape');
  return { kind: 'extents', values: picked as (number | 'N')[], scalar: index.constant.dims.length === 0 };
}

export function slice(op: OpContext): Value {
  const { values, scalar } = extentsAt(op, 0);
  const { attributes } = op;
  const [starts, ends] =
    op.opset < 10
      ? [attributes.ints('starts'), attributes.ints('ends')]
      : [integersAt(op, 1, 'starts'), integersAt(op, 2, 'ends')];
  const axes = (op.opset < 10 ? attributes.ints('axes') : integersAt(op, 3, 'axes')) ?? [0];
  const steps = (op.opset < 10 ? undefined : integersAt(op, 4, 'steps')) ?? [1];
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
    throw op.fail('only consecutive entries of a shape can be sliced');
  return { kind: 'extents', values: values.slice(start, end), scalar: false };
}

/** Concat of shapes. */
export function joinExtents(op: OpContext): Value {
  const parts = op.inputs.map((_input, index) => extentsAt(op, index));
  const values = parts.flatMap((part) => part.values);
  if (values.length > 8) throw op.fail('a shape of more than 8 extents');
  return { kind: 'extents', values, scalar: false };
}

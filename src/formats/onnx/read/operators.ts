/** The table of ONNX operators that can be read. To add one, add its row. What has no row is named and refused. */
import { dataType } from '../proto.ts';
import { arithmetic, sumOf } from './arithmetic.ts';
import { batchNormalization, conv } from './convolution.ts';
import { gemm, matMul } from './dense.ts';
import { channelDim, sameDims, type Dims } from './dims.ts';
import {
  constantValue,
  flatten,
  gather,
  joinExtents,
  reshape,
  shapeAsValue,
  slice,
  squeeze,
  transpose,
  unsqueeze,
} from './holding.ts';
import { averagePool, dimensionsOf, globalAveragePool, maxPool, reduceMean, zeroPad } from './pooling.ts';
import { activationAt, heldAs, layerValue, type Activation, type Site, type Value } from './value.ts';

function relu(site: Site): Value {
  const input = activationAt(site, 0);
  const tensor = site.clean.node('Relu', [input.tensor]);
  return layerValue(site, site.draft.add({ kind: 'relu' }, [input.node], {}), input.dims, tensor);
}

/** The same tensor. */
function pass(site: Site): Value {
  const [input] = site.inputs;
  if (input === undefined) throw site.fail('it has no input');
  return input.kind === 'activation' || input.kind === 'pixels' ? heldAs(site, input, input.dims, input.tensor) : input;
}

function dropout(site: Site): Value {
  const training = site.inputs[2];
  site.attributes.ignore('ratio', 'seed');
  if (training !== undefined && (training.kind !== 'constant' || training.constant.numbers.values.some((value) => value !== 0)))
    throw site.fail('it is in training mode; export the model for inference');
  return pass(site);
}

const floating: readonly number[] = [dataType.float, dataType.float16, dataType.double, dataType.bfloat16];

function cast(site: Site): Value {
  const [input] = site.inputs;
  const to = site.attributes.int('to', 0);
  site.attributes.ignore('saturate');
  if (input?.kind === 'extents' || (input?.kind === 'constant' && input.constant.numbers.kind === 'integers')) return pass(site);
  if (!floating.includes(to)) throw site.fail('only casts to floating point can be represented');
  if (to !== dataType.float) site.note('what it computes in another precision is computed in f32');
  if (input?.kind !== 'pixels' || !input.bytes) return pass(site);
  return { ...input, bytes: false, tensor: site.clean.node('Cast', [input.tensor], { to: dataType.float }) };
}

function constant(site: Site): Value {
  const { attributes } = site;
  const given = ['value', 'value_float', 'value_floats', 'value_int', 'value_ints'].flatMap((name) => attributes.any(name) ?? []);
  const [only] = given;
  if (only === undefined || given.length > 1) throw site.fail('it holds no number that can be read');
  switch (only.kind) {
    case 'tensor': {
      const read = site.constants.read(only.value, only.value.name);
      if (!site.draft.spend(read.numbers.values.length)) throw site.fail('too many numbers');
      return constantValue(site, read);
    }
    case 'float':
    case 'floats': {
      const values = Float32Array.from(only.kind === 'float' ? [only.value] : only.value);
      if (!values.every(Number.isFinite)) throw site.fail('a number that is not finite');
      return constantValue(site, { dims: only.kind === 'float' ? [] : [values.length], numbers: { kind: 'floats', values } });
    }
    case 'int':
    case 'ints': {
      const values = only.kind === 'int' ? [only.value] : only.value;
      return constantValue(site, { dims: only.kind === 'int' ? [] : [values.length], numbers: { kind: 'integers', values } });
    }
    default:
      throw site.fail('it holds no number that can be read');
  }
}

/** Dims in which the channels stand in that dimension and nowhere else, or undefined. */
function stackable(site: Site, part: Activation, axis: number): Dims | undefined {
  const shape = site.draft.shapeOf(part.node);
  const at = shape.channels > 1 ? channelDim(part.dims, shape) : axis;
  if (at !== axis || part.dims[axis] === 'N') return undefined;
  return part.dims.map((dim, position) => {
    if (dim === 'N') return dim;
    return position === axis ? ['C'] : dim.filter((name) => name !== 'C');
  });
}

function concat(site: Site): Value {
  const axis = site.attributes.int('axis', 1);
  if (site.inputs.every((input) => input?.kind === 'extents' || input?.kind === 'constant')) return joinExtents(site);
  const parts = site.inputs.map((_input, index) => activationAt(site, index));
  const [first] = parts;
  if (first === undefined) throw site.fail('it has no input');
  const [position = 0] = dimensionsOf(site, [axis], first.dims.length);
  const held = parts.map((part) => stackable(site, part, position));
  const dims = held[0];
  if (dims === undefined || held.includes(undefined)) throw site.fail(`axis ${axis} is not the channels`);
  const shapes = parts.map((part) => site.draft.shapeOf(part.node));
  parts.forEach((_part, index) => {
    const shape = shapes[index];
    if (shape === undefined || !sameDims(dims, held[index] as Dims, { ...shape, channels: 2 }))
      throw site.fail('its inputs are not held alike');
  });
  if (parts.length === 1) return pass(site);
  const tensor = site.clean.node(
    'Concat',
    parts.map((part) => part.tensor),
    { axis: position },
  );
  const put = site.draft.add(
    { kind: 'concat' },
    parts.map((part) => part.node),
    {},
  );
  return layerValue(site, put, dims, tensor);
}

/** At the end; what is wanted are the logits before it. */
function softmax(site: Site): Value {
  const input = activationAt(site, 0);
  const shape = site.draft.shapeOf(input.node);
  const axis = site.attributes.int('axis', site.opset < 13 ? 1 : -1);
  const [position] = dimensionsOf(site, [axis], input.dims.length);
  const alone = shape.height === 1 && shape.width === 1;
  // Before operator set 13 it was taken over all dimensions from the axis on.
  const own = channelDim(input.dims, shape);
  if (!alone || (site.opset < 13 ? position !== 1 : position !== own)) throw site.fail('it is not over the classes');
  return { kind: 'probabilities', of: input };
}

export interface Operator {
  /** How many inputs it has at most. */
  readonly inputs: number;
  /** What its first output is. */
  read(site: Site): Value;
}

const operator = (inputs: number, read: (site: Site) => Value): Operator => ({ inputs, read });

/** A map, so that an operator named `constructor` finds nothing. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ['Add', operator(2, arithmetic('Add'))],
  ['AveragePool', operator(1, averagePool)],
  ['BatchNormalization', operator(5, batchNormalization)],
  ['Cast', operator(1, cast)],
  ['Concat', operator(Infinity, concat)],
  ['Constant', operator(0, constant)],
  ['Conv', operator(3, conv)],
  ['Div', operator(2, arithmetic('Div'))],
  ['Dropout', operator(3, dropout)],
  ['Flatten', operator(1, flatten)],
  ['Gather', operator(2, gather)],
  ['Gemm', operator(3, gemm)],
  ['GlobalAveragePool', operator(1, globalAveragePool)],
  ['Identity', operator(1, pass)],
  ['LogSoftmax', operator(1, softmax)],
  ['MatMul', operator(2, matMul)],
  ['MaxPool', operator(1, maxPool)],
  ['Mul', operator(2, arithmetic('Mul'))],
  ['Pad', operator(4, zeroPad)],
  ['ReduceMean', operator(2, reduceMean)],
  ['Relu', operator(1, relu)],
  ['Reshape', operator(2, reshape)],
  ['Shape', operator(1, shapeAsValue)],
  ['Slice', operator(5, slice)],
  ['Softmax', operator(1, softmax)],
  ['Squeeze', operator(2, squeeze)],
  ['Sub', operator(2, arithmetic('Sub'))],
  ['Sum', operator(Infinity, sumOf)],
  ['Transpose', operator(1, transpose)],
  ['Unsqueeze', operator(2, unsqueeze)],
]);

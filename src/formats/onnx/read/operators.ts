/** The ONNX operators that can be read, one row each. A model with any other operator is refused. */
import { dataType } from '../proto.ts';
import { bounded, clip, elementwise, fragments, gelu, hardSigmoid, hardSwish, power, sigmoid } from './activations.ts';
import { arithmetic, sumOf } from './arithmetic.ts';
import { batchNormalization, conv } from './convolution.ts';
import { gemm, matMul } from './dense.ts';
import { channelDim, isChannelDim, sameDims, type Dims } from './dims.ts';
import { operandAt } from './formulas.ts';
import { knownOf, knownValue } from './known.ts';
import { layerNormalization, responseNormalization } from './layer-normalization.ts';
import {
  computedConstant,
  flatten,
  gather,
  reshape,
  shapeAsValue,
  slice,
  sequenceAt,
  split,
  splitToSequence,
  squeeze,
  transpose,
  unsqueeze,
} from './layout-operators.ts';
import { scattered } from './strided.ts';
import { averagePool, dimensionsOf, globalAveragePool, maxPool, reduceMean, zeroPad } from './pooling.ts';
import { activationAt, addLayer, withDims, type Activation, type OpContext, type Value } from './value.ts';

function relu(op: OpContext): Value {
  const input = operandAt(op, 0);
  const tensor = op.rewritten.node('Relu', [input.tensor]);
  return elementwise(op, input, { kind: 'relu' }, (x) => Math.max(x, 0), tensor);
}

/** The same tensor. */
function pass(op: OpContext): Value {
  const [input] = op.inputs;
  if (input === undefined) throw op.fail('it has no input');
  return input.kind === 'activation' || input.kind === 'pixels' ? withDims(op, input, input.dims, input.tensor) : input;
}

function dropout(op: OpContext): Value {
  const training = op.inputs[2];
  op.attributes.ignore('ratio', 'seed');
  if (training !== undefined && (training.kind !== 'constant' || training.constant.numbers.values.some((value) => value !== 0)))
    throw op.fail('it is in training mode; export the model for inference');
  return pass(op);
}

const floating: readonly number[] = [dataType.float, dataType.float16, dataType.double, dataType.bfloat16];

function cast(op: OpContext): Value {
  const [input] = op.inputs;
  const to = op.attributes.int('to', 0);
  op.attributes.ignore('saturate');
  if (!floating.includes(to)) throw op.fail('only casts to floating point can be represented');
  if (to !== dataType.float) op.note('casts to another precision than f32 are ignored');
  if (input?.kind !== 'pixels' || !input.bytes) return pass(op);
  return { ...input, bytes: false, tensor: op.rewritten.node('Cast', [input.tensor], { to: dataType.float }) };
}

/** A constant as numbers of another tensor's type, all of which are floats here. */
function castLike(op: OpContext): Value {
  const [input, like] = op.inputs;
  op.attributes.ignore('saturate');
  if (like?.kind === 'pixels' && like.bytes) throw op.fail('only casts to floating point can be represented');
  const known = input === undefined ? undefined : knownOf(input);
  const isFloating = like?.kind !== 'extents' && !(like?.kind === 'constant' && like.constant.numbers.kind === 'integers');
  if (known === undefined) return pass(op);
  return knownValue(op, {
    ...known,
    floating: isFloating,
    values: isFloating ? known.values : Array.from(known.values, (value) => (value === 'N' ? value : Math.trunc(value))),
  });
}

function constant(op: OpContext): Value {
  const { attributes } = op;
  const given = ['value', 'value_float', 'value_floats', 'value_int', 'value_ints'].flatMap((name) => attributes.any(name) ?? []);
  const [only] = given;
  if (only === undefined || given.length > 1) throw op.fail('it holds no readable value');
  switch (only.kind) {
    case 'tensor': {
      const read = op.constants.read(only.value, only.value.name);
      if (!op.builder.spend(read.numbers.values.length)) throw op.fail('too many numbers');
      return computedConstant(op, read);
    }
    case 'float':
    case 'floats': {
      const values = Float32Array.from(only.kind === 'float' ? [only.value] : only.value);
      if (!values.every(Number.isFinite)) throw op.fail('a number that is not finite');
      return computedConstant(op, { dims: only.kind === 'float' ? [] : [values.length], numbers: { kind: 'floats', values } });
    }
    case 'int':
    case 'ints': {
      const values = only.kind === 'int' ? [only.value] : only.value;
      return computedConstant(op, { dims: only.kind === 'int' ? [] : [values.length], numbers: { kind: 'integers', values } });
    }
    default:
      throw op.fail('it holds no readable value');
  }
}

/** The dims of an input of Concat if that dimension is the channels; else undefined. */
function stackable(op: OpContext, part: Activation, axis: number): Dims | undefined {
  const shape = op.builder.shapeOf(part.node);
  if (!isChannelDim(part.dims, axis, shape)) return undefined;
  return part.dims.map((dim, position) => {
    if (dim === 'N') return dim;
    return position === axis ? ['C'] : dim.filter((name) => name !== 'C');
  });
}

function concat(op: OpContext): Value {
  const axis = op.attributes.int('axis', 1);
  const parts = op.inputs.map((_input, index) => activationAt(op, index));
  const [first] = parts;
  if (first === undefined) throw op.fail('it has no input');
  const [position = 0] = dimensionsOf(op, [axis], first.dims.length);
  const held = parts.map((part) => stackable(op, part, position));
  const dims = held[0];
  if (dims === undefined || held.includes(undefined)) throw op.fail(`axis ${axis} is not the channels`);
  const areAlike = parts.every(({ node }, index) =>
    sameDims(dims, held[index] as Dims, { ...op.builder.shapeOf(node), channels: 2 }),
  );
  if (!areAlike) throw op.fail('its inputs are of different layouts');
  if (parts.length === 1) return pass(op);
  const names = parts.map((part) => part.tensor);
  const tensor = op.rewritten.node('Concat', names, { axis: position });
  return addLayer(op, { kind: 'concat' }, parts, { dims, tensor });
}

/** Only supported as the last node: the network ends with the logits. */
function softmax(op: OpContext): Value {
  const input = activationAt(op, 0);
  const shape = op.builder.shapeOf(input.node);
  const axis = op.attributes.int('axis', op.opset < 13 ? 1 : -1);
  const [position] = dimensionsOf(op, [axis], input.dims.length);
  const isVector = shape.height === 1 && shape.width === 1;
  // Before operator set 13, over all dimensions from the axis on.
  const own = channelDim(input.dims, shape);
  if (!isVector || (op.opset < 13 ? position !== 1 : position !== own)) throw op.fail('it is not over the classes');
  return { kind: 'probabilities', of: input };
}

/** Most inputs; the function that returns the output, or all of them; and the first operator set that has it, if that is not the oldest. */
type Operator = readonly [inputs: number, read: (op: OpContext) => Value | readonly Value[], since?: number];

/** A map: an operator named `constructor` finds nothing. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...Object.entries(fragments).map(([name, read]): [string, Operator] => [name, [1, read]]),
  ['Add', [2, arithmetic('Add')]],
  ['AveragePool', [1, averagePool]],
  ['BatchNormalization', [5, batchNormalization]],
  ['Cast', [1, cast]],
  ['CastLike', [2, castLike, 15]],
  ['Clip', [3, clip]],
  ['Concat', [Infinity, concat]],
  ['Constant', [0, constant]],
  ['Conv', [3, conv]],
  ['Div', [2, arithmetic('Div')]],
  ['Dropout', [3, dropout]],
  ['Flatten', [1, flatten]],
  ['Gather', [2, gather]],
  ['Gelu', [1, gelu, 20]],
  ['Gemm', [3, gemm]],
  ['GlobalAveragePool', [1, globalAveragePool]],
  ['HardSigmoid', [1, hardSigmoid]],
  ['HardSwish', [1, hardSwish, 14]],
  ['Identity', [1, pass]],
  ['LRN', [1, responseNormalization]],
  ['LayerNormalization', [3, layerNormalization, 17]],
  ['LogSoftmax', [1, softmax]],
  ['MatMul', [2, matMul]],
  ['Max', [2, bounded('Max')]],
  ['MaxPool', [1, maxPool]],
  ['Min', [2, bounded('Min')]],
  ['Mul', [2, arithmetic('Mul')]],
  ['Pad', [4, zeroPad]],
  ['Pow', [2, power]],
  ['ReduceMean', [2, reduceMean]],
  ['Relu', [1, relu]],
  ['Reshape', [2, reshape]],
  ['ScatterND', [3, scattered]],
  ['SequenceAt', [2, sequenceAt]],
  ['Shape', [1, shapeAsValue]],
  ['Sigmoid', [1, sigmoid]],
  ['Slice', [5, slice]],
  ['Softmax', [1, softmax]],
  ['Split', [2, split]],
  ['SplitToSequence', [2, splitToSequence]],
  ['Squeeze', [2, squeeze]],
  ['Sub', [2, arithmetic('Sub')]],
  ['Sum', [Infinity, sumOf]],
  ['Transpose', [1, transpose]],
  ['Unsqueeze', [2, unsqueeze]],
]);

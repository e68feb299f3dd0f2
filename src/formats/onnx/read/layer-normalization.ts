/**
 * Layer normalisation over channels: the operator, and what exporters write for it as several: (x − mean)/√(mean((x − mean)²) + ε).
 * The scale and the shift that follow are multiplied and added like those of any layer.
 */
import { axesIn, sameDims } from './dims.ts';
import {
  activationAt,
  addLayer,
  newNumbers,
  planeAt,
  weightsAt,
  type Activation,
  type Moment,
  type OpContext,
  type Value,
  type Weights,
} from './value.ts';

/** Whether the axes from that position on, or those listed, are the channels and nothing else. */
function areChannels(op: OpContext, { dims, node }: Activation, over: readonly number[]): boolean {
  const shape = op.builder.shapeOf(node);
  const positions = new Set(over.map((axis) => (axis < 0 ? axis + dims.length : axis)));
  const axesAt = (isOver: boolean): string =>
    dims.flatMap((dim, at) => (positions.has(at) === isOver ? axesIn(dim, shape) : [])).join();
  const inside = [...positions].every((at) => at > 0 && at < dims.length);
  return inside && shape.channels > 1 && axesAt(true) === 'C' && !axesAt(false).includes('C');
}

function layer(op: OpContext, input: Activation, epsilon: number, tensor: string, scale?: Weights, shift?: Weights): Value {
  if (!(epsilon > 0)) throw op.fail(`epsilon ${epsilon} cannot be represented`);
  const { channels } = op.builder.shapeOf(input.node);
  const numbers = (name: string, given: Weights | undefined, otherwise: number): Float32Array => {
    if (given === undefined) return newNumbers(op, [channels]).fill(otherwise);
    if (given.values.length !== channels)
      throw op.fail(`its ${name} has the extents ${given.dims.join('×') || 'of one number'}, not ${channels}`);
    return given.values;
  };
  const tensors = {
    scale: { shape: [channels], data: numbers('scale', scale, 1) },
    shift: { shape: [channels], data: numbers('shift', shift, 0) },
  };
  return addLayer(op, { kind: 'layer-normalization', epsilon }, [input], { dims: input.dims, tensor }, tensors);
}

export function layerNormalization(op: OpContext): Value {
  const input = activationAt(op, 0);
  const { attributes, rewritten } = op;
  attributes.ignore('stash_type');
  const axis = attributes.int('axis', -1);
  const rank = input.dims.length;
  const first = axis < 0 ? axis + rank : axis;
  const over = Array.from({ length: Math.max(0, rank - first) }, (_none, at) => first + at);
  if (!areChannels(op, input, over))
    throw op.fail('a normalisation over anything but the channels of each pixel cannot be represented');
  const [scale, shift] = [weightsAt(op, 1, 'scale'), weightsAt(op, 2, 'shift')];
  if (scale === undefined) throw op.fail('it has no scale');
  const epsilon = attributes.float('epsilon', 1e-5);
  const names = [input.tensor, scale.tensor(), ...(shift === undefined ? [] : [shift.tensor()])];
  const tensor = rewritten.node('LayerNormalization', names, { axis, epsilon: { float: epsilon } });
  return layer(op, input, epsilon, tensor, scale, shift);
}

/** One number, whatever its extents. */
function numberAt(op: OpContext, index: number): { readonly value: number; readonly name: string } | undefined {
  const value = op.inputs[index];
  if (value?.kind !== 'constant') return undefined;
  const { values, tensor } = weightsAt(op, index, 'other input') as Weights;
  return values.length === 1 ? { value: values[0] as number, name: tensor() } : undefined;
}

const nameOf = (value: Value | undefined): string =>
  value !== undefined && 'tensor' in value && typeof value.tensor === 'string' ? value.tensor : '';

/** The mean over channels, with their axis kept; undefined where it is another mean. */
function meanOf(op: OpContext): Value | undefined {
  const [given] = op.inputs;
  const moment = given?.kind === 'moment' && given.stage === 'square' ? given : undefined;
  if (given?.kind !== 'activation' && moment === undefined) return undefined;
  const input = moment?.of ?? activationAt(op, 0);
  const axes = op.inputs[1];
  const over =
    op.attributes.ints('axes') ??
    (axes?.kind === 'constant' && axes.constant.numbers.kind === 'integers' ? axes.constant.numbers.values : undefined);
  if (over === undefined || op.attributes.int('keepdims', 1) !== 1 || !areChannels(op, input, over)) return undefined;
  op.attributes.ignore('noop_with_empty_axes');
  const own = (moment ?? input).tensor;
  const tensor =
    op.opset < 18
      ? op.rewritten.node('ReduceMean', [own], { axes: over, keepdims: 1 })
      : op.rewritten.node('ReduceMean', [own, op.rewritten.integers('axes', over)], { keepdims: 1 });
  return { kind: 'moment', of: input, stage: moment === undefined ? 'mean' : 'variance', epsilon: 0, tensor };
}

const sameTensor = (op: OpContext, one: Activation, other: Activation): boolean =>
  one.node === other.node && sameDims(one.dims, other.dims, op.builder.shapeOf(one.node));

type Stage = Moment['stage'];

/** The next moment of an operator with two inputs; `first` and `second` in either order where the operator allows it. */
function ofTwo(op: OpContext): Value | undefined {
  const [first, second] = op.inputs;
  const is = (value: Value | undefined, stage: Stage): value is Moment => value?.kind === 'moment' && value.stage === stage;
  const emitted = (): string => op.rewritten.node(op.name, [nameOf(first), nameOf(second)]);
  const moment = (of: Moment, stage: Stage, tensor: string, epsilon = of.epsilon): Value => ({ ...of, stage, epsilon, tensor });
  switch (op.name) {
    case 'Sub':
      return first?.kind === 'activation' && is(second, 'mean') && sameTensor(op, first, second.of)
        ? moment(second, 'centred', emitted())
        : undefined;
    case 'Pow': {
      const exponent = numberAt(op, 1);
      return is(first, 'centred') && exponent?.value === 2
        ? moment(first, 'square', op.rewritten.node('Pow', [first.tensor, exponent.name]))
        : undefined;
    }
    case 'Add': {
      const [variance, at] = is(first, 'variance') ? [first, 1] : [second, 0];
      const epsilon = numberAt(op, at);
      return is(variance, 'variance') && epsilon !== undefined
        ? moment(variance, 'shifted', op.rewritten.node('Add', [variance.tensor, epsilon.name]), epsilon.value)
        : undefined;
    }
    case 'Mul': {
      if (is(first, 'centred') && is(second, 'centred') && sameTensor(op, first.of, second.of))
        return moment(first, 'square', emitted());
      const [centred, rate] = is(first, 'centred') ? [first, second] : [second, first];
      return is(centred, 'centred') && is(rate, 'rate') && sameTensor(op, centred.of, rate.of)
        ? layer(op, centred.of, rate.epsilon, emitted())
        : undefined;
    }
    case 'Div': {
      if (is(first, 'centred') && is(second, 'deviation') && sameTensor(op, first.of, second.of))
        return layer(op, first.of, second.epsilon, emitted());
      const one = numberAt(op, 0);
      return one?.value === 1 && is(second, 'deviation')
        ? moment(second, 'rate', op.rewritten.node('Div', [one.name, second.tensor]))
        : undefined;
    }
    default:
      return undefined;
  }
}

function ofOne(op: OpContext): Value | undefined {
  const [input] = op.inputs;
  if (input?.kind !== 'moment') return undefined;
  const next = (stage: Stage): Value => ({ ...input, stage, tensor: op.rewritten.node(op.name, [input.tensor]) });
  if (op.name === 'Sqrt' && input.stage === 'shifted') return next('deviation');
  if (op.name === 'Reciprocal' && input.stage === 'deviation') return next('rate');
  return undefined;
}

/** The value of an operator that is a part of a layer normalisation; undefined for others. */
export const partOfNormalisation = (op: OpContext): Value | undefined =>
  op.name === 'ReduceMean'
    ? meanOf(op)
    : op.inputs.some((input) => input?.kind === 'moment')
      ? (ofTwo(op) ?? ofOne(op))
      : undefined;

/** The local response normalisation. */
export function responseNormalization(op: OpContext): Value {
  const input = planeAt(op, 0);
  const { attributes, rewritten } = op;
  const [alpha, beta, bias] = [attributes.float('alpha', 1e-4), attributes.float('beta', 0.75), attributes.float('bias', 1)];
  const size = attributes.int('size', 0);
  if (size < 1 || size % 2 === 0 || size > 65_535) throw op.fail(`size ${size} cannot be represented`);
  if (!(alpha >= 0 && beta > 0 && bias > 0)) throw op.fail(`alpha ${alpha}, beta ${beta}, bias ${bias} cannot be represented`);
  const floats = { alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias } };
  const tensor = rewritten.node('LRN', [input.tensor], { size, ...floats });
  return addLayer(op, { kind: 'response-normalization', size, alpha, beta, bias }, [input], { dims: input.dims, tensor });
}

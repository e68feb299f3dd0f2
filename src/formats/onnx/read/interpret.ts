/** Converts a checked graph to a network, node by node. */
import type { Network, Shape } from '../../../network/network.ts';
import { problemOf } from '../../../network/check.ts';
import type { Tensors } from '../../../network/tensor.ts';
import { UserError } from '../../../util/user-error.ts';
import { graphBuilder } from '../build.ts';
import { dataType, type ModelProto, type TensorProto } from '../proto.ts';
import { attributesOf } from './attributes.ts';
import type { Constant, ConstantReader } from './constant.ts';
import { networkBuilder, type Affine } from './network-builder.ts';
import { nodeFailure, quotedName } from './failure.ts';
import type { Graph } from './graph.ts';
import { dimsOf, extentsOf, type ImageInput } from './image.ts';
import { operators } from './operators.ts';
import { describeValue, type Activation, type OpContext, type Value } from './value.ts';

export interface Interpreted {
  readonly network: Network;
  readonly tensors: Tensors;
  /** The normalisation of the input before the first layer; null where there is none. */
  readonly normalisation: Affine | null;
  /** The model rewritten from what was read; input `images`, one output. */
  readonly rewritten: ModelProto;
  readonly notes: readonly string[];
}

/** Most f32 that a file of so many bytes may become: more than it has, for kernels that are padded or shared. */
const allowanceOf = (bytes: number): number => 2 * bytes + 2 ** 20;
/** Bytes of an f32. */
const floatBytes = 4;

const irFor = (opset: number): number => (opset <= 18 ? 8 : 10);

/** `bytes`: of the file. */
export function interpret(
  graph: Graph,
  image: ImageInput,
  shape: Shape,
  constants: ConstantReader,
  bytes: number,
  where: string,
): Interpreted {
  const builder = networkBuilder(shape, allowanceOf(bytes));
  const rewritten = graphBuilder();
  const input = rewritten.fresh('images');
  const notes = new Map<string, number>();
  const note = (text: string): void => void notes.set(text, (notes.get(text) ?? 0) + 1);
  const values = new Map<string, Value>();
  const none = Array.from({ length: shape.channels }, () => 0);
  values.set(graph.input.name, {
    kind: 'pixels',
    dims: dimsOf(image),
    tensor: input,
    bytes: image.type === 'uint8',
    scale: none.map(() => 1),
    shift: none,
  });

  /** An initializer, read when the first node asks for it. */
  function initializer(name: string, tensor: TensorProto): Value {
    const constant: Constant = constants.read(tensor, name);
    const { dims, numbers } = constant;
    if (tensor.external !== undefined) builder.allow(allowanceOf(floatBytes * numbers.values.length));
    if (!builder.spend(numbers.values.length))
      throw new UserError(`${where}: tensor ${quotedName(name)}: more than the file can mean`);
    let written: string | undefined;
    return {
      kind: 'constant',
      constant,
      tensor() {
        if (numbers.kind !== 'floats')
          throw new UserError(`${where}: tensor ${quotedName(name)}: whole numbers cannot be computed with`);
        return (written ??= rewritten.floats('constant', dims, numbers.values));
      },
    };
  }

  function valueOf(name: string): Value | undefined {
    const known = values.get(name);
    if (known !== undefined || name === '') return known;
    const tensor = graph.initializers.get(name);
    if (tensor === undefined) return undefined;
    const value = initializer(name, tensor);
    values.set(name, value);
    return value;
  }

  for (const node of graph.nodes) {
    const fail = (problem: string): UserError => nodeFailure(where, node, problem);
    const operator = node.domain === '' ? operators.get(node.opType) : undefined;
    if (operator === undefined) throw fail('this operator cannot be represented');
    if (node.inputs.length > operator.inputs) throw fail(`it has ${node.inputs.length} inputs`);
    const [output = ''] = node.outputs;
    const attributes = attributesOf(where, node);
    const op: OpContext = {
      opset: graph.opset,
      inputs: node.inputs.map(valueOf),
      attributes,
      constants,
      builder,
      rewritten,
      hasOneReader: graph.readers.get(output) === 1,
      batch: image.batch,
      note,
      fail,
    };
    const value = operator.read(op);
    attributes.finish();
    values.set(output, value);
  }

  const given = values.get(graph.output);
  const logits: Activation | undefined =
    given?.kind === 'probabilities' ? given.of : given?.kind === 'activation' ? given : undefined;
  if (logits === undefined || logits.zeros !== undefined)
    throw new UserError(`${where}: its output is ${describeValue(given)}, no logits`);
  const { channels, height, width } = builder.shapeOf(logits.node);
  if (height !== 1 || width !== 1)
    throw new UserError(`${where}: its output is a map of ${channels}×${height}×${width}, no logits`);
  const { network, tensors } = builder.finish(logits.node);
  const problem = problemOf(network);
  if (problem !== undefined) throw new UserError(`${where}: ${problem}`);

  const shared = [...graph.readers].filter(([name, count]) => count > 1 && isWeight(graph.initializers.get(name))).length;
  if (shared > 0) note(`weights that several nodes share are learned apart from here on`);
  for (const [type, count] of constants.converted) note(`${count} tensors of ${type} are computed in f32`);
  const affine = builder.normalisation();
  const plain = affine === null || (affine.scale.every((factor) => factor === 1) && affine.shift.every((sum) => sum === 0));
  const info = {
    name: input,
    elementType: image.type === 'uint8' ? dataType.uint8 : dataType.float,
    shape: extentsOf(image, shape),
  };
  const output = { name: logits.tensor, elementType: dataType.float, shape: null };
  return {
    network,
    tensors,
    normalisation: plain && image.type === 'float' ? null : affine,
    rewritten: {
      irVersion: irFor(graph.opset),
      opsets: [{ domain: '', version: graph.opset }],
      producer: 'Instar',
      producerVersion: '',
      graph: rewritten.graph('rewritten', [info], [output]),
      metadata: {},
      functions: 0,
    },
    notes: [...notes].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`)),
  };
}

/** A kernel: of two dimensions or more. */
const isWeight = (tensor: TensorProto | undefined): boolean =>
  tensor !== undefined && tensor.dims.length >= 2 && tensor.dataType !== dataType.int64;

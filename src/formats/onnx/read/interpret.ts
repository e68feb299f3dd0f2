/** Converts a checked graph to a network, node by node. */
import type { Affine } from '../../../network/affine.ts';
import type { Network, Shape } from '../../../network/network.ts';
import { problemOf } from '../../../network/check.ts';
import type { Tensors } from '../../../network/tensor.ts';
import { UserError } from '../../../util/user-error.ts';
import { graphBuilder, modelOf, type GraphBuilder } from '../build.ts';
import { dataType, type ModelProto, type NodeProto, type TensorProto } from '../proto.ts';
import { attributesOf } from './attributes.ts';
import type { ConstantReader } from './constant.ts';
import { networkBuilder, type NetworkBuilder } from './network-builder.ts';
import { nodeFailure, quotedName } from './failure.ts';
import type { Graph } from './graph.ts';
import { dimsOf, extentsOf, type ImageInput } from './image.ts';
import { partOfNormalisation } from './layer-normalization.ts';
import { operators } from './operators.ts';
import { folded, isFolded } from './fold.ts';
import { placesOf } from './strided.ts';
import { constantValue, describeValue, type Activation, type OpContext, type Value } from './value.ts';

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

/** What the nodes of a model share while they are read. */
interface Reading {
  readonly graph: Graph;
  readonly image: ImageInput;
  readonly constants: ConstantReader;
  readonly where: string;
  readonly builder: NetworkBuilder;
  readonly rewritten: GraphBuilder;
  /** Values by name: the image, outputs of nodes, and initializers once they are read. */
  readonly values: Map<string, Value>;
  /** How often each note was made. */
  readonly notes: Map<string, number>;
}

function readInitializer({ constants, builder, rewritten, where }: Reading, name: string, tensor: TensorProto): Value {
  const constant = constants.read(tensor, name);
  const count = constant.numbers.values.length;
  const fail = (problem: string): UserError => new UserError(`${where}: tensor ${quotedName(name)}: ${problem}`);
  if (tensor.external !== undefined) builder.allow(allowanceOf(floatBytes * count));
  if (!builder.spend(count)) throw fail('it has more numbers than a file of this size can mean');
  return constantValue(rewritten, constant, fail);
}

/** The value of that name; an initializer is read when the first node needs it. */
function valueOf(reading: Reading, name: string): Value | undefined {
  const known = reading.values.get(name);
  const tensor = reading.graph.initializers.get(name);
  if (known !== undefined || name === '' || tensor === undefined) return known;
  const value = readInitializer(reading, name, tensor);
  reading.values.set(name, value);
  return value;
}

function readNode(reading: Reading, node: NodeProto): void {
  const { graph, where, constants, builder, rewritten, notes } = reading;
  const fail = (problem: string): UserError => nodeFailure(where, node, problem);
  const operator = node.domain === '' ? operators.get(node.opType) : undefined;
  if (node.domain !== '' || (operator === undefined && !isFolded(node.opType))) throw fail('this operator cannot be represented');
  const [mostInputs = Infinity, , since = 0] = operator ?? [];
  if (graph.opset < since) throw fail(`operator set ${graph.opset} does not have it: it came with ${since}`);
  if (node.inputs.length > mostInputs) throw fail(`it has ${node.inputs.length} inputs`);
  const [output = ''] = node.outputs;
  const attributes = attributesOf(where, node);
  const op: OpContext = {
    opset: graph.opset,
    name: node.opType,
    outputs: node.outputs.length,
    inputs: node.inputs.map((name) => valueOf(reading, name)),
    attributes,
    constants,
    builder,
    rewritten,
    hasOneReader: graph.readers.get(output) === 1,
    batch: reading.image.batch,
    note: (text) => void notes.set(text, (notes.get(text) ?? 0) + 1),
    fail,
  };
  const value = placesOf(op) ?? folded(op, node.opType) ?? partOfNormalisation(op) ?? operator?.[1](op);
  if (value === undefined) throw fail('this operator cannot be represented');
  attributes.finish();
  const values = Array.isArray(value) ? (value as readonly Value[]) : [value as Value];
  node.outputs.forEach((name, at) => {
    const result = values[at];
    if (name !== '' && result !== undefined) reading.values.set(name, result);
  });
}

/** The logits of the graph's output: the output itself, or the input of its softmax. */
function logitsOf({ graph, values, builder, where }: Reading): Activation {
  const output = values.get(graph.output);
  const logits = output?.kind === 'probabilities' ? output.of : output;
  if (logits?.kind !== 'activation' || logits.zeros !== undefined)
    throw new UserError(`${where}: its output is ${describeValue(output)}, not logits`);
  const { channels, height, width } = builder.shapeOf(logits.node);
  if (height !== 1 || width !== 1)
    throw new UserError(`${where}: its output is a map of ${channels}×${height}×${width}, not logits`);
  return logits;
}

/** Lines for the user about the model as a whole. */
function generalNotes({ graph, constants }: Reading): string[] {
  const shared = [...graph.readers].some(([name, count]) => count > 1 && isWeight(graph.initializers.get(name)));
  const converted = [...constants.converted].map(([type, count]) => `${count} tensors of ${type} are computed in f32`);
  return [...(shared ? ['weights that several nodes share are trained separately'] : []), ...converted];
}

function rewrittenModel({ graph, rewritten, image }: Reading, input: string, shape: Shape, logits: Activation): ModelProto {
  const elementType = image.type === 'uint8' ? dataType.uint8 : dataType.float;
  const inputs = [{ name: input, elementType, shape: extentsOf(image, shape) }];
  const outputs = [{ name: logits.tensor, elementType: dataType.float, shape: null }];
  return {
    ...modelOf(rewritten.graph('rewritten', inputs, outputs), ''),
    irVersion: irFor(graph.opset),
    opsets: [{ domain: '', version: graph.opset }],
  };
}

interface Begun {
  readonly reading: Reading;
  /** The image's name in the rewritten model. */
  readonly input: string;
}

/** Nothing is read yet. `bytes`: the file's size. */
function begin(graph: Graph, image: ImageInput, shape: Shape, constants: ConstantReader, bytes: number, where: string): Begun {
  const builder = networkBuilder(shape, allowanceOf(bytes));
  const rewritten = graphBuilder();
  const input = rewritten.fresh('images');
  const [scale, shift] = [1, 0].map((value) => Array.from({ length: shape.channels }, () => value)) as [number[], number[]];
  const pixels: Value = { kind: 'pixels', dims: dimsOf(image), tensor: input, bytes: image.type === 'uint8', scale, shift };
  const values = new Map([[graph.input.name, pixels]]);
  return { reading: { graph, image, constants, where, builder, rewritten, values, notes: new Map() }, input };
}

/** `bytes`: the file's size. */
export function interpret(
  graph: Graph,
  image: ImageInput,
  shape: Shape,
  constants: ConstantReader,
  bytes: number,
  where: string,
): Interpreted {
  const { reading, input } = begin(graph, image, shape, constants, bytes, where);
  const { builder } = reading;
  for (const node of graph.nodes) readNode(reading, node);
  const logits = logitsOf(reading);
  const { network, tensors } = builder.finish(logits.node);
  const problem = problemOf(network);
  if (problem !== undefined) throw new UserError(`${where}: ${problem}`);
  const affine = builder.normalisation();
  const plain = affine === null || isPlain(affine);
  const notes = [...reading.notes].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`));
  return {
    network,
    tensors,
    normalisation: plain && image.type === 'float' ? null : affine,
    rewritten: rewrittenModel(reading, input, shape, logits),
    notes: [...notes, ...generalNotes(reading)],
  };
}

const isPlain = ({ scale, shift }: Affine): boolean => scale.every((factor) => factor === 1) && shift.every((sum) => sum === 0);

export interface Beginning {
  /** The normalisation of the input before the first layer; null where there is none. */
  readonly normalisation: Affine | null;
  /** The first layers, as far as they can be represented. */
  readonly network: Network;
  readonly tensors: Tensors;
}

/** Operators before which a model's preprocessing is over. */
const layerOperators = new Set(['Conv', 'Pad', 'BatchNormalization', 'MaxPool', 'AveragePool', 'Gemm', 'MatMul', 'Flatten']);

/** Nodes that are read behind the first layer, at most: a batch normalisation stands there, where there is one. */
const nodesBehind = 4;

/**
 * What a model does to the image first; of a model too that cannot be represented as a whole, and without its other weights. Null
 * where the image is not read in one way.
 */
export function interpretBeginning(
  graph: Graph,
  image: ImageInput,
  shape: Shape,
  constants: ConstantReader,
  bytes: number,
  where: string,
): Beginning | null {
  const { reading } = begin(graph, image, shape, constants, bytes, where);
  const { builder, values } = reading;
  let [last, behind] = [builder.image, 0];
  let unread: Affine | null = null;
  for (const node of graph.nodes) {
    if (builder.normalisation() !== null && behind++ >= nodesBehind) break;
    try {
      readNode(reading, node);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const read = node.inputs.map((name) => values.get(name));
      const pixels = read.find((value) => value?.kind === 'pixels');
      // A layer reads the image as it is here; anything else may change it in a way that is not known.
      if (pixels?.kind === 'pixels') unread = layerOperators.has(node.opType) ? pixels : null;
      if (read.some((value) => value?.kind === 'pixels' || value?.kind === 'activation')) break;
      continue;
    }
    const value = values.get(node.outputs[0] ?? '');
    if (value?.kind === 'activation') last = value.node;
  }
  const affine = builder.normalisation() ?? unread;
  if (affine === null) return null;
  return { normalisation: isPlain(affine) && image.type === 'float' ? null : affine, ...builder.finish(last) };
}

/** A kernel: of two dimensions or more. */
const isWeight = (tensor: TensorProto | undefined): boolean =>
  tensor !== undefined && tensor.dims.length >= 2 && tensor.dataType !== dataType.int64;

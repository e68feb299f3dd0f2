/**
 * Valid models of random networks over the whole union of layers, and the same as other exporters write it: activations,
 * normalisations and pools as several operators, shapes that are computed, constants as nodes or inputs, functions.
 */
import { deployedModel } from '../../src/formats/onnx/write-network.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import {
  dataType,
  type AttributeProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../../src/formats/onnx/proto.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import { inputShapeOf } from '../../src/network/network.ts';
import { asBytes } from '../../src/util/bytes.ts';
import { random, type Random } from '../../src/util/random.ts';
import { sampleOf, type Sample } from './onnx-damage.ts';
import { randomNetwork } from './random-networks.ts';

/** A model of a small random network, always the same of a seed. */
export function randomModel(seed: number): ModelProto {
  const stream = random('onnx sample', seed);
  const network = randomNetwork(stream, {
    layers: 4 + stream.integer(9),
    image: { channels: 1 + 2 * stream.integer(2), height: 6 + stream.integer(5), width: 6 + stream.integer(5) },
    classes: 2 + stream.integer(4),
    channels: 8,
  });
  const each = Array.from({ length: inputShapeOf(network).channels }, () => 0.4);
  return deployedModel(network, initialTensors(network, stream), { mean: each, std: each, producerVersion: '', metadata: {} });
}

/** A graph that is written anew. */
interface Writing {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  readonly stream: Random;
  /** A new name. */
  fresh(): string;
}

/** Adds a node; the name of its output. */
function put(
  w: Writing,
  opType: string,
  inputs: readonly string[],
  attributes: readonly AttributeProto[] = [],
  output = w.fresh(),
): string {
  w.nodes.push({ name: '', opType, domain: '', inputs, outputs: [output], attributes });
  return output;
}

/** Constants: initializers, or nodes. */
function held(w: Writing, tensor: Omit<TensorProto, 'name'>): string {
  const name = w.fresh();
  if (w.stream.float() < 0.5) w.initializers.push({ ...tensor, name });
  else put(w, 'Constant', [], [{ name: 'value', kind: 'tensor', value: { ...tensor, name: '' } }], name);
  return name;
}

const number = (w: Writing, value: number): string =>
  held(w, { dataType: dataType.float, dims: [], raw: asBytes(Float32Array.of(value)) });
const integers = (w: Writing, ...values: number[]): string =>
  held(w, { dataType: dataType.int64, dims: [values.length], int64s: values });
const ints = (name: string, ...value: number[]): AttributeProto => ({ name, kind: 'ints', value });
const int = (name: string, value: number): AttributeProto => ({ name, kind: 'int', value });

const inputOf = ({ inputs }: NodeProto): string => inputs[0] ?? '';

/** How else a node is written. The last node that it adds has the output of the given one. */
const ways: Readonly<Record<string, readonly ((w: Writing, node: NodeProto, output: string) => void)[]>> = {
  Relu: [
    (w, node, output) => void put(w, 'Clip', [inputOf(node), number(w, 0)], [], output),
    (w, node, output) => void put(w, 'Max', [inputOf(node), number(w, 0)], [], output),
  ],
  HardSwish: [
    (w, node, output) => {
      const clipped = put(w, 'Clip', [put(w, 'Add', [inputOf(node), number(w, 3)]), number(w, 0), number(w, 6)]);
      put(w, 'Div', [put(w, 'Mul', [inputOf(node), clipped]), number(w, 6)], [], output);
    },
    (w, node, output) => {
      const gate = put(w, 'HardSigmoid', [inputOf(node)], [{ name: 'alpha', kind: 'float', value: Math.fround(1 / 6) }]);
      put(w, 'Mul', [inputOf(node), gate], [], output);
    },
  ],
  Sigmoid: [
    (w, node, output) => {
      const power = put(w, 'Exp', [put(w, 'Neg', [inputOf(node)])]);
      put(w, 'Reciprocal', [put(w, 'Add', [power, number(w, 1)])], [], output);
    },
  ],
  GlobalAveragePool: [
    (w, node, output) => void put(w, 'ReduceMean', [inputOf(node)], [ints('axes', 2, 3), int('keepdims', 1)], output),
  ],
  // The batch from the shape of the tensor, the rest as it comes.
  Flatten: [
    (w, node, output) => {
      const shape = put(w, 'Shape', [inputOf(node)]);
      const batch = put(w, 'Unsqueeze', [
        put(w, 'Gather', [shape, held(w, { dataType: dataType.int64, dims: [], int64s: [0] })]),
        integers(w, 0),
      ]);
      put(w, 'Reshape', [inputOf(node), put(w, 'Concat', [batch, integers(w, -1)], [int('axis', 0)])], [], output);
    },
    (w, node, output) => {
      const batch = put(w, 'Slice', [put(w, 'Shape', [inputOf(node)]), integers(w, 0), integers(w, 1)]);
      put(w, 'Reshape', [inputOf(node), put(w, 'Concat', [batch, integers(w, -1)], [int('axis', 0)])], [], output);
    },
  ],
  LayerNormalization: [
    (w, { inputs: [x = '', scale = '', shift = ''], attributes }, output) => {
      const epsilon = attributes.find(({ name }) => name === 'epsilon');
      const mean = put(w, 'ReduceMean', [x], [ints('axes', -1)]);
      const centred = put(w, 'Sub', [x, mean]);
      const variance = put(w, 'ReduceMean', [put(w, 'Pow', [centred, number(w, 2)])], [ints('axes', -1)]);
      const deviation = put(w, 'Sqrt', [put(w, 'Add', [variance, number(w, epsilon?.kind === 'float' ? epsilon.value : 1e-5)])]);
      put(w, 'Add', [put(w, 'Mul', [put(w, 'Div', [centred, deviation]), scale]), shift], [], output);
    },
  ],
};

/** A function of the model for an activation. */
const rectified = {
  name: 'rectified',
  domain: 'of.the.model',
  inputs: ['x'],
  outputs: ['y'],
  opsets: [{ domain: '', version: 17 }],
  defaults: [],
  nodes: [
    { name: 'passed', opType: 'Identity', domain: '', inputs: ['x'], outputs: ['same'], attributes: [] },
    { name: 'rectified', opType: 'Relu', domain: '', inputs: ['same'], outputs: ['y'], attributes: [] },
  ],
};

/** The same model, as other exporters might write it. */
export function writtenElsewhere(model: ModelProto, stream: Random): ModelProto {
  let count = 0;
  const w: Writing = { nodes: [], initializers: [...model.graph.initializers], stream, fresh: () => `other ${count++}` };
  for (const node of model.graph.nodes) {
    const [output = ''] = node.outputs;
    const others = ways[node.opType] ?? [];
    const way = stream.float() < 0.6 && others.length > 0 ? stream.pick(others) : undefined;
    const isCall = way === undefined && node.opType === 'Relu' && stream.float() < 0.5;
    // What only passes a tensor on.
    const own = stream.float() < 0.15 && output !== 'logits' && output !== 'probabilities' ? w.fresh() : output;
    if (way !== undefined) way(w, node, own);
    else w.nodes.push({ ...node, outputs: [own], ...(isCall ? { opType: rectified.name, domain: rectified.domain } : {}) });
    if (own !== output) put(w, 'Identity', [own], [], output);
  }
  const { graph } = model;
  // Old exporters name initializers as inputs too.
  const named =
    stream.float() < 0.2
      ? w.initializers.map(({ name, dims, dataType: elementType }) => ({ name, elementType, shape: dims }))
      : [];
  return {
    ...model,
    opsets: [...model.opsets, { domain: rectified.domain, version: 1 }],
    functions: [rectified],
    graph: { ...graph, nodes: w.nodes, initializers: w.initializers, inputs: [...graph.inputs, ...named] },
  };
}

/** Half of them as other exporters write them. */
export const randomSamples = (count: number): readonly Sample[] =>
  Array.from({ length: count }, (_none, seed) => {
    const model = randomModel(seed);
    const isElsewhere = seed % 2 === 1;
    const written = isElsewhere ? writtenElsewhere(model, random('written elsewhere', seed)) : model;
    return sampleOf(`random ${seed}${isElsewhere ? ', written elsewhere' : ''}`, encodeModel(written));
  });

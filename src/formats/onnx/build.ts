/** Builds an ONNX graph node by node, with unique names and constants as initializers. */
import { askActivation, geluByTanh, type ActivationFunction, type ActivationTable } from '../../network/activations.ts';
import { marginsOf, type DilatedWindow, type Margins } from '../../network/network.ts';
import { asBytes } from '../../util/bytes.ts';
import {
  dataType,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto.ts';

/** The newest operator set and IR version that onnx 1.12 (Debian 12) knows; newer runtimes read them too. */
const opset = 17;
const irVersion = 8;

type AttributeValue = number | string | readonly number[] | { readonly float: number };
type Attributes = Readonly<Record<string, AttributeValue>>;

/** A convolution's or pool's attributes for a square window. */
export function windowAttributes(window: DilatedWindow & { readonly margins?: Margins }): Attributes {
  const { kernel, stride, dilation } = window;
  const { top, left, bottom, right } = marginsOf(window);
  return {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [top, left, bottom, right],
    ...(dilation === undefined ? {} : { dilations: [dilation, dilation] }),
  };
}

/**
 * The zero of a Pad. ONNX Runtime 1.30 moves the zeros of a Pad into the pads of a pool behind it, where they are −∞, or do not
 * count; it does not where a bit of the number is set.
 */
export const padZero = -0;

const attributeOf = (name: string, value: AttributeValue): AttributeProto => {
  if (typeof value === 'number') return { name, kind: 'int', value };
  if (typeof value === 'string') return { name, kind: 'string', value };
  return 'float' in value ? { name, kind: 'float', value: value.float } : { name, kind: 'ints', value };
};

export type GraphBuilder = ReturnType<typeof graphBuilder>;

/** `names`: `brief` ones take little room, for files that are small because their numbers are. */
export function graphBuilder(names: 'spoken' | 'brief' = 'spoken') {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const taken = new Map<string, number>();
  let drawn = 0;
  /** A unique name. */
  const fresh = (stem: string): string => {
    if (names === 'brief') return `n${(drawn++).toString(36)}`;
    const count = taken.get(stem) ?? 0;
    taken.set(stem, count + 1);
    return count === 0 ? stem : `${stem}~${count}`;
  };
  /** Adds a node with several outputs; '' omits one. */
  function nodeOf(opType: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes = {}): void {
    const listed = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    const name = names === 'brief' ? '' : fresh(`${opType} ${outputs[0] ?? ''}`);
    nodes.push({ name, opType, domain: '', inputs, outputs, attributes: listed });
  }
  return {
    fresh,
    nodeOf,
    /** Adds a node with one output and returns the output's name; by default a new one. */
    node(opType: string, inputs: readonly string[], attributes?: Attributes, output = fresh(opType.toLowerCase())): string {
      nodeOf(opType, inputs, [output], attributes);
      return output;
    },
    /** Adds an f32 initializer and returns its name. */
    floats(stem: string, shape: readonly number[], values: Float32Array | readonly number[]): string {
      const name = fresh(stem);
      initializers.push({ name, dataType: dataType.float, dims: shape, raw: asBytes(Float32Array.from(values)) });
      return name;
    },
    /** Adds an int8 initializer and returns its name. */
    bytes(stem: string, shape: readonly number[], values: Int8Array): string {
      const name = fresh(stem);
      initializers.push({ name, dataType: dataType.int8, dims: shape, raw: asBytes(values) });
      return name;
    },
    /** Adds an int32 initializer and returns its name. */
    int32s(stem: string, shape: readonly number[], values: Int32Array): string {
      const name = fresh(stem);
      initializers.push({ name, dataType: dataType.int32, dims: shape, raw: asBytes(values) });
      return name;
    },
    /** Adds an int64 initializer (shapes, axes) and returns its name. */
    integers(stem: string, values: readonly number[]): string {
      const name = fresh(stem);
      initializers.push({ name, dataType: dataType.int64, dims: [values.length], int64s: values });
      return name;
    },
    graph: (name: string, inputs: readonly ValueInfoProto[], outputs: readonly ValueInfoProto[]): GraphProto => ({
      name,
      nodes,
      initializers,
      inputs,
      outputs,
      sparseInitializers: 0,
    }),
  };
}

export const modelOf = (
  graph: GraphProto,
  producerVersion: string,
  metadata: Readonly<Record<string, string>> = {},
): ModelProto => ({
  irVersion,
  opsets: [{ domain: '', version: opset }],
  producer: 'Instar',
  producerVersion,
  graph,
  metadata,
  functions: [],
});

const activations: ActivationTable<[graph: Pick<GraphBuilder, 'node' | 'floats'>, input: string], string> = {
  clip: ({ least, most }, { node, floats }, input) =>
    node('Clip', [input, ...[least, most].map((bound) => floats('bound', [], [bound]))]),
  'hard-sigmoid': ({ slope, offset }, { node }, input) =>
    node('HardSigmoid', [input], { alpha: { float: slope }, beta: { float: offset } }),
  'hard-swish': (_of, { node }, input) => node('HardSwish', [input]),
  sigmoid: (_of, { node }, input) => node('Sigmoid', [input]),
  silu: (_of, { node }, input) => node('Mul', [input, node('Sigmoid', [input])]),
  // Operator set 17 has no Gelu.
  gelu({ by }, { node, floats }, input) {
    const number = (value: number): string => floats('number', [], [value]);
    const half = node('Mul', [input, number(0.5)]);
    const bent =
      by === 'erf' ? node('Erf', [node('Mul', [input, number(Math.SQRT1_2)])]) : node('Tanh', [tanhInput(node, number, input)]);
    return node('Mul', [half, node('Add', [bent, number(1)])]);
  },
};

/** scale·(x + cube·x³) */
function tanhInput(node: GraphBuilder['node'], number: (value: number) => string, input: string): string {
  const { scale, cube: factor } = geluByTanh;
  const cube = node('Mul', [node('Mul', [input, input]), input]);
  return node('Mul', [node('Add', [input, node('Mul', [cube, number(factor)])]), number(scale)]);
}

/** The value of an activation function. */
export const activationNode = (graph: Pick<GraphBuilder, 'node' | 'floats'>, of: ActivationFunction, input: string): string =>
  askActivation(activations, of, graph, input);

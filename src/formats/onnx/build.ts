/** Writing a graph node by node: names are made where none is given, constants become initializers. */
import type { Tensor } from '../../network/tensor.ts';
import {
  dataType,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto.ts';

/**
 * The newest operator set and IR version that the ONNX checker of Debian 12 knows (onnx 1.12): what all newer runtimes read
 * as well. Nothing that is written needs a newer one.
 */
const opset = 17;
const irVersion = 8;

export type AttributeValue = number | string | readonly number[] | { readonly float: number };

/** A square window with equal padding on all sides, as convolutions and pools want it. */
export const windowAttributes = ({
  kernel,
  stride,
  padding,
}: {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}): Readonly<Record<string, AttributeValue>> => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  pads: [padding, padding, padding, padding],
});

const attributeOf = (name: string, value: AttributeValue): AttributeProto => {
  if (typeof value === 'number') return { name, kind: 'int', value };
  if (typeof value === 'string') return { name, kind: 'string', value };
  return 'float' in value ? { name, kind: 'float', value: value.float } : { name, kind: 'ints', value };
};

const rawBytes = (data: Float32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const floatTensor = (name: string, { shape, data }: Tensor): TensorProto => ({
  name,
  dataType: dataType.float,
  dims: shape,
  raw: rawBytes(data),
});

const int64Tensor = (name: string, dims: readonly number[], values: readonly number[]): TensorProto => ({
  name,
  dataType: dataType.int64,
  dims,
  int64s: values,
});

export interface GraphBuilder {
  /** Adds a node of one output, named `output` or else by itself, and gives the output's name. */
  node(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>, output?: string): string;
  /** Adds a node of several outputs; '' leaves one out. */
  nodeOf(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): void;
  /** A name that nothing else has. */
  fresh(stem: string): string;
  /** Adds an initializer of f32 and gives its name. */
  floats(stem: string, shape: readonly number[], values: Float32Array | readonly number[]): string;
  /** Adds an initializer of int64: shapes, axes. */
  integers(stem: string, values: readonly number[]): string;
  graph(name: string, inputs: readonly ValueInfoProto[], outputs: readonly ValueInfoProto[]): GraphProto;
}

export function graphBuilder(): GraphBuilder {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const taken = new Map<string, number>();
  const fresh = (stem: string): string => {
    const count = taken.get(stem) ?? 0;
    taken.set(stem, count + 1);
    return count === 0 ? stem : `${stem}~${count}`;
  };
  const nodeOf: GraphBuilder['nodeOf'] = (opType, inputs, outputs, attributes = {}) => {
    nodes.push({
      name: fresh(`${opType} ${outputs[0] ?? ''}`),
      opType,
      domain: '',
      inputs,
      outputs,
      attributes: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
    });
  };
  return {
    fresh,
    nodeOf,
    node(opType, inputs, attributes, output = fresh(opType.toLowerCase())) {
      nodeOf(opType, inputs, [output], attributes);
      return output;
    },
    floats(stem, shape, values) {
      const name = fresh(stem);
      initializers.push(floatTensor(name, { shape, data: Float32Array.from(values) }));
      return name;
    },
    integers(stem, values) {
      const name = fresh(stem);
      initializers.push(int64Tensor(name, [values.length], values));
      return name;
    },
    graph: (name, inputs, outputs) => ({ name, nodes, initializers, inputs, outputs, sparseInitializers: 0 }),
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
  functions: 0,
});

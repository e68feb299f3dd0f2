/** Changes the content of models and keeps them well-formed. Damage to bytes would not find such files in a reasonable time. */
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from '../../src/formats/onnx/proto.ts';
import { operators } from '../../src/formats/onnx/read/operators.ts';
import { must } from '../../src/util/assert.ts';
import type { Random } from '../../src/util/random.ts';

const odd = [-3, -1, 0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 28, 64, 255, 4096, 65_536, 2 ** 31, 2 ** 40];
const oddFloats = [0, 1, -1, 0.5, 1e-30, 1e30, Infinity, Number.NaN, 2];

const replaced = <T>(list: readonly T[], at: number, value: T): readonly T[] =>
  list.map((old, index) => (index === at ? value : old));
const without = <T>(list: readonly T[], at: number): readonly T[] => list.filter((_old, index) => index !== at);

function numbersChanged(values: readonly number[], stream: Random): readonly number[] {
  if (values.length === 0 || stream.float() < 0.15) return [...values, stream.pick(odd)];
  const at = stream.integer(values.length);
  if (stream.float() < 0.15) return without(values, at);
  const near = must(values[at], 'number') + stream.pick([-1, 1, 2]);
  return replaced(values, at, stream.float() < 0.6 ? near : stream.pick(odd));
}

function attributeChanged(attribute: AttributeProto, stream: Random): AttributeProto {
  switch (attribute.kind) {
    case 'int':
      return { ...attribute, value: stream.float() < 0.5 ? attribute.value + stream.pick([-1, 1]) : stream.pick(odd) };
    case 'ints':
      return { ...attribute, value: numbersChanged(attribute.value, stream) };
    case 'float':
      return { ...attribute, value: stream.pick(oddFloats) };
    case 'string':
      return { ...attribute, value: stream.pick(['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID', 'constant', 'tanh', '']) };
    case 'tensor':
      return { ...attribute, value: tensorChanged(attribute.value, stream) };
    case 'floats':
    case 'strings':
    case 'reference':
    case 'other':
      return attribute;
  }
}

const plainNode = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly AttributeProto[] = [],
): NodeProto => ({
  name: '',
  opType,
  domain: '',
  inputs,
  outputs: [output],
  attributes,
});

function tensorChanged(tensor: TensorProto, stream: Random): TensorProto {
  const { dims, raw } = tensor;
  switch (stream.integer(5)) {
    case 0:
      return {
        ...tensor,
        dims: stream.permutation(dims.length).reduce<number[]>((all, at) => [...all, must(dims[at], 'extent')], []),
      };
    case 1:
      return { ...tensor, dims: numbersChanged(dims, stream) };
    case 2:
      return { ...tensor, dataType: stream.pick([1, 2, 3, 6, 7, 9, 10, 11, 16]) };
    case 3:
      return raw === undefined ? tensor : { ...tensor, raw: raw.subarray(0, stream.integer(raw.length + 1)) };
    default:
      // Move a factor from one extent to another: the same numbers with another shape.
      return dims.length < 2
        ? { ...tensor, dims: [1, ...dims] }
        : { ...tensor, dims: [must(dims[0], 'extent') * must(dims[1], 'extent'), 1, ...dims.slice(2)] };
  }
}

const attributeNames = [
  'axis',
  'group',
  'keepdims',
  'ceil_mode',
  'count_include_pad',
  'transA',
  'transB',
  'allowzero',
  'training_mode',
  'num_outputs',
  'start',
  'noop_with_empty_axes',
];

type Change = (graph: GraphProto, stream: Random) => GraphProto;

/** Each changes one thing. */
const changes: Readonly<Record<string, Change>> = {
  'an operator'(graph, stream) {
    const at = stream.integer(graph.nodes.length);
    return {
      ...graph,
      nodes: replaced(graph.nodes, at, { ...must(graph.nodes[at], 'node'), opType: stream.pick([...operators.keys()]) }),
    };
  },
  'an attribute'(graph, stream) {
    const having = graph.nodes.flatMap(({ attributes }, at) => (attributes.length > 0 ? [at] : []));
    const at = stream.pick(having);
    const node = must(graph.nodes[at], 'node');
    const index = stream.integer(node.attributes.length);
    const attributes =
      stream.float() < 0.15
        ? without(node.attributes, index)
        : replaced(node.attributes, index, attributeChanged(must(node.attributes[index], 'attribute'), stream));
    return { ...graph, nodes: replaced(graph.nodes, at, { ...node, attributes }) };
  },
  'an attribute added'(graph, stream) {
    const at = stream.integer(graph.nodes.length);
    const node = must(graph.nodes[at], 'node');
    const added: AttributeProto = { name: stream.pick(attributeNames), kind: 'int', value: stream.pick([-1, 0, 1, 2, 8]) };
    return { ...graph, nodes: replaced(graph.nodes, at, { ...node, attributes: [...node.attributes, added] }) };
  },
  'what a node reads'(graph, stream) {
    const at = stream.integer(graph.nodes.length);
    const node = must(graph.nodes[at], 'node');
    // Mostly values of earlier nodes.
    const known = [
      ...graph.nodes.slice(0, at).flatMap(({ outputs }) => outputs),
      ...graph.initializers.map(({ name }) => name),
      ...graph.inputs.map(({ name }) => name),
    ];
    const inputs = replaced(node.inputs, stream.integer(Math.max(1, node.inputs.length)), stream.pick(known));
    return { ...graph, nodes: replaced(graph.nodes, at, { ...node, inputs }) };
  },
  'an input more or less'(graph, stream) {
    const at = stream.integer(graph.nodes.length);
    const node = must(graph.nodes[at], 'node');
    const inputs = stream.float() < 0.5 ? node.inputs.slice(0, -1) : [...node.inputs, ...node.inputs.slice(0, 1)];
    return { ...graph, nodes: replaced(graph.nodes, at, { ...node, inputs }) };
  },
  'a node left out'(graph, stream) {
    const at = stream.integer(graph.nodes.length);
    const { inputs, outputs } = must(graph.nodes[at], 'node');
    const rewired = graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => (name === outputs[0] ? (inputs[0] ?? '') : name)),
    }));
    return { ...graph, nodes: without(rewired, at) };
  },
  'a node put in'(graph, stream) {
    const at = stream.integer(graph.nodes.length);
    const { outputs } = must(graph.nodes[at], 'node');
    const name = outputs[0] ?? '';
    const ints = (attribute: string, ...value: number[]): AttributeProto => ({ name: attribute, kind: 'ints', value });
    const added = stream.pick([
      plainNode('Relu', [name], 'put in'),
      plainNode('Add', [name, name], 'put in'),
      plainNode('Concat', [name, name], 'put in', [{ name: 'axis', kind: 'int', value: 1 }]),
      plainNode(
        'Concat',
        Array.from({ length: 60 }, () => name),
        'put in',
        [{ name: 'axis', kind: 'int', value: 1 }],
      ),
      plainNode('Identity', [name], 'put in'),
      plainNode('Mul', [name, graph.initializers[0]?.name ?? ''], 'put in'),
      plainNode('Transpose', [name], 'put in', [ints('perm', 0, 1, 3, 2)]),
      plainNode('Transpose', [name], 'put in', [ints('perm', 0, 2, 3, 1)]),
      plainNode('AveragePool', [name], 'put in', [
        ints('kernel_shape', 2, 2),
        ints('pads', 0, 0, 1, 1),
        { name: 'count_include_pad', kind: 'int', value: 1 },
      ]),
      plainNode('AveragePool', [name], 'put in', [ints('kernel_shape', 3, 1), ints('strides', 2, 2)]),
      plainNode('MaxPool', [name], 'put in', [ints('kernel_shape', 2, 2), ints('pads', 0, 0, 1, 1)]),
      plainNode('AveragePool', [name], 'put in', [
        ints('kernel_shape', 3, 3),
        ints('strides', 2, 2),
        ints('pads', 0, 1, 1, 0),
        { name: 'ceil_mode', kind: 'int', value: 1 },
      ]),
      plainNode('HardSwish', [name], 'put in'),
      plainNode('HardSigmoid', [name], 'put in'),
      plainNode('Clip', [name, graph.initializers.at(-1)?.name ?? ''], 'put in'),
      plainNode('Mul', [name, name], 'put in'),
      plainNode('Split', [name], 'put in', [{ name: 'axis', kind: 'int', value: 1 }]),
      plainNode('Shape', [name], 'put in'),
      plainNode('ReduceMean', [name], 'put in', [ints('axes', 1)]),
      plainNode('LRN', [name], 'put in', [{ name: 'size', kind: 'int', value: stream.pick([1, 3, 4, 2 ** 31]) }]),
      plainNode('Sqrt', [name], 'put in'),
      plainNode('Flatten', [name], 'put in'),
      plainNode('GlobalAveragePool', [name], 'put in'),
      plainNode('Softmax', [name], 'put in'),
    ]);
    const rewired = graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => (input === name ? 'put in' : input)),
    }));
    return { ...graph, nodes: [...rewired.slice(0, at + 1), added, ...rewired.slice(at + 1)] };
  },
  'two nodes in another order'(graph, stream) {
    const at = stream.integer(graph.nodes.length);
    const node = must(graph.nodes[at], 'node');
    const others = without(graph.nodes, at);
    const to = stream.integer(graph.nodes.length);
    return { ...graph, nodes: [...others.slice(0, to), node, ...others.slice(to)] };
  },
  'a tensor'(graph, stream) {
    const at = stream.integer(graph.initializers.length);
    return {
      ...graph,
      initializers: replaced(graph.initializers, at, tensorChanged(must(graph.initializers[at], 'tensor'), stream)),
    };
  },
  'a tensor that lies elsewhere'(graph, stream) {
    const at = stream.integer(graph.initializers.length);
    const { name, dims, dataType } = must(graph.initializers[at], 'tensor');
    const external = {
      location: stream.pick(['weights.bin', '../weights.bin', '/dev/zero', '']),
      offset: String(stream.pick(odd)),
    };
    return { ...graph, initializers: replaced(graph.initializers, at, { name, dims, dataType, external }) };
  },
  'the image'(graph, stream) {
    const [input, ...others] = graph.inputs;
    const { shape } = must(input, 'input');
    const changed = numbersChanged(
      (shape ?? []).map((extent) => (typeof extent === 'number' ? extent : 2)),
      stream,
    );
    return {
      ...graph,
      inputs: [{ ...must(input, 'input'), shape: changed, elementType: stream.pick([1, 1, 2, 10, 7]) }, ...others],
    };
  },
  'the output'(graph, stream) {
    const name = stream.pick(graph.nodes.flatMap(({ outputs }) => outputs));
    return { ...graph, outputs: graph.outputs.map((output) => ({ ...output, name })) };
  },
};

/** Applies one to three changes. */
export function misstated(model: ModelProto, stream: Random): { readonly what: string; readonly model: ModelProto } {
  let { graph } = model;
  const what: string[] = [];
  for (let count = 1 + stream.integer(3); count > 0; count--) {
    const kind = stream.pick(Object.keys(changes));
    what.push(kind);
    graph = must(changes[kind], kind)(graph, stream);
    if (graph.nodes.length === 0) break;
  }
  const opsets =
    stream.float() < 0.1 ? [{ domain: '', version: stream.pick([1, 6, 7, 9, 11, 13, 17, 18, 21, 24, 25]) }] : model.opsets;
  return { what: what.join(', '), model: { ...model, opsets, graph } };
}

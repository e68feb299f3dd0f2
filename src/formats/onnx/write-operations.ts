/**
 * The operations of a deployed network as ONNX nodes, in f32 or in bytes. In bytes each operation stands between DequantizeLinear
 * and QuantizeLinear, which runtimes join to operations on bytes; what an operation computes is said by the nodes themselves.
 */
import {
  askOperation,
  shapeOf,
  type Bounds,
  type Deployed,
  type OperationTable,
  type Step,
  type Window,
} from '../../deploy/deployed.ts';
import { affineAsConvolution, type Quantisation, type Quantised, type QuantisedFilters } from '../../deploy/quantise.ts';
import { lowestNumber, type Shape } from '../../network/network.ts';
import { must } from '../../util/assert.ts';
import { activationNode, padZero, type GraphBuilder } from './build.ts';

interface Context {
  readonly graph: GraphBuilder;
  readonly step: Step;
  /** Names in the graph, of values in f32. */
  readonly inputs: readonly string[];
  readonly inputShape: Shape;
  /** Null: f32. */
  readonly filters: QuantisedFilters | null;
  /** Input · share, by its name in the graph; null where the share is 0. */
  share(input: number, share: number): string | null;
  /** Of bytes of weights: so many zeros. */
  zeros(count: number): string;
}

/** Of a batch normalisation without statistics: with the variance 1 − ε it divides by 1. Both are numbers of f32. */
const epsilon = 2 ** -16;

const first = ({ inputs }: Context): string => must(inputs[0], 'input');

const windowAttributes = ({ kernel, stride, dilation, margins: { top, left, bottom, right } }: Window) => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  pads: [top, left, bottom, right],
  ...(dilation === 1 ? {} : { dilations: [dilation, dilation] }),
});

/** Names of weights and bias; in bytes, of what dequantises them. */
function weighted(
  c: Context,
  shape: readonly number[],
  weights: Float32Array,
  bias: Float32Array | null,
  scale: number,
): string[] {
  const { graph, step, filters } = c;
  const { node } = step;
  const count = shape[0] as number;
  if (filters === null) {
    const names = [graph.floats(`${node}/kernel`, shape, weights)];
    if (bias !== null) names.push(graph.floats(`${node}/bias`, [count], bias));
    return names;
  }
  const kernel = graph.bytes(`${node}/kernel`, shape, filters.weights);
  const scales = graph.floats(`${node}/scale`, [count], filters.scales);
  const names = [graph.node('DequantizeLinear', [kernel, scales, c.zeros(count)], { axis: 0 })];
  if (bias !== null) {
    const sums = graph.int32s(`${node}/bias`, [count], filters.bias);
    const units = graph.floats(
      `${node}/unit`,
      [count],
      filters.scales.map((each) => each * scale),
    );
    names.push(graph.node('DequantizeLinear', [sums, units], { axis: 0 }));
  }
  return names;
}

const operations: OperationTable<[context: Context, scale: number], string> = {
  convolution(of, c, scale) {
    const shape = [of.filters, c.inputShape.channels / of.groups, of.kernel, of.kernel];
    return c.graph.node('Conv', [first(c), ...weighted(c, shape, of.weights, of.bias, scale)], {
      ...windowAttributes(of),
      group: of.groups,
    });
  },
  dense(of, c, scale) {
    const { channels, height, width } = c.inputShape;
    // Runtimes join a product of bytes where its input was quantised right before it: as a convolution no reshape stands between.
    if (c.filters !== null && height === 1 && width === 1) {
      const shape = [of.features, channels, 1, 1];
      return c.graph.node('Conv', [first(c), ...weighted(c, shape, of.weights, of.bias, scale)], { kernel_shape: [1, 1] });
    }
    const rows = c.graph.node('Flatten', [first(c)], { axis: 1 });
    const numbers = weighted(c, [of.features, channels * height * width], of.weights, of.bias, scale);
    const product = c.graph.node('Gemm', [rows, ...numbers], { transB: 1 });
    return c.graph.node('Reshape', [product, c.graph.integers('image shape', [-1, of.features, 1, 1])]);
  },
  affine(of, c, scale) {
    if (c.filters !== null) return operations.convolution(affineAsConvolution(of), c, scale);
    const { graph, step } = c;
    const count = of.scale.length;
    const numbers = {
      scale: of.scale,
      shift: of.shift,
      mean: of.mean,
      variance: new Float32Array(count).fill(1 - epsilon),
    };
    const names = Object.entries(numbers).map(([role, values]) => graph.floats(`${step.node}/${role}`, [count], values));
    return graph.node('BatchNormalization', [first(c), ...names], { epsilon: { float: epsilon } });
  },
  'layer-normalization'({ epsilon: own, scale, shift }, c) {
    const { graph, step } = c;
    const names = Object.entries({ scale, shift }).map(([role, values]) =>
      graph.floats(`${step.node}/${role}`, [values.length], values),
    );
    const last = graph.node('Transpose', [first(c)], { perm: [0, 2, 3, 1] });
    const attributes = { axis: -1, epsilon: { float: own } };
    return graph.node('Transpose', [graph.node('LayerNormalization', [last, ...names], attributes)], { perm: [0, 3, 1, 2] });
  },
  'response-normalization': ({ size, alpha, beta, bias }, c) =>
    c.graph.node('LRN', [first(c)], { size, alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias } }),
  bound: (of, c) => boundNode(c.graph, of, first(c)),
  activation: (of, c) => activationNode(c.graph, of.function, first(c)),
  'max-pool': (of, c) => c.graph.node('MaxPool', [first(c)], windowAttributes(of)),
  'average-pool': (of, c) =>
    c.graph.node('AveragePool', [first(c)], { ...windowAttributes(of), count_include_pad: of.counted ? 1 : 0 }),
  pad: ({ margins: { top, left, bottom, right }, value }, c) =>
    c.graph.node('Pad', [
      first(c),
      c.graph.integers('pads', [0, 0, top, left, 0, 0, bottom, right]),
      c.graph.floats('padding', [], [value === 'zero' ? padZero : lowestNumber]),
    ]),
  'global-average-pool': (_of, c) => c.graph.node('GlobalAveragePool', [first(c)]),
  select: ({ take }, c) => c.graph.node('Gather', [first(c), c.graph.integers('channels', take)], { axis: 1 }),
  sum({ shares }, c) {
    const terms = shares.map((share, at) => c.share(at, share)).filter((term) => term !== null);
    const [begin, ...rest] = terms;
    return rest.reduce((sum, term) => c.graph.node('Add', [sum, term]), must(begin, 'term'));
  },
  product: (_of, c) => c.graph.node('Mul', c.inputs),
  concat: (_of, c) => c.graph.node('Concat', c.inputs, { axis: 1 }),
};

function boundNode(graph: GraphBuilder, { least, most }: Bounds, input: string): string {
  if (least === 0 && most === Infinity) return graph.node('Relu', [input]);
  return activationNode(graph, { name: 'clip', least, most }, input);
}

/** What makes a value once for each key. */
function once<Key>(make: (key: Key) => string): (key: Key) => string {
  const made = new Map<Key, string>();
  return (key) => {
    const name = made.get(key) ?? make(key);
    made.set(key, name);
    return name;
  };
}

/** The names of the values in f32, by value. `image`: the name of the normalised image. */
export function writeOperations(
  graph: GraphBuilder,
  deployed: Deployed,
  image: string,
  quantised: Quantised | null,
): readonly string[] {
  /** By value: the names of the bytes. */
  const bytes: string[] = [];
  const scaleName = once((scale: number) => graph.floats('scale', [], [scale]));
  const zeroName = once((zero: number) => graph.bytes('zero', [], Int8Array.of(zero)));
  const zeros = once((count: number) => graph.bytes('zeros', [count], new Int8Array(count)));
  const dequantise = (of: string, { scale, zero }: Quantisation): string =>
    graph.node('DequantizeLinear', [of, scaleName(scale), zeroName(zero)]);
  const values: string[] = [];
  const put = (value: number, name: string): void => {
    if (quantised === null) {
      values[value] = name;
      return;
    }
    const quantisation = must(quantised.values[value], 'quantisation');
    const named = graph.node('QuantizeLinear', [name, scaleName(quantisation.scale), zeroName(quantisation.zero)]);
    bytes[value] = named;
    values[value] = dequantise(named, quantisation);
  };
  put(0, image);
  for (const step of deployed.steps) {
    const { operation, inputs, bounds, output, node } = step;
    const names = inputs.map((input) => must(values[input], 'value'));
    const read = inputs[0] ?? 0;
    const context: Context = {
      graph,
      step,
      inputs: names,
      inputShape: shapeOf(deployed, read),
      filters: quantised?.filters.get(output) ?? null,
      zeros,
      share(at, share) {
        const name = must(names[at], 'input');
        if (share === 1) return name;
        if (quantised === null || share < 0) return graph.node('Mul', [name, graph.floats(`${node}/share`, [1], [share])]);
        if (share === 0) return null;
        // Bytes of another scale: no further node, and runtimes join the sum.
        const { scale, zero } = must(quantised.values[must(inputs[at], 'input')], 'quantisation');
        return dequantise(must(bytes[must(inputs[at], 'input')], 'bytes'), { scale: scale * share, zero });
      },
    };
    const result = askOperation(operations, operation, context, quantised?.values[read]?.scale ?? 1);
    put(output, bounds === null ? result : boundNode(graph, bounds, result));
  }
  return values;
}

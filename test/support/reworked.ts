/** An exported network with other preprocessing: other pixels as input, a normalisation inside or none, channels first or last. */
import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../../src/formats/onnx/proto.ts';
import { dataType } from '../../src/formats/onnx/proto.ts';
import { graphBuilder } from '../../src/formats/onnx/build.ts';
import type { Scaling } from '../../src/data/pixel-scales.ts';
import { must } from '../../src/util/assert.ts';
import { asNumbers } from '../../src/util/bytes.ts';

export const imagenet: Scaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

export interface Preprocessing {
  readonly layout: 'NCHW' | 'NHWC';
  /** The input is (pixel/255 − mean)/std. */
  readonly input: Scaling;
  /** Whether it is normalised inside; else the first convolution is changed to take it as it is. */
  readonly inside: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  /** An operator that the importer does not know, and that keeps the ranking, behind the logits. */
  readonly behind?: string;
}

/** Cast, Transpose, Mul, Add: the preprocessing of an exported network. */
const ownNodes = 4;

const floatsOf = (graph: GraphProto, name: string): { tensor: TensorProto; values: Float32Array } => {
  const tensor = must(
    graph.initializers.find((one) => one.name === name),
    name,
  );
  return { tensor, values: Float32Array.from(asNumbers(must(tensor.raw, name), Float32Array)) };
};

/** The convolution for x where it took x·scale + shift; at the edges, whose padding is zeros in both, it gives other numbers. */
function folded(graph: GraphProto, node: NodeProto, scale: readonly number[], shift: readonly number[]): TensorProto[] {
  const [kernel, bias] = [1, 2].map((at) => floatsOf(graph, must(node.inputs[at], 'weight'))) as [
    ReturnType<typeof floatsOf>,
    ReturnType<typeof floatsOf>,
  ];
  const [outputs = 0, inputs = 0, side = 0] = kernel.tensor.dims;
  const area = side * side;
  const taken = Float32Array.from(kernel.values);
  for (let at = 0; at < taken.length; at++) {
    const channel = Math.floor(at / area) % inputs;
    const output = Math.floor(at / area / inputs);
    (bias.values[output] as number) += (kernel.values[at] as number) * (shift[channel] as number);
    taken[at] = (kernel.values[at] as number) * (scale[channel] as number);
  }
  if (outputs !== bias.values.length) throw new Error('a bias for each output');
  const bytes = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return [
    { ...kernel.tensor, raw: bytes(taken) },
    { ...bias.tensor, raw: bytes(bias.values) },
  ];
}

/** `own`: the normalisation of the exported network. */
export function reworked(
  model: ModelProto,
  own: Scaling,
  { layout, input, inside, metadata, behind }: Preprocessing,
): ModelProto {
  const { graph } = model;
  const rest = graph.nodes.slice(ownNodes);
  const read = must(graph.nodes[ownNodes - 1]?.outputs[0], 'normalised image');
  // x_own = x·scale + shift.
  const scale = input.std.map((std, channel) => std / (own.std[channel] as number));
  const shift = input.mean.map((mean, channel) => (mean - (own.mean[channel] as number)) / (own.std[channel] as number));
  const made = graphBuilder();
  const planes = layout === 'NCHW' ? 'image' : made.node('Transpose', ['image'], { perm: [0, 3, 1, 2] }, 'planes');
  const extents = [1, scale.length, 1, 1];
  const normalised = inside
    ? made.node(
        'Add',
        [made.node('Mul', [planes, made.floats('inner scale', extents, scale)]), made.floats('inner shift', extents, shift)],
        {},
        'inner',
      )
    : planes;
  const first = must(rest[0], 'first layer');
  const changed = inside ? [] : folded(graph, first, scale, shift);
  const added = made.graph('', [], []);
  const [shape, ...others] = graph.inputs.map((one) => one.shape ?? []);
  if (shape === undefined || others.length > 0) throw new Error('one input');
  const [batch = 'N', height = null, width = null, channels = null] = shape;
  const logits = must(graph.outputs[0], 'logits');
  const bent =
    behind === undefined
      ? []
      : [{ name: 'behind', opType: behind, domain: '', inputs: [logits.name], outputs: ['bent'], attributes: [] }];
  return {
    ...model,
    metadata: { ...(model.metadata['classes'] === undefined ? {} : { classes: model.metadata['classes'] }), ...metadata },
    graph: {
      ...graph,
      nodes: [
        ...added.nodes,
        ...rest.map((node) => ({ ...node, inputs: node.inputs.map((name) => (name === read ? normalised : name)) })),
        ...bent,
      ],
      initializers: [
        ...graph.initializers.map((tensor) => changed.find(({ name }) => name === tensor.name) ?? tensor),
        ...added.initializers,
      ],
      inputs: [
        {
          name: 'image',
          elementType: dataType.float,
          shape: layout === 'NCHW' ? [batch, channels, height, width] : [batch, height, width, channels],
        },
      ],
      outputs: behind === undefined ? [logits] : [{ ...logits, name: 'bent' }],
    },
  };
}

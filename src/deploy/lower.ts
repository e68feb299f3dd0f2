/**
 * A network with its tensors as a deployed network. A batch normalisation that is the only reader of a convolution or a dense layer
 * is folded into it, in f64; a ReLU or a clip that alone reads a sum of products becomes its bounds.
 */
import {
  ask,
  consumersOf,
  groupsOf,
  inputShapeOf,
  marginsOf,
  outputOf,
  type DilatedWindow,
  type LayerOf,
  type LayerTable,
  type Margins,
  type Network,
  type Node,
  type NodeId,
  type Shape,
} from '../network/network.ts';
import { parameterName, specsOfNode, type ParameterRole } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import { sizeOf, type Tensors } from '../network/tensor.ts';
import { must } from '../util/assert.ts';
import { UserError } from '../util/user-error.ts';
import type { Bounds, Deployed, Operation, OperationKind, Step, ValueId, Window } from './deployed.ts';

type Parameter = (role: ParameterRole) => Float32Array;

interface Context {
  readonly parameter: Parameter;
  readonly shape: Shape;
}

const windowOf = (layer: DilatedWindow & { readonly margins?: Margins }): Window => ({
  kernel: layer.kernel,
  stride: layer.stride,
  dilation: layer.dilation ?? 1,
  margins: marginsOf(layer),
});

/** Of a batch normalisation with running statistics, in f64: γ/√(variance + ε). */
function scaleOf(parameter: Parameter, epsilon: number): Float64Array {
  const variance = parameter('variance');
  return Float64Array.from(parameter('scale'), (gamma, c) => gamma / Math.sqrt((variance[c] as number) + epsilon));
}

const convolution = (
  layer: DilatedWindow & { readonly bias: boolean },
  groups: number,
  { parameter, shape }: Context,
): Operation => ({
  kind: 'convolution',
  filters: shape.channels,
  groups,
  weights: parameter('kernel'),
  bias: layer.bias ? parameter('bias') : null,
  ...windowOf(layer),
});

const relu: Bounds = { least: 0, most: Infinity };

const boundsOf: { readonly [Kind in 'relu' | 'activation']: (layer: LayerOf<Kind>) => Bounds | null } = {
  relu: () => relu,
  activation: ({ function: of }) => (of.name === 'clip' ? { least: of.least, most: of.most } : null),
};

const operations: LayerTable<[context: Context], Operation> = {
  image() {
    throw new Error('bug: the image is no operation');
  },
  convolution: (layer, context) => convolution(layer, groupsOf(layer), context),
  depthwise: (layer, context) => convolution(layer, context.shape.channels, context),
  'batch-normalization': ({ epsilon }, { parameter }) => ({
    kind: 'affine',
    scale: Float32Array.from(scaleOf(parameter, epsilon)),
    mean: parameter('mean'),
    shift: parameter('shift'),
  }),
  'layer-normalization': ({ epsilon }, { parameter }) => ({
    kind: 'layer-normalization',
    epsilon,
    scale: parameter('scale'),
    shift: parameter('shift'),
  }),
  'response-normalization': (layer) => layer,
  relu: () => ({ kind: 'bound', ...relu }),
  activation(layer) {
    const bounds = boundsOf.activation(layer);
    return bounds === null ? { kind: 'activation', function: layer.function } : { kind: 'bound', ...bounds };
  },
  'max-pool': (layer) => ({ kind: 'max-pool', ...windowOf(layer) }),
  'average-pool': (layer) => ({ kind: 'average-pool', counted: layer.counted, ...windowOf(layer) }),
  pad: ({ value, top, left, bottom, right }) => ({ kind: 'pad', value, margins: { top, left, bottom, right } }),
  'global-average-pool': () => ({ kind: 'global-average-pool' }),
  dense: ({ features }, { parameter }) => ({
    kind: 'dense',
    features,
    weights: parameter('kernel'),
    bias: parameter('bias'),
  }),
  select: ({ take }) => ({ kind: 'select', take }),
  add: () => ({ kind: 'sum', shares: [] }),
  product: () => ({ kind: 'product' }),
  convex(_layer, { parameter }) {
    const mix = parameter('mix')[0] as number;
    return { kind: 'sum', shares: [mix, 1 - mix] };
  },
  concat: () => ({ kind: 'concat' }),
};

/** What takes bounds. */
const bounded: ReadonlySet<OperationKind> = new Set<OperationKind>(['convolution', 'dense', 'affine', 'sum', 'product']);

/** W′ = scale·W, b′ = scale·(b − mean) + shift, for each filter; null where the operation has no filters. */
function withFolded(operation: Operation, parameter: Parameter, epsilon: number): Operation | null {
  if (operation.kind !== 'convolution' && operation.kind !== 'dense') return null;
  const scale = scaleOf(parameter, epsilon);
  const [mean, shift] = [parameter('mean'), parameter('shift')];
  const size = operation.weights.length / scale.length;
  const weights = operation.weights.map((value, at) => value * (scale[Math.floor(at / size)] as number));
  const bias = Float32Array.from(
    scale,
    (factor, filter) => factor * ((operation.bias?.[filter] ?? 0) - (mean[filter] as number)) + (shift[filter] as number),
  );
  return { ...operation, weights, bias };
}

/** Numbers of an operation, for the check that they are numbers. */
const numbersOf = (operation: Operation): readonly ArrayLike<number>[] =>
  Object.values(operation).filter((field) => field instanceof Float32Array || Array.isArray(field)) as ArrayLike<number>[];

/** The network, where all its numbers are finite; else a UserError that names the layer. One that diverged has others. */
export function finite(deployed: Deployed): Deployed {
  for (const { operation, node } of deployed.steps)
    for (const numbers of numbersOf(operation))
      if (!Array.prototype.every.call(numbers, Number.isFinite))
        throw new UserError(`layer ${node} (${operation.kind}) cannot be deployed: its weights are not finite`);
  return deployed;
}

/** The numbers of a node, and what becomes of an operation before a batch normalisation. */
interface Numbers {
  parameterOf(node: Node): Parameter;
  readonly folded: typeof withFolded;
}

/** `tensors`: a checkpoint's; optimizer state is ignored. A UserError names a layer that cannot be deployed. */
export const deploy = (network: Network, tensors: Tensors): Deployed =>
  lowered(network, shapesOf(network), {
    parameterOf:
      ({ id }) =>
      (role) =>
        must(tensors[parameterName(id, role)], parameterName(id, role)).data,
    folded: withFolded,
  });

/** The same steps with zeros for all numbers: what a search asks of networks that are not trained, and often. */
export function deployStructure(network: Network): Deployed {
  const shapes = shapesOf(network);
  const sizesOf = (node: Node): ReadonlyMap<ParameterRole, number> =>
    new Map(specsOfNode(node, shapes.get(node.inputs[0] ?? -1)).map(({ role, shape }) => [role, sizeOf(shape)]));
  const sizes = new Map(network.nodes.map((node) => [node.id, sizesOf(node)]));
  const most = Math.max(1, ...[...sizes.values()].flatMap((own) => [...own.values()]));
  const zeros = new Float32Array(most);
  return lowered(network, shapes, {
    parameterOf:
      ({ id }) =>
      (role) =>
        zeros.subarray(0, must(sizes.get(id)?.get(role), parameterName(id, role))),
    folded: (operation, parameter) =>
      operation.kind === 'convolution' || operation.kind === 'dense' ? { ...operation, bias: parameter('shift') } : null,
  });
}

function lowered(network: Network, shapes: ReadonlyMap<NodeId, Shape>, { parameterOf, folded }: Numbers): Deployed {
  const consumers = consumersOf(network);
  const steps: Step[] = [];
  const values = new Map<NodeId, ValueId>();
  const shapeAt = ({ id }: Node): Shape => must(shapes.get(id), `shape of node ${id}`);

  /** The step that a node alone reads. */
  const readAlone = ({ inputs }: Node): Step | undefined => {
    const [input] = inputs;
    if (input === undefined || consumers.get(input)?.length !== 1) return undefined;
    return steps[must(values.get(input), 'value') - 1];
  };
  /** The step that becomes a part of the one before, where it can. */
  const merged = (node: Node): Step | null => {
    const { layer } = node;
    const before = readAlone(node);
    if (before === undefined || before.bounds !== null) return null;
    if (layer.kind === 'batch-normalization') {
      const operation = folded(before.operation, parameterOf(node), layer.epsilon);
      return operation && { ...before, operation };
    }
    if (layer.kind !== 'relu' && layer.kind !== 'activation') return null;
    const bounds = layer.kind === 'relu' ? boundsOf.relu(layer) : boundsOf.activation(layer);
    return bounds !== null && bounded.has(before.operation.kind) ? { ...before, bounds } : null;
  };

  for (const node of network.nodes) {
    if (node.layer.kind === 'image') {
      values.set(node.id, 0);
      continue;
    }
    const changed = merged(node);
    if (changed !== null) {
      steps[changed.output - 1] = changed;
      values.set(node.id, changed.output);
      continue;
    }
    const shape = shapeAt(node);
    const operation = ask(operations, node.layer, { parameter: parameterOf(node), shape });
    const inputs = node.inputs.map((id) => must(values.get(id), `value of node ${id}`));
    const output = steps.length + 1;
    const shared = operation.kind === 'sum' && operation.shares.length === 0;
    steps.push({
      output,
      operation: shared ? { kind: 'sum', shares: inputs.map(() => 1) } : operation,
      inputs,
      bounds: null,
      shape,
      node: node.id,
    });
    values.set(node.id, output);
  }
  return { image: inputShapeOf(network), steps, output: must(values.get(outputOf(network).id), 'logits') };
}

/** The parameters of each layer: names, shapes, roles and initial values. */
import { must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import { ask, groupsOf, type LayerTable, type Network, type Node, type NodeId, type Shape } from './network.ts';
import { shapesOf } from './shapes.ts';
import { sizeOf, type Tensor, type Tensors } from './tensor.ts';

/** `mean` and `variance` are running statistics and not trained. By default, weight decay acts only on `kernel`. */
export type ParameterRole = 'kernel' | 'bias' | 'scale' | 'shift' | 'mean' | 'variance' | 'mix';

export interface ParameterSpec {
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  /** A constant, or the bound of a uniform distribution over ±bound. */
  readonly initial: { readonly value: number } | { readonly bound: number };
  /** The kernel of a frozen convolution: not trained. */
  readonly frozen?: true;
}

export interface NamedParameter extends ParameterSpec {
  readonly name: string;
  readonly node: NodeId;
}

export const isTrained = (role: ParameterRole): boolean => role !== 'mean' && role !== 'variance';

/** Whether training changes a parameter by its gradient: neither a running statistic nor the kernel of a frozen convolution. */
export const isLearned = ({ role, frozen }: ParameterSpec): boolean => isTrained(role) && frozen !== true;

/** The update rate of running statistics: new = 0.9·old + 0.1·batch. */
export const runningMomentum = 0.1;

export const parameterName = (node: NodeId, role: ParameterRole): string => `${node}/${role}`;

/** Kernels and biases are initialised uniformly in ±1/√fan_in. */
const weighted = (kernel: readonly number[], bias: boolean, frozen = false): ParameterSpec[] => {
  const bound = 1 / Math.sqrt(sizeOf(kernel.slice(1)));
  const specs: ParameterSpec[] = [{ role: 'kernel', shape: kernel, initial: { bound }, ...(frozen ? { frozen } : {}) }];
  if (bias) specs.push({ role: 'bias', shape: [kernel[0] as number], initial: { bound } });
  return specs;
};

const none = (): ParameterSpec[] => [];

const parameters: LayerTable<[input: Shape | undefined], ParameterSpec[]> = {
  image: none,
  convolution: (layer, input) =>
    weighted(
      [layer.channels, must(input, 'input').channels / groupsOf(layer), layer.kernel, layer.kernel],
      layer.bias,
      layer.frozen,
    ),
  depthwise: (layer, input) => weighted([must(input, 'input').channels, 1, layer.kernel, layer.kernel], layer.bias),
  'batch-normalization': (_layer, input) => {
    const shape = [must(input, 'input').channels];
    return [
      { role: 'scale', shape, initial: { value: 1 } },
      { role: 'shift', shape, initial: { value: 0 } },
      { role: 'mean', shape, initial: { value: 0 } },
      { role: 'variance', shape, initial: { value: 1 } },
    ];
  },
  'layer-normalization': (_layer, input) => {
    const shape = [must(input, 'input').channels];
    return [
      { role: 'scale', shape, initial: { value: 1 } },
      { role: 'shift', shape, initial: { value: 0 } },
    ];
  },
  'response-normalization': none,
  relu: none,
  activation: none,
  'max-pool': none,
  'average-pool': none,
  pad: none,
  'global-average-pool': none,
  dense(layer, shape) {
    const input = must(shape, 'input');
    return weighted([layer.features, input.channels * input.height * input.width], true);
  },
  select: none,
  add: none,
  product: none,
  // With λ = 1 the result is the first tensor, so the merge changes nothing.
  convex: () => [{ role: 'mix', shape: [1], initial: { value: 1 } }],
  concat: none,
};

/** The same without names. */
export const specsOfNode = (node: Node, input: Shape | undefined): readonly ParameterSpec[] => ask(parameters, node.layer, input);

/** The parameters of one node whose input has that shape. */
export function parametersOfNode(node: Node, input: Shape | undefined): readonly NamedParameter[] {
  return specsOfNode(node, input).map((spec) => ({ ...spec, node: node.id, name: parameterName(node.id, spec.role) }));
}

/** All parameters and running statistics of a network, in the order of its nodes. */
export function parametersOf(network: Network): readonly NamedParameter[] {
  const shapes = shapesOf(network);
  return network.nodes.flatMap((node) =>
    parametersOfNode(node, node.inputs[0] === undefined ? undefined : shapes.get(node.inputs[0])),
  );
}

/** Initial values of one parameter, sampled from a stream named after it, so that they do not depend on other samples. */
export function initialTensor(parameter: NamedParameter, random: Random): Tensor {
  const data = new Float32Array(sizeOf(parameter.shape));
  if ('value' in parameter.initial) data.fill(parameter.initial.value);
  else {
    const { bound } = parameter.initial;
    const stream = random.fork(parameter.name);
    for (let i = 0; i < data.length; i++) data[i] = (2 * stream.float() - 1) * bound;
  }
  return { shape: parameter.shape, data };
}

/** Initial values of all parameters of a network. */
export function initialTensors(network: Network, random: Random): Tensors {
  return Object.fromEntries(parametersOf(network).map((parameter) => [parameter.name, initialTensor(parameter, random)]));
}

/** The numbers that each layer owns: names, shapes, roles and initial values. Not the numbers themselves. */
import { must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import { ask, type LayerTable, type Network, type Node, type NodeId, type Shape } from './network.ts';
import { shapesOf } from './shapes.ts';
import { sizeOf, type Tensor, type Tensors } from './tensor.ts';

/** `mean` and `variance` are running statistics, not trained; weight decay acts on `kernel` alone. */
export type ParameterRole = 'kernel' | 'bias' | 'scale' | 'shift' | 'mean' | 'variance' | 'mix';

export interface ParameterSpec {
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  /** A value that all of it starts with, or the bound of a uniform draw from ±bound. */
  readonly initial: { readonly value: number } | { readonly bound: number };
}

export interface NamedParameter extends ParameterSpec {
  readonly name: string;
  readonly node: NodeId;
}

export const isTrained = (role: ParameterRole): boolean => role !== 'mean' && role !== 'variance';

/** Running statistics follow the batches at this rate: new = 0.9·old + 0.1·batch. */
export const runningMomentum = 0.1;

export const parameterName = (node: NodeId, role: ParameterRole): string => `${node}/${role}`;

/** Kernels and biases start uniform in ±1/√fan_in. */
const weighted = (kernel: readonly number[], bias: boolean): ParameterSpec[] => {
  const bound = 1 / Math.sqrt(sizeOf(kernel.slice(1)));
  const specs: ParameterSpec[] = [{ role: 'kernel', shape: kernel, initial: { bound } }];
  if (bias) specs.push({ role: 'bias', shape: [kernel[0] as number], initial: { bound } });
  return specs;
};

const none = (): ParameterSpec[] => [];

const parameters: LayerTable<[input: Shape | undefined], ParameterSpec[]> = {
  image: none,
  convolution: (layer, input) =>
    weighted([layer.channels, must(input, 'input').channels, layer.kernel, layer.kernel], layer.bias),
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
  relu: none,
  'max-pool': none,
  'global-average-pool': none,
  dense(layer, shape) {
    const input = must(shape, 'input');
    return weighted([layer.features, input.channels * input.height * input.width], true);
  },
  add: none,
  // λ = 1: the tensor that was there before.
  convex: () => [{ role: 'mix', shape: [1], initial: { value: 1 } }],
  concat: none,
};

/** What a node owns that reads a tensor of that shape. */
export const specsOfNode = (node: Node, input: Shape | undefined): readonly ParameterSpec[] => ask(parameters, node.layer, input);

/** The parameters of one node, which reads a tensor of that shape. */
export function parametersOfNode(node: Node, input: Shape | undefined): readonly NamedParameter[] {
  return specsOfNode(node, input).map((spec) => ({ ...spec, node: node.id, name: parameterName(node.id, spec.role) }));
}

/** Every parameter and statistic of a network, in the order of its nodes. */
export function parametersOf(network: Network): readonly NamedParameter[] {
  const shapes = shapesOf(network);
  return network.nodes.flatMap((node) =>
    parametersOfNode(node, node.inputs[0] === undefined ? undefined : shapes.get(node.inputs[0])),
  );
}

/** Fresh values for one parameter, drawn from a stream named after it, so that they depend on nothing drawn elsewhere. */
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

/** Fresh values for all of a network's parameters. */
export function initialTensors(network: Network, random: Random): Tensors {
  return Object.fromEntries(parametersOf(network).map((parameter) => [parameter.name, initialTensor(parameter, random)]));
}

/** The cost of a network: parameters, multiply-adds and activations. Memory depends on the program; see `program/memory.ts`. */
import { ask, groupsOf, type LayerKind, type LayerTable, type Network, type NodeId, type Shape } from './network.ts';
import { isTrained, parametersOf, specsOfNode } from './parameters.ts';
import { shapesOf } from './shapes.ts';
import { sizeOf } from './tensor.ts';

const nothing = (): number => 0;

/** Multiply-adds per image in the forward pass. Additions, comparisons and normalisations are not counted. */
const multiplyAdds: LayerTable<[input: Shape, output: Shape], number> = {
  image: nothing,
  convolution: (layer, input, output) =>
    output.channels * output.height * output.width * (input.channels / groupsOf(layer)) * layer.kernel ** 2,
  depthwise: (layer, _input, output) => output.channels * output.height * output.width * layer.kernel ** 2,
  'batch-normalization': nothing,
  'layer-normalization': nothing,
  'response-normalization': nothing,
  relu: nothing,
  activation: nothing,
  'max-pool': nothing,
  'average-pool': nothing,
  pad: nothing,
  'global-average-pool': nothing,
  dense: (layer, input) => layer.features * input.channels * input.height * input.width,
  select: nothing,
  add: nothing,
  product: nothing,
  convex: nothing,
  concat: nothing,
};

/** Parameters: those that are trained, and the kernels of frozen convolutions. Running statistics are not counted. */
export function countParameters(network: Network): number {
  const shapes = shapesOf(network);
  let sum = 0;
  for (const node of network.nodes) {
    const input = node.inputs[0] === undefined ? undefined : shapes.get(node.inputs[0]);
    for (const { role, shape } of specsOfNode(node, input)) if (isTrained(role)) sum += sizeOf(shape);
  }
  return sum;
}

/** Multiply-adds of each node per image, forward. */
export function multiplyAddsByNode(network: Network): ReadonlyMap<NodeId, number> {
  const shapes = shapesOf(network);
  const result = new Map<NodeId, number>();
  for (const node of network.nodes) {
    const input = node.inputs[0] === undefined ? undefined : shapes.get(node.inputs[0]);
    const output = shapes.get(node.id);
    if (input !== undefined && output !== undefined) result.set(node.id, ask(multiplyAdds, node.layer, input, output));
  }
  return result;
}

/** Multiply-adds per image, forward. */
export const countMultiplyAdds = (network: Network): number =>
  [...multiplyAddsByNode(network).values()].reduce((sum, each) => sum + each, 0);

/** Layers whose outputs are not counted. A ReLU is computed in place. */
const uncounted: ReadonlySet<LayerKind> = new Set<LayerKind>(['image', 'relu', 'global-average-pool', 'dense']);

/** The number of values in the outputs of the layers, per image: a measure of the memory traffic. */
export function countActivations(network: Network): number {
  const shapes = shapesOf(network);
  return network.nodes.reduce((sum, node) => {
    const shape = shapes.get(node.id);
    return (
      sum + (shape !== undefined && !uncounted.has(node.layer.kind) ? sizeOf([shape.channels, shape.height, shape.width]) : 0)
    );
  }, 0);
}

/** The parameters of each node that has any, counted as `countParameters` does. */
export function parametersByNode(network: Network): ReadonlyMap<NodeId, number> {
  const result = new Map<NodeId, number>();
  for (const { node, role, shape } of parametersOf(network))
    if (isTrained(role)) result.set(node, (result.get(node) ?? 0) + sizeOf(shape));
  return result;
}

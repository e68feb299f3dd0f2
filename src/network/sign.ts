/**
 * Which tensors are never negative. An identity block (Conv–BN–ReLU) keeps the function only if its input is non-negative, so it
 * may only be inserted after such a tensor.
 */
import { rowOf } from './activations.ts';
import { ask, type LayerTable, type Network, type NodeId } from './network.ts';

const all = (_layer: unknown, inputs: readonly boolean[]): boolean => inputs.every(Boolean);
const never = (): boolean => false;

const nonNegative: LayerTable<[inputs: readonly boolean[]], boolean> = {
  image: never,
  convolution: never,
  depthwise: never,
  'batch-normalization': never,
  'layer-normalization': never,
  // Divides by what is positive.
  'response-normalization': all,
  relu: () => true,
  activation: (layer) => rowOf(layer.function).nonNegative,
  'max-pool': all,
  'average-pool': all,
  pad: (layer, inputs) => layer.value === 'zero' && inputs.every(Boolean),
  'global-average-pool': all,
  dense: never,
  select: all,
  add: all,
  product: all,
  // λ is kept in [0, 1]
  convex: all,
  concat: all,
};

/** The nodes whose output is non-negative for all values of the parameters. */
export function nonNegativeNodes(network: Network): ReadonlySet<NodeId> {
  const result = new Set<NodeId>();
  for (const { id, layer, inputs } of network.nodes) {
    const signs = inputs.map((input) => result.has(input));
    if (ask(nonNegative, layer, signs)) result.add(id);
  }
  return result;
}

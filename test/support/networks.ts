/** Tiny networks, parameters and images for tests. Together the networks have everything that a graph may have. */
import { random as randomOf, type Random } from '../../src/util/random.ts';
import { must } from '../../src/util/assert.ts';
import { freeze, inputShapeOf, type Layer, type Network, type Node, type NodeId } from '../../src/network/network.ts';
import { parameterName, parametersOf } from '../../src/network/parameters.ts';
import { countParameters } from '../../src/network/cost.ts';
import { sizeOf, type Tensor, type Tensors } from '../../src/network/tensor.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { convolution, epsilon, maxPool, vanillaNetwork } from '../../src/network/vanilla.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import type { Limits } from '../../src/morphism/operator.ts';
import { paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import type { Values } from './forward.ts';

/** Builds a graph node by node. Each call returns the new node's id. */
export function draft(channels: number, side: number) {
  const nodes: Node[] = [{ id: 0, layer: { kind: 'image', shape: { channels, height: side, width: side } }, inputs: [] }];
  const add = (layer: Layer, ...inputs: NodeId[]): NodeId => {
    nodes.push({ id: nodes.length, layer, inputs });
    return nodes.length - 1;
  };
  const normalization = (input: NodeId): NodeId => add({ kind: 'batch-normalization', epsilon }, input);
  const block = (input: NodeId, width: number, kernel = 3): NodeId =>
    add({ kind: 'relu' }, normalization(add(convolution(width, kernel), input)));
  return {
    add,
    normalization,
    block,
    pool: (input: NodeId, factor = 2): NodeId => add(maxPool(factor), input),
    sum: (...inputs: NodeId[]): NodeId => add({ kind: 'add' }, ...inputs),
    mix: (first: NodeId, second: NodeId): NodeId => add({ kind: 'convex' }, first, second),
    stack: (...inputs: NodeId[]): NodeId => add({ kind: 'concat' }, ...inputs),
    /** Global average pool and dense. */
    head: (input: NodeId, classes = 3): Network => {
      add({ kind: 'dense', features: classes }, add({ kind: 'global-average-pool' }, input));
      return freeze(nodes);
    },
    /** Dense on all pixels. */
    flatHead: (input: NodeId, classes = 3): Network => {
      add({ kind: 'dense', features: classes }, input);
      return freeze(nodes);
    },
  };
}

/** A network whose image is read by a batch normalisation and by another layer. */
export const normalizedImage: Network = (() => {
  const { add, normalization, block, sum, head } = draft(2, 4);
  return head(block(sum(add({ kind: 'relu' }, normalization(0)), 0), 3));
})();

/** Handmade graphs that growing a vanilla network does not give. */
export const handmade: Readonly<Record<string, () => Network>> = {
  vanilla: () => vanillaNetwork({ channels: 2, height: 4, width: 4 }, 3, [2, 3]),
  'a sum whose second term is a concatenation'() {
    const { block, sum, stack, head } = draft(2, 4);
    const [a, b, c] = [block(0, 5), block(0, 2), block(0, 3)];
    return head(block(sum(a, stack(b, c)), 3));
  },
  'batch normalisation before the sum'() {
    const { add, normalization, block, sum, head } = draft(2, 4);
    const start = block(0, 3);
    const inner = normalization(add(convolution(3, 3), block(start, 2)));
    return head(block(add({ kind: 'relu' }, sum(start, inner)), 4));
  },
  'dense on all pixels'() {
    const { block, pool, flatHead } = draft(1, 6);
    return flatHead(pool(block(block(0, 2), 3)));
  },
  'branches of three sizes'() {
    const { block, pool, stack, head } = draft(2, 8);
    const large = block(0, 2);
    const middle = block(pool(large), 3);
    const small = block(pool(middle), 2);
    return head(block(stack(small, pool(middle), pool(large, 4)), 3));
  },
  'the same tensor many times'() {
    const { block, sum, mix, stack, head } = draft(2, 4);
    const start = block(0, 2);
    const twice = stack(start, start);
    const other = block(start, 4);
    return head(block(stack(sum(twice, other, twice), mix(start, block(start, 2)), start), 2));
  },
  'concatenations of concatenations'() {
    const { block, sum, stack, head } = draft(2, 4);
    const [a, b, c, d] = [block(0, 2), block(0, 1), block(0, 3), block(0, 1)];
    return head(block(sum(stack(stack(a, b), stack(c, d)), stack(block(a, 4), stack(b, b, d))), 2));
  },
  'strides, depthwise with bias, pre-activation'() {
    const { add, normalization, block, pool, sum, head } = draft(2, 8);
    const start = add({ kind: 'convolution', channels: 3, kernel: 3, stride: 2, padding: 1, bias: false }, 0);
    const inner = add({ kind: 'relu' }, normalization(start));
    const depthwise = add({ kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: true }, inner);
    const end = sum(start, add(convolution(3, 1), depthwise));
    return head(block(pool(add({ kind: 'relu' }, normalization(end))), 3));
  },
  'stages behind a frozen stem': () => stagedNetwork({ channels: 2, height: 8, width: 8 }, 3, [4, 3, 4]),
  'stages of an oblong image': () => stagedNetwork({ channels: 1, height: 4, width: 7 }, 3, [2, 3]),
  'frozen convolutions between blocks'() {
    const { add, normalization, block, sum, stack, head } = draft(2, 6);
    const start = block(0, 3);
    const layer = { kind: 'convolution', channels: 3, kernel: 3, stride: 1, padding: 1, bias: true, frozen: true } as const;
    const fixed = add({ kind: 'relu' }, normalization(add(layer, start)));
    return head(block(sum(stack(block(fixed, 2), block(start, 1)), add(layer, fixed)), 3));
  },
  'dilated convolutions'() {
    const { add, normalization, block, head } = draft(2, 6);
    const dilated = { kernel: 3, stride: 1, padding: 2, dilation: 2 } as const;
    const start = block(0, 3);
    const whole = add({ kind: 'convolution', channels: 3, bias: true, ...dilated }, start);
    const each = add({ kind: 'depthwise', bias: false, ...dilated }, add({ kind: 'relu' }, normalization(whole)));
    return head(block(add({ kind: 'relu' }, normalization(add(convolution(4, 1), each))), 3));
  },
  'channels that are split and shuffled'() {
    const { add, block, stack, head } = draft(2, 6);
    const start = block(0, 4);
    const [first, second] = [add({ kind: 'select', take: [0, 1] }, start), add({ kind: 'select', take: [2, 3] }, start)];
    const joined = stack(first, block(second, 2));
    const shuffled = add({ kind: 'select', take: [0, 2, 1, 3] }, joined);
    const again = add({ kind: 'select', take: [2, 1] }, shuffled);
    return head(block(stack(add({ kind: 'select', take: [0, 1] }, shuffled), block(again, 3)), 3));
  },
  'a part of the channels in a sum'() {
    const { add, block, sum, stack, head } = draft(2, 6);
    const [wide, other] = [block(0, 5), block(0, 3)];
    const some = add({ kind: 'select', take: [0, 1, 4] }, wide);
    return head(block(stack(sum(some, other), add({ kind: 'select', take: [3, 0] }, wide)), 2));
  },
  'an image in the sum'() {
    const { block, sum, stack, head } = draft(2, 4);
    return head(block(sum(stack(0, 0), stack(block(0, 1), block(0, 3))), 2));
  },
};

export const anyLimits: Limits = { maxChannels: 600, admits: () => true };

/** Limits that allow twenty mutations, and are small enough for simple loops. */
export const tinyLimits: Limits = {
  maxChannels: 16,
  admits: (network) => countParameters(network) <= 6000 && network.nodes.length <= 90,
};

/** A network grown from one of the handmade ones. */
export function grownNetwork(seed: number, mutations: number): Network {
  const random = randomOf('grown network', seed);
  const start = must(handmade[random.pick(Object.keys(handmade))], 'network')();
  return sampleEdits(start, { operators: paperOperatorsWithSeparable, mutations, limits: tinyLimits }, random).network;
}

const tensor = (shape: readonly number[], value: () => number): Tensor => ({
  shape,
  data: new Float32Array(sizeOf(shape)).map(value),
});

/**
 * Parameters as in a trained network: no initial values, λ anywhere in [0, 1], running statistics that differ from those of a batch,
 * and dead channels, whose only output is a bias, with variance 0.
 */
export function trainedTensors(network: Network, random: Random): Tensors {
  const result: Record<string, Tensor> = {};
  const draw = {
    kernel: (fanIn: number) => random.normal() * Math.sqrt(1.5 / fanIn),
    bias: () => random.normal() * 0.2,
    scale: () => 0.6 + random.float() * (random.float() < 0.1 ? -1 : 1),
    shift: () => random.normal() * 0.3,
    mean: () => random.normal() * 0.3,
    variance: () => 0.3 + random.float(),
    mix: () => random.float(),
  };
  for (const { name, role, shape } of parametersOf(network))
    result[name] = tensor(shape, () => draw[role](sizeOf(shape.slice(1))));
  for (const node of network.nodes) {
    const input = network.nodes.find(({ id }) => id === node.inputs[0]);
    if (node.layer.kind !== 'batch-normalization' || input?.layer.kind !== 'convolution') continue;
    const channel = random.integer(input.layer.channels);
    if (random.float() < 0.5) continue;
    const kernel = must(result[parameterName(input.id, 'kernel')], 'kernel').data;
    const row = kernel.length / input.layer.channels;
    kernel.fill(0, channel * row, (channel + 1) * row);
    must(result[parameterName(node.id, 'mean')], 'mean').data[channel] =
      result[parameterName(input.id, 'bias')]?.data[channel] ?? 0;
    must(result[parameterName(node.id, 'variance')], 'variance').data[channel] = 0;
  }
  return result;
}

/** Random images with the range of normalised ones. */
export function imagesFor(network: Network, batch: number, random: Random): Values {
  const shape = inputShapeOf(network);
  return { batch, shape, data: new Float64Array(batch * shape.channels * shape.height * shape.width).map(() => random.normal()) };
}

/** The vanilla network (§4.1): the small network that a search starts from. */
import { freeze, type Layer, type Network, type Node, type Shape } from './network.ts';

/** ε of every batch normalisation that Instar makes. */
export const epsilon = 1e-5;

export const convolution = (channels: number, kernel: number): Layer => ({
  kind: 'convolution',
  channels,
  kernel,
  stride: 1,
  padding: (kernel - 1) / 2,
  bias: true,
});

export const maxPool = (factor: number): Layer => ({ kind: 'max-pool', kernel: factor, stride: factor, padding: 0 });

/** The smallest image side for a vanilla network with that many blocks, which halves the side before each block but the first. */
export const smallestSide = (blocks: number): number => 2 ** (blocks - 1);

/**
 * Blocks of Conv 3×3–BN–ReLU with these widths, MaxPool 2 between them, a global average pool, and a dense layer. The paper's
 * network has `widths: [64, 128, 256]` on 3×32×32 and ten classes: 374,282 parameters, 39.5 M multiply-adds.
 */
export function vanillaNetwork(input: Shape, classes: number, widths: readonly number[]): Network {
  const nodes: Node[] = [{ id: 0, layer: { kind: 'image', shape: input }, inputs: [] }];
  const append = (layer: Layer): void => {
    nodes.push({ id: nodes.length, layer, inputs: [nodes.length - 1] });
  };
  widths.forEach((width, block) => {
    if (block > 0) append(maxPool(2));
    append(convolution(width, 3));
    append({ kind: 'batch-normalization', epsilon });
    append({ kind: 'relu' });
  });
  append({ kind: 'global-average-pool' });
  append({ kind: 'dense', features: classes });
  return freeze(nodes);
}

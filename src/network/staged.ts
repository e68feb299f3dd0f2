/**
 * A start network of stages behind a stem that is not trained: the shape of "94% on CIFAR-10 in 3.29 Seconds on a Single GPU"
 * (Jordan 2024, arXiv 2404.00498). The stem is meant for patch-whitening filters (`training/initialisation.ts`). A stage pools
 * before it normalises and rectifies.
 */
import { freeze, type Layer, type Network, type Node, type Shape } from './network.ts';
import { epsilon, maxPool } from './vanilla.ts';

type Convolution = Extract<Layer, { kind: 'convolution' }>;

/** 3×3, stride 1, as many pixels out as in. */
const sameSize = { kernel: 3, stride: 1, padding: 1 } as const;

/** Its kernel is frozen, its bias trained. */
const stemOf = (channels: number): Convolution => ({ kind: 'convolution', channels, ...sameSize, bias: true, frozen: true });

/** Without a bias: the batch normalisation behind it would take it off again. */
const convolution = (channels: number): Convolution => ({ kind: 'convolution', channels, ...sameSize, bias: false });

/**
 * `widths`: the channels of the stem, then of each stage. The stem is Conv 3×3–ReLU, a stage Conv 3×3–MaxPool 2–BN–ReLU–Conv
 * 3×3–BN–ReLU; then a max-pool over the whole image, and dense. A side of one pixel is not pooled. Where what is left is not
 * square, or one pixel, a global average pool stands in for the last max-pool.
 */
export function stagedNetwork(input: Shape, classes: number, widths: readonly number[]): Network {
  const [stem = 1, ...stages] = widths;
  const nodes: Node[] = [{ id: 0, layer: { kind: 'image', shape: input }, inputs: [] }];
  const append = (...layers: readonly Layer[]): void => {
    for (const layer of layers) nodes.push({ id: nodes.length, layer, inputs: [nodes.length - 1] });
  };
  const normalised: readonly Layer[] = [{ kind: 'batch-normalization', epsilon }, { kind: 'relu' }];
  let { height, width } = input;
  append(stemOf(stem), { kind: 'relu' });
  for (const channels of stages) {
    append(convolution(channels));
    if (Math.min(height, width) > 1) {
      append(maxPool(2));
      [height, width] = [Math.floor(height / 2), Math.floor(width / 2)];
    }
    append(...normalised, convolution(channels), ...normalised);
  }
  append(height === width && height > 1 ? maxPool(height) : { kind: 'global-average-pool' });
  append({ kind: 'dense', features: classes });
  return freeze(nodes);
}

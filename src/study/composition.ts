/**
 * The composition of a network, counted as in the paper (Table 3 and the lists of §5): every convolution, batch normalisation, ReLU,
 * separable convolution, merge, pool and dense layer counts as one layer, so Conv–BN–ReLU counts as three. The image is not counted.
 */
import { layerGroupsOf } from '../network/fold.ts';
import type { LayerKind, Network } from '../network/network.ts';

export const partNames = ['convolution', 'separable', 'convex', 'concat', 'split'] as const;
/** `split`: the sum of a split's branches. */
export type PartName = (typeof partNames)[number];

export interface Composition {
  /** All layers, pools and dense layers included. */
  readonly layers: number;
  /** Blocks and merges. */
  readonly counts: Readonly<Record<PartName, number>>;
  /** Shares of all layers, 0 to 1; a block of three layers counts as three. */
  readonly shares: Readonly<Record<PartName, number>>;
}

/** The part that a block belongs to, by its first layer; null for layers that count only in the total. */
const partOf: { readonly [K in LayerKind]: PartName | null } = {
  image: null,
  convolution: 'convolution',
  depthwise: 'separable',
  'batch-normalization': null,
  'layer-normalization': null,
  'response-normalization': null,
  relu: null,
  activation: null,
  'max-pool': null,
  'average-pool': null,
  pad: null,
  'global-average-pool': null,
  dense: null,
  select: null,
  add: 'split',
  product: null,
  convex: 'convex',
  concat: 'concat',
};

const none = (): Record<PartName, number> => ({ convolution: 0, separable: 0, convex: 0, concat: 0, split: 0 });

export function compositionOf(network: Network): Composition {
  const [counts, owned] = [none(), none()];
  let layers = 0;
  for (const { nodes } of layerGroupsOf(network)) {
    const [first, second] = nodes;
    if (first === undefined || first.layer.kind === 'image') continue;
    // A depthwise convolution and the 1×1 convolution after it count as one layer.
    const isPair = first.layer.kind === 'depthwise' && second?.layer.kind === 'convolution';
    const length = nodes.length - (isPair ? 1 : 0);
    layers += length;
    const part = partOf[first.layer.kind];
    if (part === null) continue;
    counts[part]++;
    owned[part] += length;
  }
  const shares = none();
  for (const part of partNames) shares[part] = layers === 0 ? 0 : owned[part] / layers;
  return { layers, counts, shares };
}

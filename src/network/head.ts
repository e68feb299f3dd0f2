/** The head of a classifier: its last layer with weights, which has a row for each class. */
import {
  ancestorsOf,
  consumersOf,
  freeze,
  isFrozen,
  isGrouped,
  nodeOf,
  outputOf,
  type LayerKind,
  type LayerOf,
  type Network,
  type Node,
} from './network.ts';
import { shapesOf } from './shapes.ts';
import { must } from '../util/assert.ts';

export type Head = Node & { readonly layer: LayerOf<'dense'> | LayerOf<'convolution'> };

const isHead = (node: Node): node is Head =>
  node.layer.kind === 'dense' || (node.layer.kind === 'convolution' && !isFrozen(node.layer) && !isGrouped(node.layer));

/** Layers that may stand between the head and the logits. */
const behindHead: ReadonlySet<LayerKind> = new Set<LayerKind>(['global-average-pool', 'average-pool', 'relu', 'activation']);

/** Null where there is none. */
export function headOf(network: Network): Head | null {
  let node = outputOf(network);
  while (behindHead.has(node.layer.kind)) {
    const [input] = node.inputs;
    if (input === undefined || (consumersOf(network).get(input)?.length ?? 0) > 1) return null;
    node = nodeOf(network, input);
  }
  return isHead(node) ? node : null;
}

/** A head whose logits are linear in its features. */
export interface LinearHead {
  readonly node: Head;
  /** All before the head; gives the features, (C, H, W). */
  readonly body: Network;
  /** Whether the head reads the means of the features over (H, W), (C), and not all of them. */
  readonly averaged: boolean;
  /** How many numbers it reads. */
  readonly features: number;
}

/**
 * A dense layer that gives the logits, or a 1×1 convolution of which a global average pool does or which sees one pixel. Null where the
 * head is another one, or reads the image itself.
 */
export function linearHeadOf(network: Network): LinearHead | null {
  const node = headOf(network);
  const [input] = node?.inputs ?? [];
  if (node === null || input === undefined || nodeOf(network, input).layer.kind === 'image') return null;
  const { channels, height, width } = must(shapesOf(network).get(input), 'shape');
  const body = freeze(ancestorsOf(network, [input]));
  const output = outputOf(network);
  if (node.layer.kind === 'dense')
    return output === node ? { node, body, averaged: false, features: channels * height * width } : null;
  const { kernel, stride, padding } = node.layer;
  const isPointwise = kernel === 1 && stride === 1 && padding === 0;
  const isPooled =
    output === node ? height * width === 1 : output.layer.kind === 'global-average-pool' && output.inputs[0] === node.id;
  return isPointwise && isPooled ? { node, body, averaged: true, features: channels } : null;
}

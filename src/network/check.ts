/** Checks networks that come from a file. */
import { z } from 'zod';
import { freeze, type Network, outputOf } from './network.ts';
import { inferShapes } from './shapes.ts';

const extent = z.int().min(1).max(65536);
const padding = z.int().min(0).max(1024);
const dilation = z.int().min(2).max(1024);
const spatial = { kernel: extent, stride: extent, padding };
const margins = { top: padding, left: padding, bottom: padding, right: padding };

const functionSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('clip'), least: z.number(), most: z.number() }),
  z.strictObject({ name: z.literal('hard-sigmoid'), slope: z.number().positive(), offset: z.number() }),
  z.strictObject({ name: z.literal('hard-swish') }),
  z.strictObject({ name: z.literal('sigmoid') }),
  z.strictObject({ name: z.literal('silu') }),
  z.strictObject({ name: z.literal('gelu'), by: z.enum(['erf', 'tanh']) }),
]);

const layerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('image'), shape: z.strictObject({ channels: extent, height: extent, width: extent }) }),
  z.strictObject({
    kind: z.literal('convolution'),
    channels: extent,
    ...spatial,
    dilation: dilation.exactOptional(),
    bias: z.boolean(),
    frozen: z.literal(true).exactOptional(),
    groups: z.int().min(2).max(65536).exactOptional(),
  }),
  z.strictObject({ kind: z.literal('depthwise'), ...spatial, dilation: dilation.exactOptional(), bias: z.boolean() }),
  z.strictObject({ kind: z.literal('batch-normalization'), epsilon: z.number().positive() }),
  z.strictObject({ kind: z.literal('layer-normalization'), epsilon: z.number().positive() }),
  z.strictObject({
    kind: z.literal('response-normalization'),
    size: extent,
    alpha: z.number().nonnegative(),
    beta: z.number().positive(),
    bias: z.number().positive(),
  }),
  z.strictObject({ kind: z.literal('relu') }),
  z.strictObject({ kind: z.literal('activation'), function: functionSchema }),
  z.strictObject({ kind: z.literal('max-pool'), ...spatial }),
  z.strictObject({
    kind: z.literal('average-pool'),
    counted: z.boolean(),
    ...spatial,
    margins: z.strictObject(margins).exactOptional(),
  }),
  z.strictObject({ kind: z.literal('pad'), ...margins, value: z.enum(['zero', 'lowest']) }),
  z.strictObject({ kind: z.literal('global-average-pool') }),
  z.strictObject({ kind: z.literal('dense'), features: extent }),
  z.strictObject({ kind: z.literal('select'), take: z.array(z.int().min(0).max(65535)).min(1).max(65536).readonly() }),
  z.strictObject({ kind: z.literal('add') }),
  z.strictObject({ kind: z.literal('product') }),
  z.strictObject({ kind: z.literal('convex') }),
  z.strictObject({ kind: z.literal('concat') }),
]);

const id = z.int().min(0);

export const networkSchema = z.strictObject({
  nodes: z
    .array(z.strictObject({ id, layer: layerSchema, inputs: z.array(id) }))
    .min(2)
    .max(100_000),
  nextId: id.optional(),
});

/**
 * What is wrong with a graph, as a sentence, or undefined. In a valid network the first node, and no other, is an image, every node
 * but the last is read, and the last gives a vector.
 */
export function problemOf(network: Network): string | undefined {
  const shapes = inferShapes(network);
  if (typeof shapes === 'string') return shapes;
  const output = outputOf(network);
  const read = new Set(network.nodes.flatMap((node) => node.inputs));
  for (const node of network.nodes) {
    if ((node.layer.kind === 'image') !== (node === network.nodes[0]))
      return `node ${node.id}: the first node, and no other, must be an image`;
    if (read.has(node.id) === (node === output))
      return node === output ? 'the last node is read' : `node ${node.id} is not read by any node`;
  }
  const shape = shapes.get(output.id);
  return shape?.height === 1 && shape.width === 1 ? undefined : 'the last node must give a vector of logits';
}

/** The network that this JSON value describes, or what is wrong with it. */
export function parseNetwork(value: unknown): Network | string {
  const parsed = networkSchema.safeParse(value);
  if (!parsed.success) return z.prettifyError(parsed.error).split('\n').join(' ');
  const network = freeze(parsed.data.nodes, parsed.data.nextId);
  return problemOf(network) ?? network;
}

/**
 * What a mutation changes, as plain data: one member an operator. An edit names nodes of the network that it is applied
 * to, nothing else, so it can be kept in a journal, sent to a worker and applied again. It knows no shapes: whether a
 * network can take it, the operator says.
 */
import { z } from 'zod';
import type { NodeId } from '../network/network.ts';

const id = z.int().min(0);
const kernel = z.literal([3, 5]);
const mergeFactor = z.literal([1, 2, 4]);

export const editSchema = z.discriminatedUnion('kind', [
  /** §3.2.1. A block Conv–BN–ReLU behind a tensor; all who read the tensor read the block. */
  z.strictObject({ kind: z.literal('insert-convolution'), after: id, kernel }),
  /** §3.2.6. The same with a depthwise and a pointwise convolution. */
  z.strictObject({ kind: z.literal('insert-separable'), after: id, kernel }),
  /** §3.2.2. A convolution has `factor` times as many output channels. */
  z.strictObject({ kind: z.literal('alter-channels'), node: id, factor: z.literal([2, 4]) }),
  /** §3.2.3. λ·first + (1 − λ)·second with λ = 1, `second` pooled down by `factor`. */
  z.strictObject({ kind: z.literal('merge-convex'), first: id, second: id, factor: mergeFactor }),
  /** §3.2.4. `second`'s channels, pooled down by `factor`, behind those of `first`. */
  z.strictObject({ kind: z.literal('merge-concat'), first: id, second: id, factor: mergeFactor }),
  /** §3.2.5. The block that ends with this ReLU becomes two that are added: α and 1 − α of it. */
  z.strictObject({ kind: z.literal('split'), node: id, alpha: z.number().gt(0).lt(1) }),
  /** A convolution has so many output channels more, by a factor of 1.25, 1.5 or 2. */
  z.strictObject({ kind: z.literal('widen'), node: id, more: z.int().min(1).max(4096) }),
  /** The block that ends with this ReLU is taken out; those who read it read its input. */
  z.strictObject({ kind: z.literal('drop-block'), node: id }),
  /** A convolution has so many output channels fewer: the least useful ones go. */
  z.strictObject({ kind: z.literal('narrow'), node: id, fewer: z.int().min(1).max(4096) }),
  /** The block that ends with this ReLU is taken out, whatever it computes. */
  z.strictObject({ kind: z.literal('remove-block'), node: id }),
  /** A sum, a convex combination or a gate is without one of its inputs, by its place. */
  z.strictObject({ kind: z.literal('remove-branch'), node: id, input: z.int().min(0).max(64) }),
  /** A convolution becomes a depthwise and a pointwise one. */
  z.strictObject({ kind: z.literal('separate'), node: id }),
  /** The kernel of a convolution is without its outermost pixels. */
  z.strictObject({ kind: z.literal('shrink-kernel'), node: id }),
]);

export type Edit = Readonly<z.infer<typeof editSchema>>;
export type OperatorName = Edit['kind'];
export type EditOf<K extends OperatorName> = Extract<Edit, { kind: K }>;

/** The node that an edit names first: where it acts. */
export const nodeOf = (edit: Edit): NodeId => ('after' in edit ? edit.after : 'first' in edit ? edit.first : edit.node);

/** The edit that this JSON value is, or what is wrong with it. */
export function parseEdit(value: unknown): Edit | string {
  const parsed = editSchema.safeParse(value);
  return parsed.success ? Object.freeze(parsed.data) : z.prettifyError(parsed.error).split('\n').join(' ');
}

/**
 * Batch normalisations whose statistics must be measured after an edit. Nothing is measured here: whoever can run the
 * network does that, and hands mean and variance in.
 */
import { assert, must } from '../util/assert.ts';
import { nodeOf, type Network, type NodeId } from '../network/network.ts';
import { parameterName, type ParameterRole } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import type { Tensor, Tensors } from '../network/tensor.ts';
import type { Rewrite } from './operator.ts';
import { layoutOf } from './width-change.ts';

/**
 * - `identity`: a new batch normalisation that must give back its input: γ = √(variance + ε), β = mean, §3.2.1.
 * - `statistics`: new channels of one that was there, or all of one that reads something else now: γ and β stay as they are, only the
 *   running statistics are set.
 */
export interface Calibration {
  /** A batch normalisation of the new network. What is measured is the tensor that it reads. */
  readonly node: NodeId;
  readonly kind: 'identity' | 'statistics';
  /** In the new network's channels; sorted. */
  readonly channels: readonly (readonly [offset: number, count: number])[];
}

/** What is to be measured after this rewrite, in the network's order. */
export function calibrationsOf(rewrite: Rewrite): readonly Calibration[] {
  const [identities, shapes] = [new Set(rewrite.identities), shapesOf(rewrite.network)];
  const shifted = new Set(rewrite.shifted);
  return rewrite.network.nodes.flatMap((node): Calibration[] => {
    if (node.layer.kind !== 'batch-normalization') return [];
    const width = must(shapes.get(node.id), `shape of node ${node.id}`).channels;
    if (identities.has(node.id)) return [{ node: node.id, kind: 'identity', channels: [[0, width]] }];
    if (shifted.has(node.id)) return [{ node: node.id, kind: 'statistics', channels: [[0, width]] }];
    const { added } = layoutOf(rewrite.widths.get(node.id) ?? []);
    return added.length === 0 ? [] : [{ node: node.id, kind: 'statistics', channels: added }];
  });
}

/**
 * The parameters with a batch normalisation calibrated. `mean` and `variance` are of the tensor that it reads, one a
 * channel of the new network, over training batches, as a batch normalisation takes them in training: the variance is the
 * biased one (over all N·H·W, not one less). In evaluation an `identity` then gives back its input to rounding, and with
 * batch statistics as far as the batch has those.
 */
export function calibrate(
  network: Network,
  tensors: Tensors,
  { node: id, kind, channels }: Calibration,
  mean: Float32Array,
  variance: Float32Array,
): Tensors {
  const { layer } = nodeOf(network, id);
  assert(layer.kind === 'batch-normalization', () => `node ${id} is a ${layer.kind}, not a batch normalisation`);
  const changed: Record<string, Tensor> = {};
  const set = (role: ParameterRole, values: (channel: number) => number): void => {
    const name = parameterName(id, role);
    const old = must(tensors[name], `tensor ${name}`);
    const data = old.data.slice();
    assert(
      data.length === mean.length && data.length === variance.length,
      () => `${name} has ${data.length} channels, ${mean.length} means and ${variance.length} variances were measured`,
    );
    for (const [offset, count] of channels)
      for (let channel = offset; channel < offset + count; channel++) data[channel] = values(channel);
    changed[name] = { shape: old.shape, data };
  };
  const meanOf = (channel: number): number => mean[channel] as number;
  const varianceOf = (channel: number): number => variance[channel] as number;
  assert(
    channels.every(([offset, count]) => variance.subarray(offset, offset + count).every((value) => value >= 0)),
    () => `a variance measured for node ${id} is negative or no number`,
  );
  if (kind === 'identity') {
    set('scale', (channel) => Math.sqrt(varianceOf(channel) + layer.epsilon));
    set('shift', meanOf);
  }
  set('mean', meanOf);
  set('variance', varianceOf);
  return { ...tensors, ...changed };
}

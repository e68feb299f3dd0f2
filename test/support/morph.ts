/** Applies edits as a run does: each new batch normalisation is calibrated right after its insertion, here with forward.ts. */
import { must } from '../../src/util/assert.ts';
import type { Random } from '../../src/util/random.ts';
import { nodeOf, type Network } from '../../src/network/network.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { applyEdit } from '../../src/morphism/apply.ts';
import type { Edit, OperatorName } from '../../src/morphism/edit.ts';
import { propose } from '../../src/morphism/mutate.ts';
import { operatorOf, rewriteOf } from '../../src/morphism/operators.ts';
import { calibrate } from '../../src/morphism/calibration.ts';
import { tinyLimits } from './networks.ts';
import { forward, logitsOf, type Mode, statisticsOf, type Values } from './forward.ts';

export interface Trained {
  readonly network: Network;
  readonly tensors: Tensors;
}

/** Applies an edit and calibrates it on these images. */
export function morph({ network, tensors }: Trained, edit: Edit, images: Values, random: Random): Trained {
  const applied = applyEdit(network, tensors, edit, random);
  let current = applied.tensors;
  for (const calibration of applied.calibrations) {
    const input = must(nodeOf(applied.network, calibration.node).inputs[0], 'input');
    const { mean, variance } = statisticsOf(must(forward(applied.network, current, images, 'training').get(input), 'values'));
    current = calibrate(applied.network, current, calibration, new Float32Array(mean), new Float32Array(variance));
  }
  return { network: applied.network, tensors: current };
}

/**
 * An edit of the operator that the network and its tensors allow. If it undoes an insertion, a block is inserted first, and calibrated
 * if there are images.
 */
export function possibleEdit(
  name: OperatorName,
  start: Trained,
  random: Random,
  images?: Values,
): { readonly parent: Trained; readonly edit: Edit } | undefined {
  if (name !== 'drop-block') {
    const proposal = propose(name, start.network, tinyLimits, random);
    return proposal && { parent: start, edit: proposal.edit };
  }
  const insertion = propose(random.pick(['insert-convolution', 'insert-separable']), start.network, tinyLimits, random);
  if (insertion === undefined) return undefined;
  const parent = images
    ? morph(start, insertion.edit, images, random)
    : applyEdit(start.network, start.tensors, insertion.edit, random);
  const allowed = operatorOf(name)
    .candidates(parent.network)
    .find((edit) => typeof rewriteOf(parent.network, edit, parent.tensors) !== 'string');
  return { parent, edit: must(allowed, 'the inserted block can be dropped') };
}

/** The largest difference of logits, over the largest logit of the first. */
export function difference(before: Trained, after: Trained, images: Values, mode: Mode): number {
  const expected = logitsOf(before.network, before.tensors, images, mode);
  const actual = logitsOf(after.network, after.tensors, images, mode);
  const largest = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  return expected.reduce((most, logit, index) => Math.max(most, Math.abs(logit - (actual[index] ?? Number.NaN))), 0) / largest;
}

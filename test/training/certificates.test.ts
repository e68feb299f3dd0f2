import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Grown } from '../../src/training/grow.ts';
import { random } from '../../src/util/random.ts';
import { chain, trainedParent, type Chain } from '../support/certificates.ts';
import { anyEngine, anyImages } from '../support/machine.ts';

const children = Number(process.env['INSTAR_TEST_CHILDREN'] ?? 48);
const sides = [12, 16, 28, 32];

const engine = await anyEngine();
const { dataset } = await anyImages(join(tmpdir(), 'instar-test-cache'));

test(`${children} children of chains of up to 20 mutations compute what their trained parents do, in both modes`, async (t) => {
  const chains: Chain[] = [];
  for (const side of sides) {
    const { parent, images } = await trainedParent(engine, dataset, side, side);
    for (let index = 0; index < children / sides.length; index++)
      chains.push(await chain(engine, parent, images, random('certificates', side, index)));
  }
  const worst = (of: 'evaluation' | 'training'): Chain =>
    chains.reduce((a, b) => (b.certificate[of] > a.certificate[of] ? b : a));
  t.diagnostic(
    `worst evaluation ${worst('evaluation').certificate.evaluation.toExponential(1)}, worst training-mode loss ${(100 * worst('training').certificate.training).toFixed(2)} %`,
  );
  assert.ok(worst('evaluation').certificate.evaluation <= 1e-4, JSON.stringify(worst('evaluation')));
  assert.ok(worst('training').certificate.training <= 0.02, JSON.stringify(worst('training')));
});

/** The batch normalisations of a child as if their statistics had not been measured: mean 0, variance 1. */
function uncalibrated(parent: Grown) {
  return ({ network, tensors }: Grown): Grown => {
    const changed = Object.entries(tensors).map(([name, tensor]) => {
      const role = name.slice(name.indexOf('/') + 1);
      const value = { scale: Math.sqrt(1 + 1e-5), shift: 0, mean: 0, variance: 1 }[role];
      if (value === undefined || name in parent.tensors) return [name, tensor];
      return [name, { shape: tensor.shape, data: new Float32Array(tensor.data.length).fill(value) }];
    });
    return { network, tensors: Object.fromEntries(changed) };
  };
}

test('with 0 and 1 in place of the measured statistics, the training-mode loss tells', async () => {
  const { parent, images } = await trainedParent(engine, dataset, 16, 16);
  let told = 0;
  const tries = 12;
  for (let index = 0; index < tries; index++) {
    const { certificate, operators } = await chain(
      engine,
      parent,
      images,
      random('certificates', 16, index),
      uncalibrated(parent),
    );
    if (/insert/.test(operators) && certificate.training > 0.02) told++;
  }
  assert.ok(told >= tries / 2, `${told} of ${tries}`);
});

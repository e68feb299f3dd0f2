/** What is set by a calibration, and what is not. That it makes edits exact, `exactness.test.ts` says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../src/util/random.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { epsilon, vanillaNetwork } from '../../src/network/vanilla.ts';
import { applyEdit } from '../../src/morphism/apply.ts';
import { calibrate } from '../../src/morphism/calibration.ts';
import { draft } from '../support/networks.ts';

const vanilla = vanillaNetwork({ channels: 2, height: 4, width: 4 }, 3, [2, 3]);
const floats = (...values: readonly number[]): Float32Array => new Float32Array(values);

const normalization = (tensors: Tensors, node: number): Record<string, number[]> =>
  Object.fromEntries(
    ['scale', 'shift', 'mean', 'variance'].map((role) => [role, Array.from(tensors[`${node}/${role}`]?.data ?? [])]),
  );

test('an identity gets γ, β and running statistics from what was measured, a dead channel too', () => {
  const start = initialTensors(vanilla, random('start'));
  const inserted = applyEdit(vanilla, start, { kind: 'insert-convolution', after: 3, kernel: 3 }, random('insert'));
  assert.deepEqual(inserted.calibrations, [{ node: 11, kind: 'identity', channels: [[0, 2]] }]);
  const placeholder = Math.fround(Math.sqrt(1 + epsilon));
  assert.deepEqual(normalization(inserted.tensors, 11), {
    scale: [placeholder, placeholder],
    shift: [0, 0],
    mean: [0, 0],
    variance: [1, 1],
  });
  const [calibration] = inserted.calibrations;
  assert.ok(calibration !== undefined);
  const after = calibrate(inserted.network, inserted.tensors, calibration, floats(0.5, 2), floats(4, 0));
  assert.deepEqual(normalization(after, 11), {
    scale: [Math.fround(Math.sqrt(4 + epsilon)), Math.fround(Math.sqrt(epsilon))],
    shift: [0.5, 2],
    mean: [0.5, 2],
    variance: [4, 0],
  });
  assert.deepEqual(normalization(inserted.tensors, 11).shift, [0, 0], 'the parameters before are left alone');
  assert.equal(after['10/kernel'], inserted.tensors['10/kernel']);
});

test('new channels of one that was there get running statistics only, and its old channels nothing', () => {
  const start = initialTensors(vanilla, random('start'));
  const widened = applyEdit(vanilla, start, { kind: 'alter-channels', node: 1, factor: 2 }, random('widen'));
  assert.deepEqual(widened.calibrations, [{ node: 2, kind: 'statistics', channels: [[2, 2]] }]);
  const [calibration] = widened.calibrations;
  assert.ok(calibration !== undefined);
  const after = calibrate(widened.network, widened.tensors, calibration, floats(9, 9, 0.25, 0.5), floats(9, 9, 3, 4));
  assert.deepEqual(normalization(after, 2), {
    scale: [1, 1, 1, 1],
    shift: [0, 0, 0, 0],
    mean: [0, 0, 0.25, 0.5],
    variance: [1, 1, 3, 4],
  });
});

test('calibrations come in the order of the network, whatever the ids', () => {
  const { block, sum, head } = draft(2, 4);
  const [a, b] = [block(0, 2), block(0, 2)];
  const network = head(block(sum(a, b), 3));
  const split = applyEdit(network, initialTensors(network, random(1)), { kind: 'split', node: a, alpha: 0.3 }, random(2));
  const widened = applyEdit(split.network, split.tensors, { kind: 'alter-channels', node: 4, factor: 2 }, random(3));
  const nodes = widened.calibrations.map(({ node }) => node);
  const order = widened.network.nodes.map(({ id }) => id).filter((id) => nodes.includes(id));
  assert.deepEqual(nodes, order);
  assert.deepEqual(nodes, [2, 14, 5]);
});

test('measurements that cannot be are refused', () => {
  const start = initialTensors(vanilla, random('start'));
  const calibration = { node: 2, kind: 'identity', channels: [[0, 2]] } as const;
  assert.throws(() => calibrate(vanilla, start, calibration, floats(0), floats(1)), /2 channels, 1 means/);
  assert.throws(() => calibrate(vanilla, start, calibration, floats(0, 0), floats(1, -1)), /negative/);
  assert.throws(() => calibrate(vanilla, start, calibration, floats(0, 0), floats(1, Number.NaN)), /negative/);
  assert.throws(() => calibrate(vanilla, start, { ...calibration, node: 3 }, floats(0, 0), floats(1, 1)), /not a batch/);
});

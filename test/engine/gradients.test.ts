/**
 * The gradients that the lowering derives and the reference engine computes, against central differences of the loss in f64:
 * every parameter of networks over the whole union of layers. A coordinate whose difference crosses a kink (a ReLU or a
 * maximum that changes sides) has no derivative there and is left out.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceSession } from '../../src/engine/reference/engine.ts';
import { relu6, rowOf, usualHardSigmoid, type ActivationFunction } from '../../src/network/activations.ts';
import { freeze, type LayerKind, type Network, type NodeId } from '../../src/network/network.ts';
import { printNetwork } from '../../src/network/print.ts';
import { convolution, epsilon, maxPool } from '../../src/network/vanilla.ts';
import { isLearned, parametersOf } from '../../src/network/parameters.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import type { Statistics } from '../../src/program/learning.ts';
import { lower } from '../../src/program/lower.ts';
import type { BufferId } from '../../src/program/program.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { ofTensors } from '../support/activations.ts';
import { largest } from '../support/comparing.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';
import { normalizedImage } from '../support/networks.ts';
import { fillInputs, randomState } from '../support/single-steps.ts';

const distance = 1e-5;

/** Every kind of layer, a shared input, one input read twice, sums and maxima over branches. */
const everyLayer: Network = freeze([
  { id: 0, layer: { kind: 'image', shape: { channels: 2, height: 8, width: 7 } }, inputs: [] },
  { id: 1, layer: convolution(4, 3), inputs: [0] },
  { id: 2, layer: { kind: 'batch-normalization', epsilon }, inputs: [1] },
  { id: 3, layer: { kind: 'relu' }, inputs: [2] },
  { id: 4, layer: { kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: true }, inputs: [3] },
  { id: 5, layer: convolution(4, 1), inputs: [3] },
  { id: 6, layer: { kind: 'convex' }, inputs: [4, 5] },
  { id: 7, layer: { kind: 'add' }, inputs: [6, 3, 6] },
  { id: 8, layer: { kind: 'batch-normalization', epsilon }, inputs: [7] },
  { id: 9, layer: maxPool(2), inputs: [8] },
  { id: 10, layer: { kind: 'convolution', channels: 3, kernel: 5, stride: 2, padding: 2, bias: false }, inputs: [7] },
  { id: 11, layer: { kind: 'max-pool', kernel: 3, stride: 1, padding: 1 }, inputs: [10] },
  { id: 12, layer: { kind: 'convolution', channels: 2, kernel: 2, stride: 1, padding: 0, bias: true }, inputs: [11] },
  { id: 13, layer: { kind: 'concat' }, inputs: [9, 9] },
  { id: 14, layer: { kind: 'dense', features: 5 }, inputs: [13] },
  { id: 15, layer: { kind: 'global-average-pool' }, inputs: [12] },
  { id: 16, layer: { kind: 'concat' }, inputs: [14, 15] },
  { id: 17, layer: { kind: 'convex' }, inputs: [16, 16] },
  { id: 18, layer: { kind: 'dense', features: 3 }, inputs: [17] },
]);

/** What does not count may lie on some sides alone. */
const aroundPool = (counted: boolean) =>
  counted ? { padding: 1 } : { padding: 0, margins: { top: 1, left: 0, bottom: 0, right: 1 } };

/** Layers of networks that people bring: groups, padding, averages, gates, products, and each activation in turn. */
const given = (of: ActivationFunction, gate: ActivationFunction, counted: boolean): Network =>
  freeze([
    { id: 0, layer: { kind: 'image', shape: { channels: 2, height: 7, width: 8 } }, inputs: [] },
    { id: 1, layer: { kind: 'pad', top: 0, left: 1, bottom: 1, right: 2, value: 'zero' }, inputs: [0] },
    { id: 2, layer: { kind: 'convolution', channels: 4, kernel: 3, stride: 2, padding: 0, bias: true }, inputs: [1] },
    { id: 3, layer: { kind: 'batch-normalization', epsilon }, inputs: [2] },
    { id: 4, layer: { kind: 'activation', function: of }, inputs: [3] },
    {
      id: 5,
      layer: { kind: 'convolution', channels: 6, kernel: 3, stride: 1, padding: 2, dilation: 2, bias: true, groups: 2 },
      inputs: [4],
    },
    { id: 6, layer: { kind: 'global-average-pool' }, inputs: [5] },
    { id: 7, layer: convolution(6, 1), inputs: [6] },
    { id: 8, layer: { kind: 'activation', function: gate }, inputs: [7] },
    { id: 9, layer: { kind: 'product' }, inputs: [5, 8] },
    { id: 10, layer: { kind: 'product' }, inputs: [9, 5] },
    { id: 11, layer: { kind: 'average-pool', kernel: 3, stride: 2, ...aroundPool(counted), counted }, inputs: [10] },
    { id: 12, layer: { kind: 'pad', top: 1, left: 0, bottom: 0, right: 1, value: 'lowest' }, inputs: [11] },
    { id: 13, layer: { kind: 'max-pool', kernel: 2, stride: 1, padding: 0 }, inputs: [12] },
    { id: 14, layer: { kind: 'select', take: [4, 0, 5] }, inputs: [13] },
    { id: 15, layer: { kind: 'select', take: [2, 1, 0] }, inputs: [14] },
    { id: 16, layer: { kind: 'response-normalization', size: 3, alpha: 0.8, beta: 0.75, bias: 1.5 }, inputs: [15] },
    { id: 17, layer: { kind: 'convolution', channels: 4, kernel: 1, stride: 1, padding: 0, bias: false }, inputs: [16] },
    { id: 18, layer: { kind: 'layer-normalization', epsilon: 0.1 }, inputs: [17] },
    { id: 19, layer: { kind: 'dense', features: 3 }, inputs: [18] },
  ]);

/** Twins, and twins of twins, read by all that joins; 4 and 5 are one, so 6 and 7 are, and 10 and 11. */
const twins: Network = freeze([
  { id: 0, layer: { kind: 'image', shape: { channels: 2, height: 8, width: 8 } }, inputs: [] },
  { id: 1, layer: convolution(3, 3), inputs: [0] },
  { id: 2, layer: { kind: 'batch-normalization', epsilon }, inputs: [1] },
  { id: 3, layer: { kind: 'relu' }, inputs: [2] },
  { id: 4, layer: maxPool(2), inputs: [3] },
  { id: 5, layer: maxPool(2), inputs: [3] },
  { id: 6, layer: { kind: 'relu' }, inputs: [4] },
  { id: 7, layer: { kind: 'relu' }, inputs: [5] },
  { id: 8, layer: convolution(3, 3), inputs: [4] },
  { id: 9, layer: { kind: 'convex' }, inputs: [8, 7] },
  { id: 10, layer: { kind: 'concat' }, inputs: [6, 9, 5] },
  { id: 11, layer: { kind: 'concat' }, inputs: [7, 9, 4] },
  { id: 12, layer: { kind: 'add' }, inputs: [10, 11] },
  { id: 13, layer: { kind: 'convex' }, inputs: [12, 10] },
  { id: 14, layer: { kind: 'global-average-pool' }, inputs: [13] },
  { id: 15, layer: { kind: 'dense', features: 3 }, inputs: [14] },
]);

/** The side of every kink: which activations are positive, where the maxima are. */
function sides(session: ReferenceSession): readonly number[] {
  const result: number[] = [];
  for (const step of session.program.steps) {
    if (step.kind === 'relu') for (const value of session.values(step.output)) result.push(value > 0 ? 1 : 0);
    if (step.kind === 'activation') {
      const { kinks } = rowOf(step.function);
      for (const value of session.values(step.input)) result.push(kinks.filter((kink) => value > kink).length);
    }
    if ((step.kind === 'max-pool' || step.kind === 'batch-normalization') && step.mask !== null)
      result.push(...session.values(step.mask));
  }
  return result;
}

/** Frozen convolutions: behind the image, and where the gradient passes through; with a bias, without one, and normalised. */
const frozen: Network = freeze([
  { id: 0, layer: { kind: 'image', shape: { channels: 2, height: 6, width: 6 } }, inputs: [] },
  { id: 1, layer: { kind: 'convolution', channels: 3, kernel: 3, stride: 1, padding: 1, bias: true, frozen: true }, inputs: [0] },
  { id: 2, layer: { kind: 'relu' }, inputs: [1] },
  { id: 3, layer: convolution(3, 3), inputs: [2] },
  { id: 4, layer: { kind: 'batch-normalization', epsilon }, inputs: [3] },
  { id: 5, layer: { kind: 'relu' }, inputs: [4] },
  { id: 6, layer: { kind: 'convolution', channels: 4, kernel: 3, stride: 2, padding: 1, bias: true, frozen: true }, inputs: [5] },
  { id: 7, layer: { kind: 'batch-normalization', epsilon }, inputs: [6] },
  {
    id: 8,
    layer: { kind: 'convolution', channels: 4, kernel: 1, stride: 1, padding: 0, bias: false, frozen: true },
    inputs: [7],
  },
  { id: 9, layer: maxPool(3), inputs: [8] },
  { id: 10, layer: { kind: 'dense', features: 3 }, inputs: [9] },
]);

const equal = (a: readonly number[], b: readonly number[]): boolean => a.every((value, index) => value === b[index]);

interface Outcome {
  readonly checked: number;
  readonly skipped: number;
}

async function checkGradients(
  network: Network,
  state: Tensors,
  stream: Random,
  coordinates: number,
  statistics: Statistics = 'batch',
): Promise<Outcome> {
  const program = lower(network, 3, { kind: 'training', learning: { momentum: 0, weightDecay: 0, statistics } });
  const session = new ReferenceSession(program);
  const learned = new Set(
    parametersOf(network)
      .filter(isLearned)
      .map(({ name }) => name),
  );
  fillInputs(session, stream);
  const lossAt = async (buffer: BufferId, index: number, offset: number): Promise<{ loss: number; kinks: readonly number[] }> => {
    session.load(state);
    (session.values(buffer)[index] as number) += offset;
    await session.run();
    return { loss: session.values(must(program.loss, 'loss'))[0] as number, kinks: sides(session) };
  };
  const { kinks } = await lossAt(must(program.state[0], 'state').buffer, 0, 0);
  const gradients = new Map<BufferId, Float64Array>();
  for (const entry of program.steps)
    if (entry.kind === 'update') gradients.set(entry.parameter, session.values(entry.gradient).slice());

  let [checked, skipped] = [0, 0];
  for (const { name, buffer, role } of program.state) {
    if (role === 'optimizer' || !learned.has(name)) continue;
    // A bias that only batch normalisations read is not trained: its gradient is zero, and must be.
    const gradient = gradients.get(buffer) ?? new Float64Array(session.values(buffer).length);
    const scale = Math.max(largest(gradient), 1e-2);
    const chosen = [...random(name).permutation(gradient.length)].slice(0, coordinates);
    for (const index of chosen) {
      const [above, below] = [await lossAt(buffer, index, distance), await lossAt(buffer, index, -distance)];
      if (!equal(above.kinks, kinks) || !equal(below.kinks, kinks)) {
        skipped++;
        continue;
      }
      checked++;
      const difference = (above.loss - below.loss) / (2 * distance);
      const actual = gradient[index] as number;
      assert.ok(
        Math.abs(difference - actual) <= 1e-6 * scale,
        `${name}[${index}]: ${actual}, but the loss changes by ${difference} in\n${printNetwork(network)}`,
      );
    }
  }
  session.dispose();
  return { checked, skipped };
}

const stateOf = (network: Network, stream: Random): Tensors =>
  randomState(lower(network, 3, { kind: 'training', learning: { momentum: 0, weightDecay: 0 } }), stream);

test('gradients are the slopes of the loss: a network of every kind of layer', async () => {
  const kinds = new Set<LayerKind>(everyLayer.nodes.map((node) => node.layer.kind));
  for (const node of given(relu6, relu6, true).nodes) kinds.add(node.layer.kind);
  assert.equal(kinds.size, 18, 'every layer of the union is there or in the next test');
  const mixes: readonly NodeId[] = [6, 17];
  for (const mix of [0.3, 1]) {
    const state = { ...stateOf(everyLayer, random('gradients', mix)) };
    for (const id of mixes) state[`${id}/mix`] = { shape: [1], data: Float32Array.of(mix) };
    const { checked, skipped } = await checkGradients(everyLayer, state, random('inputs', mix), Infinity);
    assert.ok(checked > 400 && skipped < checked / 10, `${checked} checked, ${skipped} skipped`);
  }
});

test('gradients are the slopes of the loss: normalised by running statistics, which stay as they are', async () => {
  for (const network of [everyLayer, normalizedImage, frozen]) {
    const learning = { momentum: 0, weightDecay: 0, statistics: 'running' } as const;
    const { steps } = lower(network, 3, { kind: 'training', learning });
    assert.ok(!steps.some(({ kind }) => kind === 'running-statistics'));
    const state = stateOf(network, random('running'));
    const { checked, skipped } = await checkGradients(network, state, random('running', 'inputs'), Infinity, 'running');
    assert.ok(checked > 20 && skipped < checked / 5, `${checked} checked, ${skipped} skipped`);
  }
});

test('gradients are the slopes of the loss: layers of given networks, each activation', async () => {
  for (const [index, of] of ofTensors.entries()) {
    const network = given(of, index % 2 === 0 ? { name: 'sigmoid' } : usualHardSigmoid, index % 2 === 0);
    const state = stateOf(network, random('given', index));
    const { checked, skipped } = await checkGradients(network, state, random('given inputs', index), Infinity);
    assert.ok(checked > 150 && skipped < checked / 5, `${of.name}: ${checked} checked, ${skipped} skipped`);
  }
});

test('gradients are the slopes of the loss: nodes that compute what another one does', async () => {
  const { steps } = lower(twins, 3, { kind: 'training', learning: { momentum: 0, weightDecay: 0 } });
  const count = (kind: string): number => steps.filter((step) => step.kind === kind).length;
  assert.deepEqual(['max-pool', 'max-pool-gradient', 'relu', 'concat', 'add'].map(count), [1, 1, 1, 1, 4]);
  const state = { ...stateOf(twins, random('twins')) };
  for (const id of [9, 13]) state[`${id}/mix`] = { shape: [1], data: Float32Array.of(0.4) };
  const { checked, skipped } = await checkGradients(twins, state, random('twins', 'inputs'), Infinity);
  assert.ok(checked > 100 && skipped < checked / 10, `${checked} checked, ${skipped} skipped`);
});

test('gradients are the slopes of the loss: a batch normalisation straight after the image', async () => {
  for (const seed of [1, 2]) {
    const state = stateOf(normalizedImage, random('image', seed));
    const { checked, skipped } = await checkGradients(normalizedImage, state, random('inputs', seed), Infinity);
    assert.ok(checked > 20 && skipped <= checked / 5, `${checked} checked, ${skipped} skipped`);
  }
});

test('gradients are the slopes of the loss: frozen convolutions', async () => {
  for (const seed of [1, 2]) {
    const { checked, skipped } = await checkGradients(
      frozen,
      stateOf(frozen, random('frozen', seed)),
      random('inputs', seed),
      Infinity,
    );
    assert.ok(checked > 100 && skipped < checked / 5, `${checked} checked, ${skipped} skipped`);
  }
});

test('gradients are the slopes of the loss: random networks', async () => {
  let [checked, skipped] = [0, 0];
  for (let seed = 0; seed < 25; seed++) {
    const network = smallRandomNetwork(random('gradients', seed), 7);
    const outcome = await checkGradients(network, stateOf(network, random('state', seed)), random('inputs', seed), 3);
    checked += outcome.checked;
    skipped += outcome.skipped;
  }
  assert.ok(checked > 500 && skipped < checked / 10, `${checked} checked, ${skipped} skipped`);
});

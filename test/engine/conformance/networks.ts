/** Whole networks: trained, evaluated and measured beside the reference engine; and what a step of training must mean. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConvolutionAlgorithms, Engine, Session } from '../../../src/engine/engine.ts';
import { reference } from '../../../src/engine/reference/engine.ts';
import type { Network } from '../../../src/network/network.ts';
import { printNetwork } from '../../../src/network/print.ts';
import type { Tensors } from '../../../src/network/tensor.ts';
import { lower } from '../../../src/program/lower.ts';
import type { BufferId, Program } from '../../../src/program/program.ts';
import { must } from '../../../src/util/assert.ts';
import { random } from '../../../src/util/random.ts';
import { assertClose, norm } from '../../support/comparing.ts';
import { normalizedImage } from '../../support/networks.ts';
import { smallRandomNetwork } from '../../support/random-networks.ts';
import { fillInputs, randomState } from '../../support/single-steps.ts';
import type { ConformanceOptions } from './options.ts';
import { meaningTests } from './meaning.ts';

const learning = { momentum: 0.9, weightDecay: 5e-4 };
const seeds = Array.from({ length: 24 }, (_, seed) => seed);
const algorithmsOf = (seed: number): ConvolutionAlgorithms => (seed % 3 === 0 ? 'direct' : 'auto');

/** The state of an evaluation, with statistics that fit: those of random numbers would let activations explode. */
async function trained(
  program: Program,
  seed: number,
  steps: number,
): Promise<{ before: Tensors; after: Tensors; loss: number }> {
  const session = await reference.compile(program, 'direct');
  const before = randomState(program, random('state', seed));
  const loss = await train(session, before, seed, steps);
  const after = session.save();
  session.dispose();
  return { before, after, loss };
}

async function train(session: Session, before: Tensors, seed: number, steps: number): Promise<number> {
  session.load(before);
  for (let step = 0; step < steps; step++) {
    fillInputs(session, random('inputs', seed, step));
    await session.run();
  }
  return session.output(must(session.program.loss, 'loss'))[0] as number;
}

async function compareTraining(engine: Engine, network: Network, seed: number): Promise<void> {
  const program = lower(network, 3 + (seed % 4), { kind: 'training', learning });
  const { before, after, loss } = await trained(program, seed, 5);
  const session = await engine.compile(program, algorithmsOf(seed));
  const actualLoss = await train(session, before, seed, 5);
  const actual = session.save();
  session.dispose();
  assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(after).toSorted());
  for (const [name, { data }] of Object.entries(after)) {
    const change = norm(data, must(before[name], name).data);
    const difference = norm(must(actual[name], name).data, data);
    assert.ok(difference <= 1e-3 * change + 1e-6, `${name}: off by ${difference} of ${change}\n${printNetwork(network)}`);
  }
  assertClose(Float32Array.of(actualLoss), Float32Array.of(loss), 1e-4, 1, () => `loss of\n${printNetwork(network)}`);
}

async function compareOutputs(
  engine: Engine,
  program: Program,
  state: Tensors,
  outputs: readonly BufferId[],
  options: { seed: number; tolerance: number; say: () => string },
): Promise<void> {
  const run = async (computing: Engine): Promise<Session> => {
    const session = await computing.compile(program, algorithmsOf(options.seed));
    session.load(state);
    fillInputs(session, random('inputs', options.seed));
    await session.run();
    return session;
  };
  const [expected, actual] = [await run(reference), await run(engine)];
  for (const id of outputs) assertClose(actual.output(id), expected.output(id), options.tolerance, 1e-3, options.say);
  expected.dispose();
  actual.dispose();
}

export function networkTests(open: () => Promise<Engine>, { tolerance }: ConformanceOptions): void {
  describe('networks', () => {
    test('random networks: five training steps change every tensor alike', async () => {
      for (const seed of seeds) await compareTraining(await open(), smallRandomNetwork(random('network', seed)), seed);
    });

    test('a batch normalisation straight after the image: five training steps change every tensor alike', async () => {
      for (const seed of [1, 2, 3]) await compareTraining(await open(), normalizedImage, seed);
    });

    test('random networks: the logits of an evaluation and the statistics of a measurement', async () => {
      for (const seed of seeds) {
        const network = smallRandomNetwork(random('network', seed));
        const batch = 3 + (seed % 4);
        const { after: state } = await trained(lower(network, batch, { kind: 'training', learning }), seed, 3);
        const options = { seed, tolerance: 20 * tolerance[algorithmsOf(seed)], say: () => printNetwork(network) };
        const evaluation = lower(network, batch, { kind: 'evaluation' });
        await compareOutputs(await open(), evaluation, state, [must(evaluation.logits, 'logits')], options);
        const stream = random('taps', seed);
        const taps = [...new Set([0, 1, 2].map(() => stream.integer(network.nodes.length)))];
        for (const some of [[], taps]) {
          const measurement = lower(network, batch, { kind: 'measurement', taps: some });
          const outputs = measurement.taps.flatMap((tap) => [tap.mean, tap.variance]);
          if (measurement.logits !== null) outputs.push(measurement.logits);
          await compareOutputs(await open(), measurement, state, outputs, options);
        }
      }
    });

    meaningTests(open);
  });
}

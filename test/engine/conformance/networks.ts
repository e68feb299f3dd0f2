/** Whole networks: trained, evaluated and measured beside the reference engine; and what a step of training must mean. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConvolutionAlgorithms, Engine, Session } from '../../../src/engine/engine.ts';
import { reference, ReferenceSession } from '../../../src/engine/reference/engine.ts';
import { sampleEdits } from '../../../src/morphism/mutate.ts';
import type { Limits } from '../../../src/morphism/operator.ts';
import { paperOperatorsWithSeparable } from '../../../src/morphism/operators.ts';
import { countParameters } from '../../../src/network/cost.ts';
import type { Network } from '../../../src/network/network.ts';
import { printNetwork } from '../../../src/network/print.ts';
import type { Tensors } from '../../../src/network/tensor.ts';
import { stagedNetwork } from '../../../src/network/staged.ts';
import { vanillaNetwork } from '../../../src/network/vanilla.ts';
import { lower } from '../../../src/program/lower.ts';
import type { BufferId, Program } from '../../../src/program/program.ts';
import { must } from '../../../src/util/assert.ts';
import { random } from '../../../src/util/random.ts';
import { assertClose, norm } from '../../support/comparing.ts';
import { normalizedImage } from '../../support/networks.ts';
import { smallRandomNetwork } from '../../support/random-networks.ts';
import { fillInputs, randomState, runMinibatch } from '../../support/single-steps.ts';
import { marginOf } from '../../support/ties.ts';
import { type ConformanceOptions, shareOf } from './options.ts';
import { meaningTests } from './meaning.ts';

const learning = { momentum: 0.9, weightDecay: 5e-4 };
/** What f32 may make of a value of about 1 behind some layers. Nearer than this to another decision, an engine may take it. */
const rounding = 1e-6;
const algorithmsOf = (seed: number): ConvolutionAlgorithms => (seed % 3 === 0 ? 'direct' : 'auto');

interface Trained {
  readonly before: Tensors;
  readonly after: Tensors;
  readonly loss: number;
  /** How near any step came to a tie that rounding decides. */
  readonly margin: number;
}

/** The state of an evaluation, with statistics that fit: those of random numbers would let activations explode. */
async function trained(program: Program, seed: number, steps: number): Promise<Trained> {
  const session = new ReferenceSession(program);
  const before = randomState(program, random('state', seed));
  let [margin, state] = [Infinity, before];
  const loss = await train(session, before, seed, steps, () => {
    margin = Math.min(margin, marginOf(session, state));
    state = session.save();
  });
  session.dispose();
  return { before, after: state, loss, margin };
}

async function train(session: Session, before: Tensors, seed: number, steps: number, look?: () => void): Promise<number> {
  session.load(before);
  for (let step = 0; step < steps; step++) {
    await runMinibatch(session, random('inputs', seed, step));
    look?.();
  }
  return session.output(must(session.program.loss, 'loss'))[0] as number;
}

/** The vanilla network on images of up to 16×16, grown by up to ten mutations. */
function grownNetwork(seed: number): Network {
  const stream = random('grown', seed);
  const image = { channels: 1 + stream.integer(3), height: 8 + stream.integer(9), width: 8 + stream.integer(9) };
  const vanilla = vanillaNetwork(image, 2 + stream.integer(9), [3 + stream.integer(6), 4 + stream.integer(9)]);
  const limits: Limits = { maxChannels: 40, admits: (network) => countParameters(network) <= 6_000 };
  return sampleEdits(vanilla, { operators: paperOperatorsWithSeparable, mutations: 1 + stream.integer(10), limits }, stream)
    .network;
}

/** Whether it could be compared: not where a step came nearer than `nearest` to a tie. */
async function compareTraining(
  engine: Engine,
  network: Network,
  batch: number,
  seed: number,
  nearest = 0,
  passes = 1,
): Promise<boolean> {
  const program = lower(network, batch, { kind: 'training', learning, passes });
  const { before, after, loss, margin } = await trained(program, seed, 5);
  if (margin < nearest) return false;
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
  return true;
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

export function networkTests(open: () => Promise<Engine>, options: ConformanceOptions): void {
  /** How many grown networks are compared. */
  const grown = shareOf(options, 50);
  const seeds = Array.from({ length: shareOf(options, 24) }, (_, seed) => seed);
  describe('networks', () => {
    test('random networks: five training steps change every tensor alike', async () => {
      for (const seed of seeds)
        await compareTraining(await open(), smallRandomNetwork(random('network', seed)), 3 + (seed % 4), seed);
    });

    test('grown networks: five training steps of eight images change every tensor alike', async () => {
      const engine = await open();
      let compared = 0;
      for (let seed = 0; compared < grown; seed++) {
        assert.ok(seed < 1.5 * grown, `only ${compared} of ${seed} networks can be compared`);
        if (await compareTraining(engine, grownNetwork(seed), 8, seed, rounding)) compared++;
      }
    });

    test('vanilla networks of channels enough for minimal filtering: five training steps change every tensor alike', async () => {
      const engine = await open();
      const image = { channels: 3, height: 8, width: 8 };
      let compared = 0;
      // Every third seed is computed by the definition.
      for (const [index, widths] of [
        [32, 48],
        [48, 32],
        [32, 40, 32],
      ].entries())
        for (const seed of [3 * index + 1, 3 * index + 2, 3 * index + 3])
          if (await compareTraining(engine, vanillaNetwork(image, 4, widths), 4, seed, rounding)) compared++;
      assert.ok(compared >= 6, `only ${compared} can be compared`);
    });

    test('staged networks, whose stem is frozen, and grown from them: five training steps change every tensor alike', async () => {
      const engine = await open();
      let compared = 0;
      const tried = shareOf(options, 18);
      for (let seed = 0; seed < tried; seed++) {
        const stream = random('staged', seed);
        // The last pool covers 8×8, 3×3 or, of an oblong image, nothing: that one is averaged.
        const [height, width, widths] = stream.pick([
          [16, 16, [6, 9]],
          [12, 12, [5, 8, 16]],
          [8, 10, [4, 7]],
        ] as const);
        const staged = stagedNetwork({ channels: 1 + stream.integer(3), height, width }, 4, widths);
        const limits: Limits = { maxChannels: 40, admits: (network) => countParameters(network) <= 9_000 };
        const sampling = { operators: paperOperatorsWithSeparable, mutations: stream.integer(6), limits };
        const { network } = sampleEdits(staged, sampling, stream);
        if (await compareTraining(engine, network, 3 + (seed % 3), seed, rounding)) compared++;
      }
      assert.ok(compared >= Math.floor((8 / 18) * tried), `only ${compared} can be compared`);
    });

    test('a batch normalisation straight after the image: five training steps change every tensor alike', async () => {
      for (const seed of [1, 2, 3]) await compareTraining(await open(), normalizedImage, 3 + (seed % 4), seed);
    });

    test('random and grown networks in several passes: five minibatches change every tensor alike', async () => {
      const engine = await open();
      for (const seed of seeds.slice(0, 8))
        await compareTraining(engine, smallRandomNetwork(random('network', seed)), 3 + (seed % 2), seed, 0, 2 + (seed % 3));
      let compared = 0;
      for (let seed = 100; seed < 108; seed++)
        if (await compareTraining(engine, grownNetwork(seed), 4, seed, rounding, 2 + (seed % 2))) compared++;
      assert.ok(compared >= 5, `only ${compared} can be compared`);
    });

    test('random networks: the logits of an evaluation and the statistics of a measurement', async () => {
      for (const seed of seeds) {
        const network = smallRandomNetwork(random('network', seed));
        const batch = 3 + (seed % 4);
        const { after: state } = await trained(lower(network, batch, { kind: 'training', learning }), seed, 3);
        const exactness = { seed, tolerance: 20 * options.tolerance[algorithmsOf(seed)], say: () => printNetwork(network) };
        const evaluation = lower(network, batch, { kind: 'evaluation' });
        await compareOutputs(await open(), evaluation, state, [must(evaluation.logits, 'logits')], exactness);
        const stream = random('taps', seed);
        const taps = [...new Set([0, 1, 2].map(() => stream.integer(network.nodes.length)))];
        for (const some of [[], taps]) {
          const measurement = lower(network, batch, { kind: 'measurement', taps: some });
          const outputs = measurement.taps.flatMap((tap) => [tap.mean, tap.variance]);
          if (measurement.logits !== null) outputs.push(measurement.logits);
          await compareOutputs(await open(), measurement, state, outputs, exactness);
        }
      }
    });

    meaningTests(open);
  });
}

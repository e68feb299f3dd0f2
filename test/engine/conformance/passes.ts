/** A minibatch in several passes: the same training as in one, up to rounding, and what each pass leaves as it was. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Engine, Session } from '../../../src/engine/engine.ts';
import { freeze, type Layer, type Network } from '../../../src/network/network.ts';
import type { Tensors } from '../../../src/network/tensor.ts';
import { convolution, epsilon, maxPool, vanillaNetwork } from '../../../src/network/vanilla.ts';
import type { Learning } from '../../../src/program/learning.ts';
import { lower } from '../../../src/program/lower.ts';
import { must } from '../../../src/util/assert.ts';
import { random } from '../../../src/util/random.ts';
import { norm } from '../../support/comparing.ts';
import { fillInputs, randomState } from '../../support/single-steps.ts';

const image: Layer = { kind: 'image', shape: { channels: 3, height: 7, width: 7 } };

/** Kernels of more and of fewer numbers than primitives are worth, a gate, a convex combination: all but batch normalisation. */
const plain: Network = freeze([
  { id: 0, layer: image, inputs: [] },
  { id: 1, layer: convolution(24, 3), inputs: [0] },
  { id: 2, layer: { kind: 'activation', function: { name: 'sigmoid' } }, inputs: [1] },
  { id: 3, layer: convolution(24, 3), inputs: [2] },
  { id: 4, layer: { kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: true }, inputs: [2] },
  { id: 5, layer: { kind: 'convex' }, inputs: [3, 4] },
  { id: 6, layer: { kind: 'global-average-pool' }, inputs: [5] },
  { id: 7, layer: { kind: 'product' }, inputs: [5, 6] },
  { id: 8, layer: maxPool(2), inputs: [7] },
  { id: 9, layer: { kind: 'dense', features: 5 }, inputs: [8] },
]);

const normalised = vanillaNetwork({ channels: 3, height: 8, width: 8 }, 5, [6, 10]);

const learnings: readonly Learning[] = [
  { momentum: 0.9, weightDecay: 5e-4 },
  { optimizer: 'nesterov', momentum: 0.9, weightDecay: 0.01, decoupled: true, average: 0.7, firstRate: 0.5 },
];

const compiled = async (engine: Engine, network: Network, batch: number, passes: number, learning: Learning): Promise<Session> =>
  engine.compile(lower(network, batch / passes, { kind: 'training', learning, passes }), 'direct');

/** All inputs of a minibatch, by name. */
interface Minibatch {
  readonly images: Float32Array;
  readonly labels: Float32Array;
  readonly rate: number;
}

const inputs = (session: Session) => ({
  images: session.input(session.program.images),
  labels: session.input(must(session.program.labels, 'labels')),
  rate: session.input(must(session.program.rate, 'rate')),
});

const lossOf = (session: Session): number => session.output(must(session.program.loss, 'loss'))[0] as number;

/** Runs one pass of a minibatch, and gives its share of the loss. */
async function runPass(session: Session, { images, labels, rate }: Minibatch, pass: number): Promise<number> {
  const own = inputs(session);
  const part = (to: Float32Array, from: Float32Array): void => to.set(from.subarray(pass * to.length, (pass + 1) * to.length));
  part(own.images, images);
  part(own.labels, labels);
  own.rate[0] = rate;
  await session.run(pass);
  return lossOf(session);
}

async function train(session: Session, minibatch: Minibatch): Promise<number> {
  let loss = 0;
  for (let pass = 0; pass < (session.program.passes ?? 1); pass++) loss += await runPass(session, minibatch, pass);
  return loss;
}

/** A minibatch as that session takes it. */
function drawn(session: Session, ...key: readonly (string | number)[]): Minibatch {
  fillInputs(session, random('passes', ...key));
  const { images, labels, rate } = inputs(session);
  return { images: images.slice(), labels: labels.slice(), rate: rate[0] as number };
}

function assertAlike(actual: Tensors, expected: Tensors, before: Tensors): void {
  for (const [name, { data }] of Object.entries(expected)) {
    const change = norm(data, must(before[name], name).data);
    const difference = norm(must(actual[name], name).data, data);
    assert.ok(difference <= 1e-4 * change + 1e-6, `${name}: off by ${difference} of ${change}`);
  }
}

export function passTests(open: () => Promise<Engine>): void {
  describe('passes', () => {
    test('without batch normalisation: minibatches in 2, 3 and 6 passes train as whole ones', async () => {
      const engine = await open();
      for (const [index, learning] of learnings.entries()) {
        const whole = await compiled(engine, plain, 12, 1, learning);
        const before = randomState(whole.program, random('passes', index));
        const minibatches = [1, 2, 3, 4].map((step) => drawn(whole, index, step));
        whole.load(before);
        const losses: number[] = [];
        for (const each of minibatches) losses.push(await train(whole, each));
        const expected = whole.save();
        whole.dispose();
        for (const passes of [2, 3, 6]) {
          const session = await compiled(engine, plain, 12, passes, learning);
          assert.deepEqual(
            session.program.state.map(({ name }) => name).toSorted(),
            Object.keys(expected).toSorted(),
            'what is saved is the same',
          );
          session.load(before);
          for (const [at, each] of minibatches.entries()) {
            const loss = await train(session, each);
            assert.ok(
              Math.abs(loss - (losses[at] as number)) <= 1e-4 * loss,
              `${passes} passes: loss ${loss}, not ${losses[at]}`,
            );
          }
          assertAlike(session.save(), expected, before);
          session.dispose();
        }
      }
    });

    test('running statistics: after all passes the earlier ones count as after one minibatch', async () => {
      // The convolution is the identity, so that the batch normalisation sees the image itself; all passes see the same images.
      const network = freeze(
        [
          image,
          { kind: 'convolution', channels: 3, kernel: 1, stride: 1, padding: 0, bias: false } as const,
          { kind: 'batch-normalization', epsilon } as const,
          { kind: 'global-average-pool' } as const,
          { kind: 'dense', features: 2 } as const,
        ].map((layer, id) => ({ id, layer, inputs: id === 0 ? [] : [id - 1] })),
      );
      const session = await compiled(await open(), network, 8, 4, { momentum: 0, weightDecay: 0 });
      const state = randomState(session.program, random('passes'));
      must(state['1/kernel'], 'kernel').data.set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
      session.load(state);
      fillInputs(session, random('passes'));
      for (let pass = 0; pass < 4; pass++) await session.run(pass);
      const pixels = session.input(session.program.images);
      const after = session.save();
      const count = 2 * 49;
      for (let c = 0; c < 3; c++) {
        const values = [...pixels].filter((_value, index) => Math.floor(index / 49) % 3 === c);
        const mean = values.reduce((sum, value) => sum + value, 0) / count;
        const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
        for (const [name, batch] of [
          ['2/mean', mean],
          ['2/variance', variance],
        ] as const) {
          const expected = 0.9 * (must(state[name], name).data[c] as number) + 0.1 * batch;
          const actual = must(after[name], name).data[c] as number;
          assert.ok(Math.abs(actual - expected) < 1e-6, `${name}: ${actual}, not ${expected}`);
        }
      }
      session.dispose();
    });

    test('only the last pass updates parameters; each moves running statistics', async () => {
      const session = await compiled(await open(), normalised, 12, 3, { momentum: 0.9, weightDecay: 5e-4 });
      const state = randomState(session.program, random('passes'));
      session.load(state);
      const isStatistic = (name: string): boolean => /\/(mean|variance)$/.test(name);
      let saved: Tensors = state;
      for (let pass = 0; pass < 3; pass++) {
        fillInputs(session, random('passes', pass));
        await session.run(pass);
        const now = session.save();
        for (const [name, { data }] of Object.entries(now)) {
          const stays = !isStatistic(name) && pass < 2;
          const [same, before] = [must(state[name], name).data, must(saved[name], name).data];
          if (stays) assert.deepEqual(data, same, `${name} after pass ${pass}`);
          // The bias before a batch normalisation has no update.
          else if (!/^[15]\/bias/.test(name)) assert.notDeepEqual(data, before, `${name} after pass ${pass}`);
        }
        saved = now;
      }
      session.dispose();
    });

    test('a minibatch begins anew with pass 0, whatever was added up before', async () => {
      const [first, second] = [
        await compiled(await open(), normalised, 8, 2, { momentum: 0.9, weightDecay: 0 }),
        await compiled(await open(), normalised, 8, 2, { momentum: 0.9, weightDecay: 0 }),
      ];
      const state = randomState(first.program, random('passes'));
      first.load(state);
      fillInputs(first, random('passes', 'left'));
      await first.run(0);
      for (const session of [first, second]) {
        session.load(state);
        for (let pass = 0; pass < 2; pass++) {
          fillInputs(session, random('passes', pass));
          await session.run(pass);
        }
      }
      assert.deepEqual(first.save(), second.save());
      for (const session of [first, second]) session.dispose();
    });

    test('a pass that the program does not have is a bug', async () => {
      const session = await compiled(await open(), normalised, 8, 2, { momentum: 0.9, weightDecay: 0 });
      for (const pass of [-1, 2, 0.5]) await assert.rejects(session.run(pass), /bug: pass .* of 2/);
      session.dispose();
    });
  });
}

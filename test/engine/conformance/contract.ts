/** The manners of a session: what src/engine/engine.ts promises its callers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Engine, Session } from '../../../src/engine/engine.ts';
import type { Tensors } from '../../../src/network/tensor.ts';
import { sizeOf } from '../../../src/network/tensor.ts';
import { lower } from '../../../src/program/lower.ts';
import type { BufferId } from '../../../src/program/program.ts';
import { vanillaNetwork } from '../../../src/network/vanilla.ts';
import { must } from '../../../src/util/assert.ts';
import { random } from '../../../src/util/random.ts';
import { smallRandomNetwork } from '../../support/random-networks.ts';
import { build, fillInputs, randomState } from '../../support/single-steps.ts';

const network = vanillaNetwork({ channels: 3, height: 8, width: 8 }, 5, [6, 10]);
const program = lower(network, 4, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } });
const state = randomState(program, random('contract'));

const copyOf = (tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
const isVelocity = (name: string): boolean => name.endsWith('/velocity');
const without = (tensors: Tensors, drop: (name: string) => boolean): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => !drop(name)));
const outputsOf = (session: Session): readonly BufferId[] =>
  session.program.buffers.filter((buffer) => buffer.kind === 'output').map((buffer) => buffer.id);
const readings = (session: Session): readonly Float32Array[] => outputsOf(session).map((id) => session.output(id).slice());

async function step(session: Session, number: number): Promise<void> {
  fillInputs(session, random('contract', number));
  await session.run();
}

export function contractTests(open: () => Promise<Engine>): void {
  const opened = async (convolution: 'direct' | 'auto' = 'auto'): Promise<Session> =>
    (await open()).compile(program, convolution);

  describe('contract', () => {
    test('the session has its program, and holds at least its state', async () => {
      const session = await opened();
      assert.equal(session.program, program);
      const stateBytes = program.state.reduce((sum, { buffer }) => sum + 4 * sizeOf(program.buffers[buffer]?.shape ?? []), 0);
      assert.ok(session.bytes >= stateBytes);
      session.dispose();
    });

    test('the fingerprint is complete, and the same every time', async () => {
      const { fingerprint } = await open();
      assert.ok(fingerprint.version.length > 0 && fingerprint.instructionSet.length > 0 && fingerprint.threads >= 1);
      assert.deepEqual((await open()).fingerprint, fingerprint);
    });

    test('all inputs and all state are zero until written', async () => {
      const session = await opened();
      for (const { data } of Object.values(session.save())) assert.ok(data.every((value) => value === 0));
      for (const { id, kind } of program.buffers)
        if (kind === 'input') assert.ok(session.input(id).every((value) => value === 0));
      session.dispose();
    });

    test('inputs and outputs: the same array every time, of the right length', async () => {
      const session = await opened();
      session.load(state);
      const before = program.buffers.filter((buffer) => buffer.kind === 'input').map(({ id }) => session.input(id));
      await step(session, 1);
      program.buffers
        .filter((buffer) => buffer.kind === 'input')
        .forEach(({ id, shape }, index) => {
          assert.equal(session.input(id), before[index]);
          assert.equal(session.input(id).length, sizeOf(shape));
        });
      for (const id of outputsOf(session)) assert.equal(session.output(id).length, sizeOf(program.buffers[id]?.shape ?? []));
      session.dispose();
    });

    test('a run leaves its inputs as they are', async () => {
      const session = await opened();
      session.load(state);
      fillInputs(session, random('kept'));
      const before = program.buffers.filter((buffer) => buffer.kind === 'input').map(({ id }) => session.input(id).slice());
      await session.run();
      const after = program.buffers.filter((buffer) => buffer.kind === 'input').map(({ id }) => session.input(id));
      assert.deepEqual(after, before);
      session.dispose();
    });

    test('load and save: a round trip to the bit, on grown networks too', async () => {
      const engine = await open();
      for (const seed of [1, 2, 3, 4]) {
        const other = lower(smallRandomNetwork(random('round trip', seed)), 3, {
          kind: 'training',
          learning: { momentum: 0.9, weightDecay: 0 },
        });
        const tensors = randomState(other, random('round trip', seed));
        const session = await engine.compile(other, 'auto');
        session.load(tensors);
        assert.deepEqual(session.save(), tensors);
        session.dispose();
      }
    });

    test('a velocity that is missing becomes zero', async () => {
      const session = await opened();
      session.load(state);
      session.load(without(state, isVelocity));
      const saved = session.save();
      for (const [name, { data }] of Object.entries(saved))
        if (isVelocity(name)) assert.ok(data.every((value) => value === 0));
        else assert.deepEqual(data, state[name]?.data);
      session.dispose();
    });

    test('names that the program does not have are passed over', async () => {
      const session = await opened();
      session.load({ ...state, '99/kernel': { shape: [2], data: Float32Array.of(1, 2) } });
      assert.deepEqual(session.save(), state);
      session.dispose();
    });

    test('a parameter, a statistic that is missing is a bug, and a shape that does not fit', async () => {
      const session = await opened();
      for (const name of ['1/kernel', '1/bias', '2/scale', '2/variance'])
        assert.throws(() => session.load(without(state, (candidate) => candidate === name)), /bug/);
      assert.throws(() => session.load({ ...state, '1/bias': { shape: [5], data: new Float32Array(5) } }), /bug/);
      session.dispose();
    });

    test('what is loaded and what is saved is shared with no one', async () => {
      const session = await opened();
      const given = copyOf(state);
      session.load(given);
      for (const { data } of Object.values(given)) data.fill(7);
      const saved = session.save();
      assert.deepEqual(saved, state);
      await step(session, 1);
      assert.deepEqual(saved, state);
      const after = session.save();
      assert.notDeepEqual(after, state);
      const kept = copyOf(after);
      for (const { data } of Object.values(after)) data.fill(7);
      assert.deepEqual(session.save(), kept);
      session.dispose();
    });

    test('outputs are stable until the next run', async () => {
      const session = await opened();
      session.load(state);
      await step(session, 1);
      const before = readings(session);
      fillInputs(session, random('other inputs'));
      session.load(randomState(program, random('other state')));
      session.save();
      assert.deepEqual(readings(session), before);
      await session.run();
      assert.notDeepEqual(readings(session), before);
      session.dispose();
    });

    test('run twice from the same state: the same bits', async () => {
      for (const convolution of ['direct', 'auto'] as const) {
        const runs: unknown[] = [];
        const [first, second] = [await opened(convolution), await opened(convolution)];
        for (const session of [first, second, first]) {
          session.load(state);
          for (const number of [1, 2, 3]) await step(session, number);
          runs.push([readings(session), session.save()]);
        }
        assert.deepEqual(runs[1], runs[0]);
        assert.deepEqual(runs[2], runs[0]);
        first.dispose();
        second.dispose();
      }
    });

    test('what is saved is all that there is: going on after a load equals going on', async () => {
      const [first, second] = [await opened(), await opened()];
      first.load(state);
      for (const number of [1, 2, 3]) await step(first, number);
      second.load(first.save());
      for (const number of [4, 5]) {
        await step(first, number);
        await step(second, number);
      }
      assert.deepEqual(second.save(), first.save());
      assert.deepEqual(readings(second), readings(first));
      first.dispose();
      second.dispose();
    });

    test('two sessions do not disturb each other, and one outlives the other', async () => {
      const alone = await opened();
      alone.load(state);
      for (const number of [1, 2]) await step(alone, number);
      const expected = alone.save();
      const [first, second] = [await opened(), await opened()];
      first.load(state);
      second.load(randomState(program, random('second')));
      for (const number of [1, 2]) {
        fillInputs(first, random('contract', number));
        await step(second, 10 + number);
        await first.run();
      }
      second.dispose();
      assert.deepEqual(first.save(), expected);
      for (const session of [alone, first]) session.dispose();
    });

    test('dispose twice is harmless', async () => {
      const session = await opened();
      session.dispose();
      session.dispose();
    });

    test('direct convolution: an identity kernel is the identity to the bit', async () => {
      for (const channels of [1, 3, 8, 13, 16, 32])
        for (const kernel of [1, 3, 5])
          for (const depthwise of [false, true]) await identity(await open(), channels, kernel, depthwise);
    });
  });
}

async function identity(engine: Engine, channels: number, kernel: number, depthwise: boolean): Promise<void> {
  const shape = [2, channels, 7, 9];
  const perGroup = depthwise ? 1 : channels;
  const copying = build(2, (b) =>
    b.step({
      kind: 'convolution',
      input: b.input('x', ...shape),
      kernel: b.state('kernel', 'kernel', channels, perGroup, kernel, kernel),
      bias: b.state('bias', 'bias', channels),
      output: b.output('y', ...shape),
      geometry: { kernel, stride: 1, padding: (kernel - 1) / 2, groups: depthwise ? channels : 1 },
    }),
  );
  const weights = new Float32Array(channels * perGroup * kernel * kernel);
  const center = (kernel * kernel - 1) / 2;
  for (let c = 0; c < channels; c++) weights[(c * perGroup + (depthwise ? 0 : c)) * kernel * kernel + center] = 1;
  const session = await engine.compile(copying, 'direct');
  session.load({
    kernel: { shape: [channels, perGroup, kernel, kernel], data: weights },
    bias: { shape: [channels], data: new Float32Array(channels) },
  });
  fillInputs(session, random('identity', channels, kernel));
  await session.run();
  const output = must(outputsOf(session)[0], 'output');
  assert.deepEqual(session.output(output), session.input(copying.images), `${channels} channels, ${kernel}×${kernel}`);
  session.dispose();
}

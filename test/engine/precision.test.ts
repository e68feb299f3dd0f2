/**
 * Convolutions in bf16: what is rounded, the reference engine against that, oneDNN against the reference engine, and a network that
 * learns in either precision.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createOneDnnEngine } from '../../src/engine/onednn/onednn.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import { isRounded, rounded, type Precision } from '../../src/program/precision.ts';
import type { Geometry, Program } from '../../src/program/program.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { withoutOneDnn } from '../support/machine.ts';
import { build, randomState, runMinibatch } from '../support/single-steps.ts';

const missing = withoutOneDnn();
const native = missing === false ? createOneDnnEngine({ threads: 1, environment: process.env }) : null;
const withoutBf16 =
  native === null || native.precisions.includes('bf16')
    ? missing
    : `bf16 needs AVX-512, here is ${native.fingerprint.instructionSet}`;

test('rounding: the nearest number of eight bits of significand, of two the even one', () => {
  const one = (value: number): number => rounded(Float64Array.of(value))[0] as number;
  assert.deepEqual([1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20].map(one), [1, 1, 1 + 2 ** -6, 1 + 2 ** -7]);
  assert.deepEqual([0, -0, 3.4e38, Infinity, -Infinity].map(one), [0, -0, Infinity, Infinity, -Infinity]);
  assert.ok(Number.isNaN(one(NaN)));
  fc.assert(
    fc.property(
      fc.double({ min: -1e30, max: 1e30, noNaN: true }).filter((value) => Math.abs(value) > 1e-30),
      (value) => {
        const result = one(value);
        assert.ok(Math.abs(result - value) <= 2 ** -8 * (1 + 1e-6) * Math.abs(value));
        assert.equal(one(result), result);
        assert.equal((new Uint32Array(Float32Array.of(result).buffer)[0] as number) & 0xffff, 0);
      },
    ),
  );
});

/** One convolution of channels enough to be rounded, and its gradients, as three programs. */
const cases = fc
  .record({
    n: fc.integer({ min: 1, max: 3 }),
    from: fc.integer({ min: 8, max: 40 }),
    to: fc.integer({ min: 8, max: 40 }),
    kernel: fc.constantFrom(2, 3, 5),
    stride: fc.constantFrom(1, 2),
    padding: fc.integer({ min: 0, max: 2 }),
    // Pixels that are written.
    side: fc.integer({ min: 8, max: 11 }),
    bias: fc.boolean(),
  })
  .filter(({ kernel, padding }) => padding < kernel);
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function programsOf({ n, from, to, side, kernel, stride, padding, bias }: Case): readonly Program[] {
  const geometry: Geometry = { kernel, stride, padding, groups: 1 };
  const size = (side - 1) * stride + kernel - 2 * padding;
  const [input, weights, output] = [
    [n, from, size, size],
    [to, from, kernel, kernel],
    [n, to, side, side],
  ] as const;
  assert.ok(isRounded(geometry, input, output));
  return [
    build(n, (b) =>
      b.step({
        kind: 'convolution',
        input: b.input('x', ...input),
        kernel: b.state('kernel', 'kernel', ...weights),
        bias: bias ? b.state('bias', 'bias', to) : null,
        output: b.output('y', ...output),
        geometry,
      }),
    ),
    build(n, (b) =>
      b.step({
        kind: 'convolution-gradient-input',
        outputGradient: b.input('dy', ...output),
        kernel: b.state('kernel', 'kernel', ...weights),
        inputGradient: b.output('dx', ...input),
        geometry,
      }),
    ),
    build(n, (b) =>
      b.step({
        kind: 'convolution-gradient-kernel',
        input: b.input('x', ...input),
        outputGradient: b.input('dy', ...output),
        kernelGradient: b.output('dW', ...weights),
        biasGradient: bias ? b.output('db', to) : null,
        geometry,
      }),
    ),
  ];
}

async function outputsOf(engine: Engine, program: Program, seed: number, precision: Precision, roundedFirst = false) {
  const session = await engine.compile(program, 'auto', precision);
  const state = randomState(program, random('state', seed));
  const isRead = (name: string): boolean => roundedFirst && name !== 'bias';
  const entries = Object.entries(state).map(([name, { shape, data }]) => {
    const values = isRead(name) ? Float32Array.from(rounded(Float64Array.from(data))) : data;
    return [name, { shape, data: values }] as const;
  });
  session.load(Object.fromEntries(entries));
  for (const { id, kind } of program.buffers)
    if (kind === 'input') {
      const stream = random('inputs', seed, id);
      const values = session.input(id).map(() => 2 * stream.float() - 1);
      session.input(id).set(roundedFirst ? rounded(Float64Array.from(values)) : values);
    }
  await session.run();
  const outputs = program.buffers.flatMap(({ id, kind }) => (kind === 'output' ? [session.output(id).slice()] : []));
  session.dispose();
  return outputs;
}

test('the reference engine in bf16 computes what it computes in f32 of rounded operands', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.nat(), async (drawn, seed) => {
      for (const program of programsOf(drawn)) {
        const [inBf16, ofRounded, inF32] = [
          await outputsOf(reference, program, seed, 'bf16'),
          await outputsOf(reference, program, seed, 'f32', true),
          await outputsOf(reference, program, seed, 'f32'),
        ];
        assert.deepEqual(inBf16, ofRounded);
        assert.notDeepEqual(inBf16, inF32);
      }
    }),
    { numRuns: 10 },
  );
});

test('oneDNN in bf16 against the reference engine: convolutions and their gradients, alone', { skip: withoutBf16 }, async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.nat(), async (drawn, seed) => {
      for (const program of programsOf(drawn)) {
        const [expected, actual] = [
          await outputsOf(reference, program, seed, 'bf16'),
          await outputsOf(must(native ?? undefined, 'engine'), program, seed, 'bf16'),
        ];
        // Products are exact and sums in f32: far nearer than operands that were not rounded, or results that were.
        actual.forEach((values, index) =>
          assertClose(values, must(expected[index], 'output'), 2e-5, 0.1, () => `output ${index} of ${JSON.stringify(drawn)}`),
        );
      }
    }),
    { numRuns: 30, seed: 1 },
  );
});

async function lossesOf(engine: Engine, precision: Precision, minibatches: number): Promise<readonly number[]> {
  const network = vanillaNetwork({ channels: 3, height: 16, width: 16 }, 4, [16, 24]);
  const program = lower(network, 16, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } });
  const session = await engine.compile(program, 'auto', precision);
  session.load(initialTensors(network, random('weights')));
  const losses: number[] = [];
  for (let index = 0; index < minibatches; index++) {
    await runMinibatch(session, random('inputs', index % 4));
    losses.push(session.output(must(program.loss ?? undefined, 'loss'))[0] as number);
  }
  session.dispose();
  return losses;
}

test('a network learns in bf16 as in f32, and twice the same to the bit', { skip: withoutBf16 }, async () => {
  const engine = must(native ?? undefined, 'engine');
  const [inF32, inBf16, again, wanted] = [
    await lossesOf(engine, 'f32', 24),
    await lossesOf(engine, 'bf16', 24),
    await lossesOf(engine, 'bf16', 24),
    await lossesOf(reference, 'bf16', 4),
  ];
  assert.deepEqual(inBf16, again);
  assert.notDeepEqual(inBf16, inF32);
  wanted.forEach((loss, index) =>
    assert.ok(Math.abs((inBf16[index] as number) / loss - 1) < 0.01, `${inBf16[index]}, not ${loss}`),
  );
  const last = (losses: readonly number[]): number => losses.slice(-4).reduce((sum, loss) => sum + loss / 4, 0);
  assert.ok(last(inBf16) < (inBf16[0] as number) - 0.05, `${inBf16}`);
  assert.ok(Math.abs(last(inBf16) / last(inF32) - 1) < 0.03, `${last(inBf16)} and ${last(inF32)}`);
});

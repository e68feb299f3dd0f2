/** Convolutions by kernels of our own, with and without a pool behind them, forward and all gradients, against the reference engine. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createOneDnnEngine, type OneDnnEngine, type OneDnnSession } from '../../src/engine/onednn/onednn.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import type { Program } from '../../src/program/program.ts';
import { random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { withoutOneDnn } from '../support/machine.ts';
import { build, fillInputs, randomState } from '../support/single-steps.ts';

interface Case {
  readonly batch: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly height: number;
  readonly width: number;
  readonly padding: number;
  readonly pooled: boolean;
  readonly bias: boolean;
}

/** A convolution 3 wide and its gradients; `pooled`: a pool reads it alone, and the gradient comes through the pool. */
function programOf({ batch, inputs, outputs, height, width, padding, pooled, bias }: Case): Program {
  const geometry = { kernel: 3, stride: 1, padding, groups: 1 };
  const halving = { kernel: 2, stride: 2, padding: 0, groups: 1 };
  const [down, across] = [height + 2 * padding - 2, width + 2 * padding - 2];
  const whole = [batch, outputs, down, across] as const;
  const half = [batch, outputs, Math.floor(down / 2), Math.floor(across / 2)] as const;
  return build(batch, (b) => {
    const input = b.input('input', batch, inputs, height, width);
    const kernel = b.state('kernel', 'kernel', outputs, inputs, 3, 3);
    const shift = bias ? b.state('bias', 'bias', outputs) : null;
    const given = b.input('given', ...(pooled ? half : whole));
    const output = pooled ? b.temporary('convolved', ...whole) : b.output('convolved', ...whole);
    b.step({ kind: 'convolution', input, kernel, bias: shift, output, geometry });
    let outputGradient = given;
    if (pooled) {
      const mask = b.mask('mask', ...half);
      b.step({ kind: 'max-pool', input: output, output: b.output('pooled', ...half), mask, geometry: halving });
      outputGradient = b.temporary('unpooled', ...whole);
      b.step({ kind: 'max-pool-gradient', mask, outputGradient: given, inputGradient: outputGradient, geometry: halving });
    }
    const kernelGradient = b.output('kernel gradient', outputs, inputs, 3, 3);
    const biasGradient = bias ? b.output('bias gradient', outputs) : null;
    b.step({ kind: 'convolution-gradient-kernel', input, outputGradient, kernelGradient, biasGradient, geometry });
    const inputGradient = b.output('input gradient', batch, inputs, height, width);
    b.step({ kind: 'convolution-gradient-input', outputGradient, kernel, inputGradient, geometry });
  });
}

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 5 }),
  // Blocks of channels that are full and that are not.
  inputs: fc.constantFrom(16, 20, 24, 33, 40),
  outputs: fc.constantFrom(16, 24, 27, 32, 48),
  height: fc.integer({ min: 4, max: 13 }),
  width: fc.integer({ min: 4, max: 13 }),
  padding: fc.constantFrom(0, 1, 1, 1, 2),
  pooled: fc.boolean(),
  bias: fc.boolean(),
});

const missing = withoutOneDnn();

describe('convolutions by kernels of our own', { skip: missing }, () => {
  const open = (threads: number): OneDnnEngine => createOneDnnEngine({ threads, environment: process.env });

  async function run(engine: OneDnnEngine, program: Program): Promise<OneDnnSession> {
    const session = await engine.compile(program, 'auto');
    session.load(randomState(program, random('winograd', 'state')));
    fillInputs(session, random('winograd', 'inputs'));
    session.poison();
    await session.run();
    return session;
  }

  for (const threads of [1, 2, 3])
    test(`${threads} threads: as the definition says`, async () => {
      const engine = open(threads);
      const own = new Set<string>();
      const check = async (of: Case): Promise<void> => {
        const program = programOf(of);
        const [session, oracle] = [await run(engine, program), await reference.compile(program, 'direct')];
        oracle.load(randomState(program, random('winograd', 'state')));
        fillInputs(oracle, random('winograd', 'inputs'));
        await oracle.run();
        for (const { id, kind, name } of program.buffers)
          if (kind === 'output')
            assertClose(session.output(id), oracle.output(id), 1e-4, 1, () => `${name} of ${JSON.stringify(of)}`);
        const outputs = program.buffers.filter(({ kind }) => kind === 'output').map(({ id }) => session.output(id).slice());
        await session.run();
        for (const [index, { id }] of program.buffers.filter(({ kind }) => kind === 'output').entries())
          assert.deepEqual(session.output(id), outputs[index], 'the same bits again');
        for (const { label, implementation } of session.profile(() => 0)) own.add(`${label}: ${implementation}`);
        session.dispose();
      };
      await fc.assert(fc.asyncProperty(cases, check), { numRuns: 40, seed: threads });
      if (!engine.fingerprint.instructionSet.endsWith('Winograd')) return;
      for (const label of ['convolution', 'convolution gradient input', 'convolution gradient kernel'])
        assert.ok(own.has(`${label}: own:winograd`), [...own].join('\n'));
    });
});

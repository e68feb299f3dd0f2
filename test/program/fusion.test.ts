/** Fusion: fewer steps, the same numbers; and where it must keep its hands off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceSession } from '../../src/engine/reference/engine.ts';
import { assignmentsOf, defaultRoles } from '../../src/program/learning.ts';
import { sgd } from '../../src/program/optimizers/sgd.ts';
import { fuse } from '../../src/program/fusion.ts';
import type { Program } from '../../src/program/program.ts';
import { verify } from '../../src/program/verify.ts';
import { random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { build, fillInputs, randomState } from '../support/single-steps.ts';

const shape = [3, 4, 5, 5] as const;
const geometry = { kernel: 3, stride: 1, padding: 1, groups: 1 };

interface Variant {
  /** Another step reads the normalised tensor. */
  readonly normalizedIsRead?: boolean;
  /** The caller reads the normalised tensor. */
  readonly normalizedIsOutput?: boolean;
  /** Another step reads what the convolution gives. */
  readonly convolvedIsRead?: boolean;
}

/** Convolution, batch normalisation, ReLU, their gradients and updates, unfused. */
const unfused = ({ normalizedIsRead, normalizedIsOutput, convolvedIsRead }: Variant): Program =>
  build(3, (b) => {
    const [x, dy, rate] = [b.input('x', ...shape), b.input('dy', ...shape), b.input('rate', 1)];
    const [kernel, bias] = [b.state('kernel', 'kernel', 4, 4, 3, 3), b.state('bias', 'bias', 4)];
    const [scale, shift] = [b.state('scale', 'scale', 4), b.state('shift', 'shift', 4)];
    const [mean, variance] = [b.temporary('mean', 4), b.temporary('variance', 4)];
    const convolved = b.temporary('convolved', ...shape);
    const normalized = normalizedIsOutput ? b.output('normalized', ...shape) : b.temporary('normalized', ...shape);
    const y = b.output('y', ...shape);
    const common = { statistics: 'batch' as const, scale, shift, mean, variance, mask: null, epsilon: 1e-5 };
    b.step({ kind: 'convolution', input: x, kernel, bias, output: convolved, geometry });
    b.step({ kind: 'batch-normalization', input: convolved, ...common, output: normalized, relu: false });
    b.step({ kind: 'relu', input: normalized, output: y });
    if (normalizedIsRead) b.step({ kind: 'relu', input: normalized, output: b.output('other', ...shape) });
    if (convolvedIsRead) b.step({ kind: 'relu', input: convolved, output: b.output('other', ...shape) });
    const normalizedGradient = b.temporary('normalized gradient', ...shape);
    b.step({ kind: 'relu-gradient', output: y, outputGradient: dy, inputGradient: normalizedGradient });
    const [scaleGradient, shiftGradient] = [b.output('dγ', 4), b.output('dβ', 4)];
    const outputGradient = b.temporary('convolved gradient', ...shape);
    b.step({
      kind: 'batch-normalization-gradient',
      input: convolved,
      outputGradient: normalizedGradient,
      ...common,
      inputGradient: outputGradient,
      scaleGradient,
      shiftGradient,
    });
    const [kernelGradient, biasGradient] = [b.temporary('dW', 4, 4, 3, 3), b.temporary('db', 4)];
    b.step({ kind: 'convolution-gradient-kernel', input: x, outputGradient, kernelGradient, biasGradient, geometry });
    for (const [name, parameter, gradient, ...size] of [
      ['kernel', kernel, kernelGradient, 4, 4, 3, 3],
      ['bias', bias, biasGradient, 4],
    ] as const) {
      const states = { velocity: b.state(`${name}/velocity`, 'optimizer', ...size) };
      const assignments = assignmentsOf(sgd, { momentum: 0.9, weightDecay: 0 }, defaultRoles.kernel);
      b.step({ kind: 'update', parameter, gradient, rate, states, assignments, bounds: null });
    }
  });

const kindsOf = (program: Program): readonly string[] => program.steps.map((step) => step.kind);

async function sameNumbers(program: Program, fused: Program): Promise<void> {
  const sessions = [new ReferenceSession(program), new ReferenceSession(fused)] as const;
  for (const session of sessions) {
    const state = randomState(program, random('fusion'));
    session.load(Object.fromEntries(Object.entries(state).filter(([name]) => !name.endsWith('/velocity'))));
    fillInputs(session, random('fusion'));
    await session.run();
  }
  const [before, after] = sessions;
  for (const { id, kind, name } of program.buffers)
    if (kind === 'output') assertClose(after.values(id), before.values(id), 1e-12, 1, () => name);
  const expected = before.save();
  // The bias alone may differ: it learned its rounding errors.
  for (const [name, { data }] of Object.entries(after.save()))
    assertClose(data, expected[name]?.data ?? new Float32Array(0), name === 'bias' ? 1e-6 : 1e-7, 1, () => name);
}

test('a ReLU becomes part of its normalisation, and a bias that cannot matter is not trained', async () => {
  const program = unfused({});
  const fused = fuse(program);
  verify(fused);
  assert.deepEqual(kindsOf(fused), [
    'convolution',
    'batch-normalization',
    'batch-normalization-gradient',
    'convolution-gradient-kernel',
    'update',
  ]);
  assert.deepEqual(
    fused.state.map((entry) => entry.name),
    ['kernel', 'bias', 'scale', 'shift', 'kernel/velocity'],
  );
  await sameNumbers(program, fused);
});

test('no fusion where something else reads the normalised tensor, a step or the caller', async () => {
  for (const variant of [{ normalizedIsRead: true }, { normalizedIsOutput: true }]) {
    const program = unfused(variant);
    const fused = fuse(program);
    verify(fused);
    assert.ok(kindsOf(fused).includes('relu-gradient'));
    await sameNumbers(program, fused);
  }
});

test('a bias is trained where something else than a normalisation sees it', async () => {
  const program = unfused({ convolvedIsRead: true });
  const fused = fuse(program);
  verify(fused);
  assert.equal(kindsOf(fused).filter((kind) => kind === 'update').length, 2);
  assert.ok(fused.state.some((entry) => entry.name === 'bias/velocity'));
  await sameNumbers(program, fused);
});

/** What a frozen convolution leaves out of a program: the gradient of its kernel, its update, its optimizer's states. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeze, type Layer, type Network } from '../../src/network/network.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { convolution, epsilon } from '../../src/network/vanilla.ts';
import { evaluate } from '../../src/program/expression.ts';
import { keptAtRestart } from '../../src/program/learning.ts';
import { lower } from '../../src/program/lower.ts';
import { printProgram } from '../../src/program/print.ts';
import type { Program } from '../../src/program/program.ts';
import { must } from '../../src/util/assert.ts';

const learning = { momentum: 0.9, weightDecay: 5e-4 };
const image = { channels: 1, height: 4, width: 4 };
const training = (network: Network): Program => lower(network, 2, { kind: 'training', learning });

/** The last steps of a program, each as what it writes or updates, and its kind. */
const endOf = (program: Program, count: number): string =>
  printProgram(program)
    .split('\n')
    .slice(-count)
    .map((line) => line.replaceAll(/%\d+ /g, '').replace(/\(.*$/, ''))
    .join('\n');

test('a frozen stem: no gradient of its kernel, and the gradient goes no further than its bias', () => {
  const program = training(stagedNetwork(image, 3, [2, 3]));
  assert.equal(
    endOf(program, 4),
    [
      '3/kernel, 3/kernel/velocity ← update',
      '2/gradient of 1 ← relu-gradient',
      '1/bias/gradient ← bias-gradient',
      '1/bias, 1/bias/velocity ← update',
    ].join('\n'),
  );
  assert.deepEqual(
    program.state.filter(({ name }) => name.startsWith('1/')).map(({ name }) => name),
    ['1/kernel', '1/bias', '1/bias/velocity'],
  );
});

const chain = (...layers: readonly Layer[]): Network =>
  freeze(
    [{ kind: 'image', shape: image } as const, ...layers].map((layer, id) => ({ id, layer, inputs: id === 0 ? [] : [id - 1] })),
  );
const frozen = (bias: boolean): Layer => ({
  kind: 'convolution',
  channels: 2,
  kernel: 3,
  stride: 1,
  padding: 1,
  bias,
  frozen: true,
});
const normalization: Layer = { kind: 'batch-normalization', epsilon };
const dense: Layer = { kind: 'dense', features: 3 };
const kindsOf = (network: Network): readonly string[] => training(network).steps.map(({ kind }) => kind);

test('frozen and without a bias, it does not learn: no gradient comes near it', () => {
  const kinds = kindsOf(chain(frozen(false), { kind: 'relu' }, dense));
  assert.deepEqual(kinds, ['convolution', 'relu', 'dense', 'softmax-cross-entropy', 'dense-gradient-kernel', 'update', 'update']);
});

test('a bias that only a batch normalisation reads is not trained, frozen or not', () => {
  const program = training(chain(frozen(true), normalization, dense));
  const kinds = program.steps.map(({ kind }) => kind);
  assert.ok(!kinds.includes('bias-gradient') && !kinds.includes('convolution-gradient-kernel'), kinds.join());
  assert.ok(!program.state.some(({ name }) => name === '1/bias/velocity'));
});

test('what learns before a frozen convolution gets its gradient through it', () => {
  const kinds = kindsOf(chain(convolution(2, 3), frozen(true), dense));
  assert.equal(kinds.filter((kind) => kind === 'convolution-gradient-input').length, 1);
  assert.equal(kinds.filter((kind) => kind === 'convolution-gradient-kernel').length, 1);
  assert.equal(kinds.filter((kind) => kind === 'bias-gradient').length, 1);
});

test('a restart keeps the kernel, which has no states', () => {
  const kept = keptAtRestart(chain(frozen(true), dense), {
    ...learning,
    roles: { kernel: { restart: 'keep' }, bias: { restart: 'keep' } },
  });
  assert.deepEqual(
    kept.filter((name) => name.startsWith('1/')),
    ['1/kernel', '1/bias', '1/bias/velocity'],
  );
});

test('a network without frozen convolutions lowers as it did', () => {
  const network = chain(convolution(2, 3), { kind: 'relu' }, dense);
  assert.ok(!kindsOf(network).includes('bias-gradient'));
  assert.ok(kindsOf(network).includes('convolution-gradient-kernel'));
});

const parts: readonly Layer[] = [convolution(2, 3), normalization, { kind: 'relu' }, convolution(2, 3), normalization, dense];
const updated = (program: Program): string[] =>
  program.steps.flatMap((step) => (step.kind === 'update' ? [program.buffers[step.parameter]?.name ?? ''] : []));
const tuning = (layers: number | 'all-but-head'): Program =>
  lower(chain(...parts), 2, { kind: 'training', learning: { ...learning, freeze: layers } });

test('the first layers stay as they are: no gradient, no update, and running statistics where they normalise', () => {
  assert.deepEqual(updated(tuning(0)).toSorted(), updated(training(chain(...parts))).toSorted());
  const one = tuning(1);
  assert.deepEqual(updated(one), ['6/kernel', '6/bias', '5/scale', '5/shift', '4/kernel']);
  const statistics = one.steps.flatMap((step) => (step.kind === 'batch-normalization' ? [step.statistics] : []));
  assert.deepEqual(statistics, ['batch']);
  assert.equal(one.steps.filter(({ kind }) => kind === 'fold-normalization').length, 1, 'the convolution takes the other in');
  assert.equal(one.steps.filter(({ kind }) => kind === 'running-statistics').length, 1);
  assert.ok(!printProgram(one).includes('1/kernel/velocity'));
  const head = tuning('all-but-head');
  assert.deepEqual(updated(head), ['6/kernel', '6/bias']);
  assert.ok(!head.steps.some(({ kind }) => kind === 'running-statistics'));
});

const minus = (a: number, b: number): number => a - b;
const times = (a: number, b: number): number => a * b;
const over = (a: number, b: number): number => a / b;

test('rates fall towards the first layer by equal factors', () => {
  const program = lower(chain(...parts), 2, { kind: 'training', learning: { ...learning, firstRate: 0.01 } });
  const factorOf = (name: string): number => {
    const step = program.steps.find((each) => each.kind === 'update' && program.buffers[each.parameter]?.name === name);
    assert.ok(step?.kind === 'update');
    const { value } = must(step.assignments.at(-1), 'assignment');
    const operations = {
      sum: (...of: number[]) => of.reduce((x, y) => x + y),
      difference: minus,
      product: times,
      quotient: over,
    };
    return evaluate<number>(value, (leaf) => (leaf === 'parameter' ? 0 : typeof leaf === 'number' ? leaf : 1), {
      ...operations,
      'square-root': Math.sqrt,
    });
  };
  const [first, middle, last] = ['1/kernel', '4/kernel', '6/kernel'].map(factorOf) as [number, number, number];
  assert.ok(
    last !== 0 && Math.abs(first / last - 0.01) < 1e-9 && Math.abs(middle / last - 0.1) < 1e-9,
    `${first} ${middle} ${last}`,
  );
});

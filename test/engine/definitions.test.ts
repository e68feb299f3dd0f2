/** The reference engine's forward steps against their definitions, written as the formula stands: slow, and with no tricks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReferenceSession } from '../../src/engine/reference/engine.ts';
import type { Program, StepKind, StepOf } from '../../src/program/program.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { build, fillInputs, randomState } from '../support/single-steps.ts';
import { stepCases } from '../support/step-cases.ts';

type Shape = readonly number[];

const at = (values: Float64Array, shape: Shape, ...index: readonly number[]): number =>
  values[index.reduce((sum, position, axis) => sum * (shape[axis] as number) + position, 0)] as number;

/** f of every index, row-major. */
function tabulate(shape: Shape, f: (...index: number[]) => number): Float64Array {
  const values: number[] = [];
  const visit = (...index: number[]): void => {
    if (index.length === shape.length) values.push(f(...index));
    else for (let position = 0; position < (shape[index.length] as number); position++) visit(...index, position);
  };
  visit();
  return Float64Array.from(values);
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Runs random programs of that kind and compares what its step wrote with what `define` says. */
async function compare<K extends StepKind>(
  kind: K,
  define: (step: StepOf<K>, session: ReferenceSession) => readonly (readonly [actual: Float64Array, expected: Float64Array])[],
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(stepCases[kind], fc.nat(), async ({ program, filling }, seed) => {
      const session = await started(program, seed, filling);
      const step = must(
        program.steps.find((candidate): candidate is StepOf<K> => candidate.kind === kind),
        kind,
      );
      for (const [actual, expected] of define(step, session)) assertClose(actual, expected, 1e-12, 1, () => kind);
    }),
    { numRuns: 20 },
  );
}

async function started(program: Program, seed: number, filling?: { scale: number; quantum: number }): Promise<ReferenceSession> {
  const session = new ReferenceSession(program);
  session.load(randomState(program, random('state', seed)));
  fillInputs(session, random('inputs', seed), filling);
  await session.run();
  return session;
}

test('convolution: output[n,o,y,x] = bias[o] + Σ kernel[o,i,u,v]·input[n,i,y·s+u·d−p,x·s+v·d−p]', () =>
  compare('convolution', (step, s) => {
    const { kernel: k, stride, padding, groups, dilation: d = 1 } = step.geometry;
    const [input, kernel] = [s.shape(step.input), s.shape(step.kernel)];
    const perGroup = kernel[1] as number;
    const expected = tabulate(s.shape(step.output), (n, o, y, x) => {
      const group = Math.floor(o / ((kernel[0] as number) / groups));
      let total = step.bias === null ? 0 : (s.values(step.bias)[o] as number);
      for (const i of indices(perGroup))
        for (const u of indices(k))
          for (const v of indices(k)) {
            const [row, column] = [y * stride + u * d - padding, x * stride + v * d - padding];
            if (row < 0 || row >= (input[2] as number) || column < 0 || column >= (input[3] as number)) continue;
            const pixel = at(s.values(step.input), input, n, group * perGroup + i, row, column);
            total += at(s.values(step.kernel), kernel, o, i, u, v) * pixel;
          }
      return total;
    });
    return [[s.values(step.output), expected]];
  }));

test('max pool: the largest of the window, the first of equal ones, padding never', () =>
  compare('max-pool-gradient', (gradient, s) => {
    const step = must(
      s.program.steps.find((candidate): candidate is StepOf<'max-pool'> => candidate.kind === 'max-pool'),
      'pool',
    );
    const { kernel, stride, padding } = step.geometry;
    const input = s.shape(step.input);
    const [height, width] = [input[2] as number, input[3] as number];
    const windowOf = (n: number, c: number, y: number, x: number): { where: number; value: number }[] =>
      indices(kernel * kernel)
        .map((tap) => [y * stride + Math.floor(tap / kernel) - padding, x * stride + (tap % kernel) - padding] as const)
        .filter(([row, column]) => row >= 0 && row < height && column >= 0 && column < width)
        .map(([row, column]) => ({ where: row * width + column, value: at(s.values(step.input), input, n, c, row, column) }));
    const best = (...index: [number, number, number, number]): { where: number; value: number } =>
      windowOf(...index).reduce((first, other) => (other.value > first.value ? other : first));
    const output = s.shape(step.output);
    const expected = tabulate(output, (...index) => best(...(index as [number, number, number, number])).value);
    const received = tabulate(input, (n, c, row, column) =>
      sum(
        indices((output[2] as number) * (output[3] as number)).map((position) => {
          const [y, x] = [Math.floor(position / (output[3] as number)), position % (output[3] as number)];
          const hit = best(n, c, y, x).where === row * width + column;
          return hit ? at(s.values(gradient.outputGradient), output, n, c, y, x) : 0;
        }),
      ),
    );
    return [
      [s.values(step.output), expected],
      [s.values(gradient.inputGradient), received],
    ];
  }));

test('batch normalisation: (x − μ)/√(σ² + ε)·γ + β, with the batch statistics or the running ones', () =>
  compare('batch-normalization', (step, s) => {
    const shape = s.shape(step.input);
    const [batch, channels, height, width] = shape as [number, number, number, number];
    const x = s.values(step.input);
    const valuesOf = (c: number): number[] => [...x].filter((_, j) => Math.floor(j / (height * width)) % channels === c);
    const count = batch * height * width;
    const mean = step.statistics === 'batch' ? indices(channels).map((c) => sum(valuesOf(c)) / count) : [...s.values(step.mean)];
    const variance =
      step.statistics === 'batch'
        ? indices(channels).map((c) => sum(valuesOf(c).map((value) => (value - (mean[c] as number)) ** 2)) / count)
        : [...s.values(step.variance)];
    const expected = tabulate(shape, (n, c, y, column) => {
      const standard = (at(x, shape, n, c, y, column) - (mean[c] as number)) / Math.sqrt((variance[c] as number) + step.epsilon);
      const value = standard * (s.values(step.scale)[c] as number) + (s.values(step.shift)[c] as number);
      return step.relu && value < 0 ? 0 : value;
    });
    return [
      [s.values(step.output), expected],
      [s.values(step.mean), Float64Array.from(mean)],
      [s.values(step.variance), Float64Array.from(variance)],
    ];
  }));

test('dense: kernel·flatten(x) + bias', () =>
  compare('dense', (step, s) => {
    const x = s.values(step.input);
    const kernel = s.shape(step.kernel);
    const volume = kernel[1] as number;
    const expected = tabulate(
      s.shape(step.output),
      (n, f) =>
        (s.values(step.bias)[f] as number) +
        sum(indices(volume).map((j) => at(s.values(step.kernel), kernel, f, j) * (x[n * volume + j] as number))),
    );
    return [[s.values(step.output), expected]];
  }));

test('bias gradient: the sum of each channel over images and pixels', () =>
  compare('bias-gradient', (step, s) => {
    const shape = s.shape(step.outputGradient);
    const [batch, channels, height, width] = shape as [number, number, number, number];
    const all = indices(batch).flatMap((n) => indices(height).flatMap((y) => indices(width).map((x) => [n, y, x] as const)));
    const expected = tabulate([channels], (c) =>
      sum(all.map(([n, y, x]) => at(s.values(step.outputGradient), shape, n, c as number, y, x))),
    );
    return [[s.values(step.biasGradient), expected]];
  }));

test('global average pool: the mean of each plane', () =>
  compare('global-average-pool', (step, s) => {
    const shape = s.shape(step.input);
    const size = (shape[2] as number) * (shape[3] as number);
    const expected = tabulate(
      s.shape(step.output),
      (n, c) => sum(indices(size).map((j) => s.values(step.input)[(n * (shape[1] as number) + c) * size + j] as number)) / size,
    );
    return [[s.values(step.output), expected]];
  }));

test('joining: sums, λ·a + (1 − λ)·b, channels one behind the other', async () => {
  await compare('add', (step, s) => [
    [s.values(step.output), s.values(step.output).map((_, j) => sum(step.inputs.map((id) => s.values(id)[j] as number)))],
  ]);
  await compare('convex', (step, s) => {
    const mix = s.values(step.mix)[0] as number;
    const second = s.values(step.second);
    return [[s.values(step.output), s.values(step.first).map((a, j) => mix * a + (1 - mix) * (second[j] as number))]];
  });
  await compare('concat', (step, s) => {
    const owners = step.inputs.flatMap((id) => indices(s.shape(id)[1] as number).map((channel) => ({ id, channel })));
    const expected = tabulate(s.shape(step.output), (n, c, y, x) => {
      const { id, channel } = must(owners[c], 'channel');
      return at(s.values(id), s.shape(id), n, channel, y, x);
    });
    return [[s.values(step.output), expected]];
  });
});

test('cross-entropy: −Σ labels·log softmax(logits) / N', () =>
  compare('softmax-cross-entropy', (step, s) => {
    const [batch, classes] = s.shape(step.labels) as [number, number];
    const logits = s.values(step.logits);
    const rows = indices(batch).map((n) => [...logits.subarray(n * classes, (n + 1) * classes)]);
    const normalizers = rows.map((row) => Math.max(...row) + Math.log(sum(row.map((z) => Math.exp(z - Math.max(...row))))));
    const losses = rows.map((row, n) =>
      sum(row.map((z, k) => -at(s.values(step.labels), [batch, classes], n, k) * (z - (normalizers[n] as number)))),
    );
    return [[s.values(step.loss), Float64Array.of(sum(losses) / batch)]];
  }));

test('what is not a number stays so: through ReLU, fused ReLU and pools', async () => {
  const program = build(1, (b) => {
    const [x, y] = [b.input('x', 1, 2, 2, 2), b.output('y', 1, 2, 2, 2)];
    b.step({ kind: 'relu', input: x, output: y });
    const geometry = { kernel: 2, stride: 2, padding: 0, groups: 1 };
    b.step({ kind: 'max-pool', input: x, output: b.output('pooled', 1, 2, 1, 1), mask: b.mask('mask', 1, 2, 1, 1), geometry });
  });
  const session = new ReferenceSession(program);
  session.input(program.images).set([1, 2, NaN, 3, 1, -2, 3, 4]);
  await session.run();
  assert.deepEqual([...session.output(1)], [1, 2, NaN, 3, 1, 0, 3, 4]);
  assert.deepEqual([...session.output(2)], [NaN, 4]);
});

/** Lifetimes, the arena, and where results take the place of what they read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sizeOf } from '../../src/network/tensor.ts';
import { accessOf } from '../../src/program/access.ts';
import { type Allocation, lifetimesOf, planArena } from '../../src/program/lifetimes.ts';
import { lower } from '../../src/program/lower.ts';
import { type Program, bufferOf } from '../../src/program/program.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const programs: readonly Program[] = Array.from({ length: 40 }, (_, seed) =>
  lower(
    smallRandomNetwork(random('lifetimes', seed)),
    3,
    seed % 4 === 0
      ? { kind: 'evaluation' }
      : { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 }, passes: seed % 4 === 1 ? 3 : 1 },
  ),
);

const align = (size: number): number => Math.ceil(size / 64) * 64;

/** The most bytes that live at one time. */
function peakOf(blocks: readonly Allocation[]): number {
  const times = new Set(blocks.map((block) => block.first));
  return Math.max(
    0,
    ...[...times].map((time) =>
      blocks.reduce((sum, { first, last, size }) => sum + (first <= time && time <= last ? align(size) : 0), 0),
    ),
  );
}

function checkArena(blocks: readonly Allocation[]): void {
  const { offsets, total } = planArena(blocks);
  blocks.forEach((a, i) => {
    const from = must(offsets[i], 'offset');
    assert.equal(from % 64, 0);
    assert.ok(from >= 0 && from + a.size <= total);
    blocks.forEach((b, j) => {
      const start = must(offsets[j], 'offset');
      const together = i !== j && a.first <= b.last && b.first <= a.last && a.size > 0 && b.size > 0;
      if (together) assert.ok(from + a.size <= start || start + b.size <= from, `${i} and ${j} overlap`);
    });
  });
  assert.ok(total >= peakOf(blocks));
  assert.ok(total <= blocks.reduce((sum, { size }) => sum + align(size), 0));
}

const block = fc
  .record({ first: fc.nat({ max: 30 }), length: fc.nat({ max: 15 }), size: fc.nat({ max: 5000 }) })
  .map(({ first, length, size }): Allocation => ({ first, last: first + length, size }));

test('no two blocks that live at one time overlap; the arena holds the peak and no more than all', () => {
  fc.assert(fc.property(fc.array(block, { maxLength: 40 }), checkArena));
});

test('blocks that live one after another share one place', () => {
  const chain = [100, 3000, 64, 1].map((size, time): Allocation => ({ size, first: 2 * time, last: 2 * time + 1 }));
  assert.deepEqual(planArena(chain), { offsets: [0, 0, 0, 0], total: 3008 });
});

test('programs of random networks: each buffer lives wherever it is touched, outputs to the end, and the arena fits', () => {
  for (const program of programs) {
    const lifetimes = lifetimesOf(program);
    program.steps.forEach((step, time) => {
      const { reads, writes } = accessOf(step);
      for (const id of [...reads, ...writes]) {
        const lifetime = lifetimes.get(id);
        const managed = !['input', 'state', 'accumulator'].includes(bufferOf(program, id).kind);
        assert.equal(lifetime !== undefined, managed);
        if (lifetime !== undefined) assert.ok(lifetime.first <= time && time <= lifetime.last);
      }
      for (const id of writes) assert.equal(lifetimes.get(id)?.first, time, 'it begins where it is written');
    });
    for (const [id, { last }] of lifetimes) {
      const touched = program.steps.findLastIndex((step) => {
        const { reads, writes } = accessOf(step);
        return reads.includes(id) || writes.includes(id);
      });
      assert.equal(last, bufferOf(program, id).kind === 'output' ? program.steps.length : touched);
    }
    checkArena([...lifetimes].map(([id, { first, last }]) => ({ first, last, size: 4 * sizeOf(bufferOf(program, id).shape) })));
  }
});

test('reuse saves memory: a training needs less than all of its buffers', () => {
  const training = must(
    programs.find((program) => program.loss !== null && program.steps.length > 40),
    'a long training',
  );
  const blocks = [...lifetimesOf(training)].map(([id, lifetime]) => ({
    ...lifetime,
    size: 4 * sizeOf(bufferOf(training, id).shape),
  }));
  const all = blocks.reduce((sum, { size }) => sum + align(size), 0);
  assert.ok(planArena(blocks).total < 0.8 * all);
});

test('in-place pairs: a buffer that the step reads once, and one of the same shape that it writes', () => {
  let pairs = 0;
  for (const program of programs)
    for (const step of program.steps) {
      const { reads, writes, inPlace } = accessOf(step);
      for (const [read, write] of inPlace) {
        pairs++;
        assert.equal(reads.filter((id) => id === read).length, step.kind === 'convex' && step.first === step.second ? 2 : 1);
        assert.ok(writes.includes(write));
        assert.deepEqual(bufferOf(program, read).shape, bufferOf(program, write).shape);
      }
    }
  assert.ok(pairs > 100);
});

test('every buffer is written at most once, and what is written is read or wanted', () => {
  for (const program of programs) {
    const written = new Set<number>();
    const read = new Set(program.steps.flatMap((step) => accessOf(step).reads));
    for (const step of program.steps)
      for (const id of accessOf(step).writes) {
        assert.ok(!written.has(id));
        written.add(id);
        const wanted = read.has(id) || bufferOf(program, id).kind === 'output';
        assert.ok(wanted, `${bufferOf(program, id).name} is written in vain by a ${step.kind}`);
      }
  }
});

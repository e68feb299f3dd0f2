/** The front of networks: who is on it, whatever the order; how many are kept; its hypervolume. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  hypervolume,
  isAsGood,
  mostOnFront,
  nonDominated,
  volumeOf,
  withNetwork,
  type Objectives,
} from '../../src/search/front.ts';
import { frontOf } from '../../src/search/ranking.ts';
import { emptyState, reduce, type SearchState } from '../../src/search/state.ts';
import type { SearchEvent } from '../../src/search/events.ts';
import { sha256 } from '../../src/util/hash.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';

/** Few values, so that some are equal. */
const objectives: fc.Arbitrary<Objectives> = fc.record({
  accuracy: fc.integer({ min: 0, max: 20 }).map((part) => part / 20),
  parameters: fc.integer({ min: 1, max: 12 }).map((part) => 300 * 3 ** part),
  multiplyAdds: fc.integer({ min: 1, max: 12 }).map((part) => 20_000 * 3 ** part),
});
const several = fc.array(objectives, { minLength: 1, maxLength: 40 });
const isBeaten = (point: Objectives, points: readonly Objectives[]): boolean =>
  points.some((other) => isAsGood(other, point) && !isAsGood(point, other));

test('on the front is what no other beats, each kind once', () => {
  fc.assert(
    fc.property(several, (points) => {
      const front = nonDominated(points);
      for (const point of points) {
        const equal = front.filter((other) => isAsGood(other, point) && isAsGood(point, other));
        assert.equal(equal.length, isBeaten(point, points) ? 0 : 1);
      }
      front.slice(1).forEach(({ parameters }, at) => assert.ok(parameters >= (front[at]?.parameters ?? 0)));
    }),
  );
});

test('one by one, the front is the same while few are on it; of many, as many are kept as may be, the best among them', () => {
  fc.assert(
    fc.property(several, (points) => {
      let front: readonly Objectives[] = [];
      let wasFull = false;
      for (const point of points) {
        front = withNetwork(front, point);
        wasFull ||= nonDominated(points.slice(0, points.indexOf(point) + 1)).length > mostOnFront;
        assert.ok(front.length <= mostOnFront);
        assert.ok(front.every((each) => !isBeaten(each, front)));
      }
      const best = Math.max(...points.map(({ accuracy }) => accuracy));
      assert.ok(front.some(({ accuracy }) => accuracy === best));
      if (!wasFull) assert.deepEqual(nonDominated(front), nonDominated(points));
    }),
    { numRuns: 300 },
  );
  const many = Array.from({ length: 40 }, (_none, at) => ({
    accuracy: at / 40,
    parameters: 1000 * 1.2 ** at,
    multiplyAdds: 1e5 * 1.2 ** at,
  }));
  const kept = many.reduce<readonly Objectives[]>(withNetwork, []);
  assert.equal(kept.length, mostOnFront);
  assert.ok(hypervolume(kept) > 0.9 * hypervolume(many), 'little is lost');
});

test('the volume is the number of cells that are worse than a point', () => {
  const side = 5;
  const dimension = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(
      dimension.chain((size) => {
        const place = fc.array(fc.integer({ min: 0, max: side + 1 }), { minLength: size, maxLength: size });
        return fc.tuple(fc.constant(size), fc.array(place, { maxLength: 8 }));
      }),
      ([size, points]) => {
        let cells = 0;
        for (let index = 0; index < side ** size; index++) {
          const cell = Array.from({ length: size }, (_none, at) => Math.floor(index / side ** at) % side);
          if (points.some((point) => point.every((value, at) => value <= (cell[at] as number)))) cells++;
        }
        assert.equal(volumeOf(points, Array<number>(size).fill(side)), cells);
      },
    ),
    { numRuns: 300 },
  );
});

test('the hypervolume is a share, grows with better networks alone, and has no order', () => {
  fc.assert(
    fc.property(several, objectives, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (points, more, stream) => {
      const before = hypervolume(points);
      const after = hypervolume([...points, more]);
      assert.ok(before >= 0 && after <= 1 + 1e-12);
      assert.ok(after >= before - 1e-12);
      if (points.some((point) => isAsGood(point, more))) assert.ok(Math.abs(after - before) < 1e-12);
      assert.ok(Math.abs(hypervolume(nonDominated(points)) - before) < 1e-12);
      const shuffled = points.map((point) => ({ point, key: stream.next().value as number })).toSorted((a, b) => a.key - b.key);
      assert.ok(Math.abs(hypervolume(shuffled.map(({ point }) => point)) - before) < 1e-12);
    }),
    { numRuns: 200 },
  );
});

const measured = (accuracy: number) => ({ accuracy, loss: 1 - accuracy });
const network = vanillaNetwork({ channels: 1, height: 8, width: 8 }, 3, [4, 4]);

function replayed(events: readonly SearchEvent[]): SearchState {
  return events.reduce<SearchState>((state, event) => reduce(state, event), emptyState);
}

let count = 0;
const epoch = (line: string, number: number, accuracy: number | null): SearchEvent => ({
  type: 'epoch',
  line,
  task: `${line}/0`,
  done: number,
  epoch: number,
  loss: 1,
  validation: accuracy === null ? null : measured(accuracy),
  checkpoint: sha256(`${line} ${number} ${count++}`),
});

test('a run: the best epoch of each network, dropped or not; the final one by its test, unless it is taken back', () => {
  const begun: SearchEvent[] = [
    { type: 'vanilla', network: { ...network, nodes: network.nodes.map((node) => ({ ...node, inputs: [...node.inputs] })) } },
    epoch('vanilla', 1, 0.5),
    {
      type: 'step',
      step: 1,
      parent: 'vanilla',
      children: [
        { line: 's1c0', edits: [], parameters: 5000, multiplyAdds: 50_000 },
        { line: 's1c1', edits: [], parameters: 8000, multiplyAdds: 40_000 },
        { line: 's1c2', edits: [], parameters: 9000, multiplyAdds: 90_000 },
      ],
    },
    epoch('s1c0', 1, 0.7),
    epoch('s1c0', 2, 0.6),
    epoch('s1c1', 1, 0.65),
    epoch('s1c2', 1, 0.68),
    { type: 'rung', step: 1, rung: 0, survivors: ['s1c0'], dropped: ['s1c1', 's1c2'] },
    { type: 'selected', step: 1, line: 's1c0' },
  ];
  const state = replayed(begun);
  const names = (of: SearchState) => frontOf(of).map(({ candidate, accuracy, part }) => `${candidate} ${accuracy} ${part}`);
  // Fewer multiply-adds are enough.
  assert.deepEqual(names(state), ['vanilla 0.5 validation', 's1c0 0.7 validation', 's1c1 0.65 validation']);
  const first = begun.find((event) => event.type === 'epoch' && event.line === 's1c0');
  assert.equal(frontOf(state)[1]?.checkpoint, first?.type === 'epoch' ? first.checkpoint : '');
  const ended = replayed([
    ...begun,
    { type: 'stop', reason: 'steps', line: 's1c0' },
    epoch('final', 1, null),
    { type: 'test', line: 'final', reading: 1, measured: measured(0.9), confusion: [[1]] },
  ]);
  assert.deepEqual(names(ended), ['vanilla 0.5 validation', 'final 0.9 test', 's1c1 0.65 validation']);
  assert.deepEqual(names(reduce(ended, { type: 'reopened' })), names(state));
});

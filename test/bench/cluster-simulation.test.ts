/** The simulation of steps on many workers: by hand where numbers are small, and against what real steps took. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { madeUp, paperCounts, ratesOf, runTimesSchema } from '../../bench/job-times.ts';
import { busyShare, simulateSteps, type SimulatedStep, type World } from '../../bench/simulated-search.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { presets, type Settings } from '../../src/search/settings.ts';
import type { MethodName } from '../../src/search/methods/table.ts';
import { random } from '../../src/util/random.ts';
import { contextOf } from '../support/simulation.ts';

interface Made {
  readonly method?: MethodName;
  readonly cores: number;
  /** Seconds an epoch of each child. */
  readonly epochs?: readonly number[];
  readonly start?: number;
  readonly step?: Partial<Settings['step']>;
}

/** One step of a search whose children are the better the higher their number. */
function stepOf({ method = 'shr', cores, epochs = [], start = 0, step = {} }: Made): SimulatedStep {
  const context = contextOf({ method, step: { ...presets.paper.step, ...step } });
  const world: World = {
    context,
    cores: { workers: cores, threads: 1 },
    steps: 1,
    work: ({ minibatches }, { child }) => ({
      start,
      epochs: Array.from({ length: minibatches.count / 13 }, () => epochs[child] ?? 1),
    }),
    measured: ({ child }) => ({ loss: 1, accuracy: child / 100 }),
  };
  const [only] = simulateSteps(world);
  assert.ok(only);
  return only;
}

const secondsOf = (made: Made): number => Math.round(1e6 * stepOf(made).seconds) / 1e6;

test('children that are alike: 8×5 4×10 2×20 1×40 epochs on 1 to 64 workers', () => {
  const halving = [1, 2, 4, 8, 64].map((cores) => secondsOf({ cores }));
  // Two workers: 4·5, 2·10, 20, 40. Four: 2·5, 10, 20, 40. More than there are children help nobody.
  assert.deepEqual(halving, [160, 100, 80, 75, 75]);
  assert.deepEqual(
    [1, 2, 4, 8, 64].map((cores) => secondsOf({ cores, method: 'nash' })),
    [160, 80, 40, 20, 20],
  );
});

test('three workers: a job waits for the first that is free', () => {
  // 5 + 5 + 5 for 8 children (the third round has two), 10 + 10 for 4, 20, 40.
  assert.equal(secondsOf({ cores: 3 }), 95);
  // The rung ends with its last: 8·20 on 3 is 60.
  assert.equal(secondsOf({ cores: 3, method: 'nash' }), 60);
});

test('each job costs its start: 15 of halving, 8 of hill climbing', () => {
  assert.equal(secondsOf({ cores: 1, start: 0.9 }), 160 + 15 * 0.9);
  assert.equal(secondsOf({ cores: 8, start: 0.9 }), 75 + 4 * 0.9);
  assert.equal(secondsOf({ cores: 1, start: 0.9, method: 'nash' }), 160 + 8 * 0.9);
});

test('jobs are taken in their order, whatever they take', () => {
  const step = { children: 4, epochs: 4 };
  // One epoch each: 1 1 | 1 4 on two workers. The longest begins behind one of the others, and the step takes 5 and not 4.
  const late = stepOf({ cores: 2, method: 'nash', step, epochs: [1, 1, 1, 4] });
  assert.deepEqual(
    late.jobs.map(({ line, core, from, to }) => `${line} on ${core}: ${from}–${to}`),
    ['s1c0 on 0: 0–1', 's1c1 on 1: 0–1', 's1c2 on 0: 1–2', 's1c3 on 1: 1–5'],
  );
  assert.equal(late.seconds, 5);
  assert.equal(busyShare(late, { workers: 2, threads: 1 }), 7 / 10);
  assert.equal(secondsOf({ cores: 2, method: 'nash', step, epochs: [4, 1, 1, 1] }), 4);
});

test('who goes on is decided by the search: the better half, in its order', () => {
  const { jobs, winner } = stepOf({ cores: 1, step: { children: 4, epochs: 12 } });
  assert.deepEqual(
    jobs.map(({ task }) => task),
    ['s1c0/0', 's1c1/0', 's1c2/0', 's1c3/0', 's1c3/1', 's1c2/1', 's1c3/2'],
  );
  assert.equal(winner, 's1c3');
});

test('rates by hand: the first epoch has the start in it', () => {
  const epochs = [12, 22, 34].map((end) => ({ end, loss: 1, accuracy: 0.5 }));
  const { settings, counts } = contextOf();
  const steps = [
    {
      step: 1,
      seconds: 34,
      winner: 's1c0',
      children: [{ line: 's1c0', multiplyAdds: 1000 }],
      jobs: [{ task: 's1c0/0', line: 's1c0', threads: 1, grown: null, epochs }],
    },
  ];
  // 130 images, epochs of 10 and 12 seconds, and of 12 with the start in it.
  const rates = ratesOf({ settings, counts, steps });
  assert.deepEqual(rates, { children: [11 / 130_000], epochs: [10 / 11, 12 / 11], grown: [], going: [1] });
  const job = { images: 260, multiplyAdds: 500, isGrown: false, epochs: 2 };
  const drawn = random('by hand');
  assert.deepEqual(madeUp({ ...rates, epochs: [1, 1] }, job, drawn, drawn), { start: 1, epochs: [11, 11] });
});

const kept = new URL('../../../results/job-times.json', import.meta.url);
const measured = z.array(runTimesSchema).parse(JSON.parse(readFileSync(fileURLToPath(kept), 'utf8')));

for (const { run, settings, counts, workers, steps } of measured)
  test(`${run}: the simulation takes as long as the run took, with its winners and its ${workers} workers`, () => {
    const jobs = new Map(steps.flatMap((step) => step.jobs).map((job) => [job.task, job]));
    const points = new Map(
      steps.flatMap((step) => step.jobs).map((job) => [job.task, job.epochs.map(({ loss, accuracy }) => ({ loss, accuracy }))]),
    );
    const simulated = simulateSteps({
      context: { settings, counts, passesFor: () => 1, startStep: sampleStep },
      cores: { workers, threads: workers },
      steps: steps.length,
      work({ id }) {
        const { epochs } = jobs.get(id) ?? assert.fail(`${id} was measured`);
        return { start: 0, epochs: epochs.map(({ end }, index) => end - (epochs[index - 1]?.end ?? 0)) };
      },
      measured({ id }, epoch) {
        const all = [0, 1, 2, 3].flatMap((rung) => points.get(`${id}/${rung}`) ?? []);
        return all[epoch - 1] ?? assert.fail(`${id} has an epoch ${epoch}`);
      },
    });
    assert.equal(simulated.length, steps.length);
    simulated.forEach(({ event, winner, seconds }, index) => {
      const real = steps[index] ?? assert.fail();
      // Their edits are those that are drawn today, which may be others than when the run was made.
      assert.deepEqual(
        event.children.map(({ line }) => line),
        real.children.map(({ line }) => line),
      );
      assert.equal(winner, real.winner);
      assert.ok(Math.abs(seconds / real.seconds - 1) < 0.01, `${seconds} s simulated, ${real.seconds} s measured`);
    });
  });

test('the paper’s data: 45,000 images to train on', () =>
  assert.deepEqual(paperCounts(presets.paper), {
    shape: { channels: 3, height: 32, width: 32 },
    classes: 10,
    train: 45_000,
    validation: 5_000,
  }));

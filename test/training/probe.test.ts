/** A network that is tried out: what it tells, in which order, and that nothing is left of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reference } from '../../src/engine/reference/engine.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { stages, type ProbeJob, type Report } from '../../src/training/job.ts';
import { runJob } from '../../src/training/train.ts';
import { random } from '../../src/util/random.ts';
import { classes, readQuadrants } from '../support/runs.ts';

const { dataset, path } = await readQuadrants();
const network = vanillaNetwork(dataset.shape, classes, [3, 4]);

const job = (fields: Partial<ProbeJob>): ProbeJob => ({
  kind: 'probe',
  id: 'test',
  network,
  data: { path, hash: dataset.hash, images: null, validation: 0.1 },
  batch: 16,
  augmentation: { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 1 },
  learning: { momentum: 0.9, weightDecay: 0 },
  minibatches: 20,
  engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'auto' },
  ...fields,
});

/** `now`: milliseconds of a clock, asked before each minibatch and for latencies. */
async function heard(fields: Partial<ProbeJob>, now: () => number = () => 0): Promise<Report[]> {
  const reports: Report[] = [];
  const none = (): Promise<never> => Promise.reject(new Error('a probe reads and writes nothing'));
  await runJob(job(fields), {
    engine: reference,
    dataset,
    checkpoints: { read: none, write: none },
    report: (report) => void reports.push(report),
    breathe: () => Promise.resolve(),
    now,
  });
  return reports;
}

const words = (reports: readonly Report[]): string[] =>
  reports.map((report) => (report.kind === 'reached' ? report.stage : report.kind));

await test('a child is grown, certified, trained, evaluated, exported and verified, each told when it is over', async () => {
  const limits = { maxChannels: 100, admits: () => true };
  const { edits } = sampleEdits(network, { operators: paperOperatorsWithSeparable, mutations: 3, limits }, random('probe test'));
  const reports = await heard({ edits, minibatches: 4, evaluations: 2, verification: true });
  const told = words(reports);
  assert.deepEqual(
    told.filter((word) => word !== 'progress'),
    [...stages, 'verified'],
  );
  assert.equal(told.indexOf('progress'), told.indexOf('certified') + 1);
  assert.equal(told.lastIndexOf('progress'), told.indexOf('trained') - 1);
  assert.equal(told.filter((word) => word === 'progress').length, 4);
  const verified = reports.find((report) => report.kind === 'verified')?.verified;
  assert.ok(verified !== undefined && verified.images === 16 && verified.difference < 1e-4, JSON.stringify(verified));
});

await test('without minibatches a child is grown and no more', async () => {
  const edits = [{ kind: 'insert-convolution', after: 3, kernel: 3 }] as const;
  assert.deepEqual(words(await heard({ edits, minibatches: 0 })), ['begun', 'drawn', 'grown']);
});

await test('after its seconds no further minibatch is begun, but three are made', async () => {
  let seconds = 0;
  const ticking = (): number => 1000 * seconds++;
  const count = (reports: readonly Report[]): number => reports.filter(({ kind }) => kind === 'progress').length;
  // Until 5 s after the clock's first answer: it is asked before the fourth minibatch and each further one.
  assert.equal(count(await heard({ seconds: 5 }, ticking)), 3 + 4);
  seconds = 0;
  assert.equal(count(await heard({ seconds: 0 }, ticking)), 3);
  assert.equal(count(await heard({}, ticking)), 20);
});

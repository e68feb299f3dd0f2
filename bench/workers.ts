/** Compares two children on two workers with the same two one after another; the times include processes, data and primitives. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPool } from '../src/execution/pool.ts';
import { vanillaNetwork } from '../src/network/vanilla.ts';
import { presets } from '../src/search/settings.ts';
import type { Job } from '../src/training/job.ts';
import { say } from './measure.ts';
import { storedNoise } from './noise.ts';

const rounds = 3;
const minibatches = 60;

export async function workersBench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'instar-bench-'));
  const { path, dataset } = await storedNoise(folder);
  const { batch, augmentation, momentum, weightDecay, widths } = presets.paper;
  const pool = createPool({ checkpoints: join(folder, 'checkpoints'), patience: 600 });
  const job = (id: string): Job => ({
    kind: 'probe',
    id,
    network: vanillaNetwork(dataset.shape, dataset.classes.length, widths),
    data: { path, hash: dataset.hash, images: null, validation: 0.1 },
    batch,
    augmentation,
    learning: { momentum, weightDecay },
    minibatches,
    engine: { name: 'onednn', device: 'cpu', threads: 1, convolution: 'auto' },
  });
  const watch = { report: (): void => undefined, started: (): void => undefined };
  const run = (id: string): Promise<void> => pool.run(job(id), watch, new AbortController().signal);
  try {
    await Promise.all([run('warm 0'), run('warm 1')]);
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      await run('first');
      await run('second');
      const alone = performance.now();
      await Promise.all([run('first'), run('second')]);
      const beside = performance.now();
      ratios.push((alone - start) / (beside - alone));
      say(`  one after another ${((alone - start) / 1000).toFixed(1)} s, side by side ${((beside - alone) / 1000).toFixed(1)} s`);
    }
    const best = Math.max(...ratios);
    const median = ratios.toSorted((a, b) => a - b)[rounds >> 1] ?? 0;
    say(
      `  two workers / one: ${best.toFixed(2)} × (median ${median.toFixed(2)}); at least 1.85 wanted: ${best >= 1.85 ? 'reached' : 'MISSED'}`,
    );
  } finally {
    pool.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

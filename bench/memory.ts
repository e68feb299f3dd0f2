/** Compares the memory predicted for grown networks with the memory of the workers that train them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineName } from '../src/engine/engine.ts';
import { memoryUse, openEngine } from '../src/engine/open.ts';
import { createPool } from '../src/execution/pool.ts';
import { sampleEdits } from '../src/morphism/mutate.ts';
import { paperOperatorsWithSeparable } from '../src/morphism/operators.ts';
import { countMultiplyAdds, countParameters } from '../src/network/cost.ts';
import { vanillaNetwork } from '../src/network/vanilla.ts';
import type { Network } from '../src/network/network.ts';
import { predictMemory } from '../src/program/memory.ts';
import { random } from '../src/util/random.ts';
import { presets } from '../src/search/settings.ts';
import { UserError } from '../src/util/user-error.ts';
import { say } from './measure.ts';
import { storedNoise } from './noise.ts';

const mebibyte = 2 ** 20;
const { batch, augmentation, momentum, weightDecay, widths } = presets.paper;

function grownNetwork(seed: number, mutations: number, narrower: number): Network {
  const network = vanillaNetwork(
    { channels: 3, height: 32, width: 32 },
    10,
    widths.map((width) => width / narrower),
  );
  const admits = (candidate: Network): boolean => countParameters(candidate) <= 12e6 && countMultiplyAdds(candidate) <= 150e6;
  return sampleEdits(
    network,
    { operators: paperOperatorsWithSeparable, mutations, limits: { maxChannels: 600, admits } },
    random('memory', seed),
  ).network;
}

export async function memoryBench(): Promise<void> {
  for (const name of ['onednn', 'onnx'] as const) {
    try {
      await openEngine(name, { threads: 1, environment: process.env });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(`  ${name} skipped: ${error.message}`);
      continue;
    }
    say(`  ${name}`);
    await measureMemory(name);
  }
}

async function measureMemory(name: EngineName): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'instar-bench-'));
  const { path, dataset } = await storedNoise(folder);
  const bytes = dataset.train.images.length + dataset.test.images.length;
  try {
    for (const [seed, mutations, narrower] of [
      [0, 0, 1],
      [1, 45, 4],
      [2, 45, 4],
      [3, 45, 2],
    ] as const) {
      const network = grownNetwork(seed, mutations, narrower);
      const pool = createPool({ checkpoints: join(folder, 'checkpoints'), patience: 600 });
      let peak = 0;
      await pool.run(
        {
          kind: 'training',
          id: `memory ${seed}`,
          network,
          start: { from: { kind: 'initial', key: ['memory', seed] }, edits: [], optimizerState: 'reset' },
          data: { path, hash: dataset.hash, images: 512, validation: 0.1 },
          whole: false,
          batch,
          augmentation,
          learning: { momentum, weightDecay },
          schedule: { kind: 'constant', rate: 0.01 },
          key: ['memory', seed],
          minibatches: { first: 0, count: 4, done: 0 },
          engine: { name, device: 'cpu', threads: 1, convolution: 'auto' },
        },
        { report: (_report, used) => (peak = Math.max(peak, used)), started: () => undefined },
        new AbortController().signal,
      );
      pool.close();
      const predicted = predictMemory(network, { training: batch, measuring: batch }, bytes, memoryUse[name]);
      say(
        `  ${String(network.nodes.length).padStart(3)} nodes, ${(countParameters(network) / 1e6).toFixed(1)} M parameters: ` +
          `predicted ${(predicted / mebibyte).toFixed(0)} MiB, measured ${(peak / mebibyte).toFixed(0)} MiB, ratio ${(predicted / peak).toFixed(2)}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

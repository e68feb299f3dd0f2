/** Compares a training step with the bare primitives of that step in C++ (bench/bare.cpp), one thread, batch 128. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOneDnnEngine } from '../src/engine/onednn/onednn.ts';
import { vanillaNetwork } from '../src/network/vanilla.ts';
import { childContender, interleave, say, sayImages, sayRatio, type Contender } from './measure.ts';
import { classes, trainingContender } from './training-step.ts';

export const batch = 128;
export const rounds = 40;

export const paperNetwork = () => vanillaNetwork({ channels: 3, height: 32, width: 32 }, classes, [64, 128, 256]);

export const oneThread = () => createOneDnnEngine({ threads: 1, environment: process.env });

/** Undefined if g++ or libdnnl-dev is missing. */
async function bareContender(folder: string): Promise<Contender | undefined> {
  const program = join(folder, 'bare');
  const source = join(import.meta.dirname, '../../bench/bare.cpp');
  const built = spawnSync('g++', ['-O2', '-std=c++17', source, '-o', program, '-ldnnl']);
  if (built.status !== 0) return undefined;
  return childContender('bare primitives, C++', program, [String(batch)], { OMP_NUM_THREADS: '1' });
}

export async function bareBench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'instar-bench-'));
  try {
    const bare = await bareContender(folder);
    if (bare === undefined) {
      say('  skipped: needs g++ and libdnnl-dev (version 2)');
      return;
    }
    const engine = oneThread();
    const ours = await trainingContender(`Instar, oneDNN ${engine.fingerprint.version}`, engine, paperNetwork(), batch);
    const results = await interleave([ours, bare], rounds);
    sayImages(results, batch);
    const [first, second] = results;
    if (first !== undefined && second !== undefined) sayRatio(first, second, 0.9);
    ours.close();
    bare.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

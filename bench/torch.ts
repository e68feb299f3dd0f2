/**
 * Compares a training step with eager PyTorch (bench/torch_step.py), one thread, batch 128: Debian's python3-torch, and a newer version
 * if INSTAR_BENCH_TORCH names a python that has it:
 *
 *     python3 -m venv ~/.cache/instar-torch && ~/.cache/instar-torch/bin/pip install torch numpy
 *     INSTAR_BENCH_TORCH=~/.cache/instar-torch/bin/python npm run bench -- torch-newest
 */
import { join } from 'node:path';
import { batch, oneThread, paperNetwork, rounds } from './bare.ts';
import { childContender, interleave, say, sayImages, sayRatio } from './measure.ts';
import { trainingContender } from './training-step.ts';

/** `atLeast`: the ratio wanted with oneDNN 2. Version 3 has no Winograd in f32, so its ratio is only printed. */
async function against(python: string, missing: string, atLeast: number): Promise<void> {
  const script = join(import.meta.dirname, '../../bench/torch_step.py');
  const torch = await childContender('PyTorch', python, [script, String(batch), '1'], { OMP_NUM_THREADS: '1' });
  if (torch === undefined) {
    say(`  skipped: ${missing}`);
    return;
  }
  const engine = oneThread();
  const ours = await trainingContender(`Instar, oneDNN ${engine.fingerprint.version}`, engine, paperNetwork(), batch);
  const results = await interleave([ours, torch], Math.ceil(rounds / 2), 2);
  sayImages(results, batch);
  const [first, second] = results;
  if (first !== undefined && second !== undefined)
    sayRatio(first, second, engine.fingerprint.version.startsWith('2') ? atLeast : null);
  ours.close();
  torch.close();
}

export const debianTorchBench = (): Promise<void> => against('/usr/bin/python3', 'python3-torch is not installed', 6);

export async function newestTorchBench(): Promise<void> {
  const python = process.env['INSTAR_BENCH_TORCH'];
  if (python === undefined) say('  skipped: INSTAR_BENCH_TORCH is not set (a python that has PyTorch)');
  else await against(python, `${python} cannot import torch`, 2);
}

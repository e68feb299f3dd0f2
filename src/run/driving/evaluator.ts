/** Opens the best network of a run in this process. */
import { clean } from '../../data/augmentation/augmentation.ts';
import { createBatcher } from '../../data/batches.ts';
import type { Dataset, Part } from '../../data/dataset.ts';
import type { ConvolutionAlgorithms, Device, EngineName } from '../../engine/engine.ts';
import { chooseEngine, openEngine, type OpenOptions } from '../../engine/open.ts';
import { usableProcessors } from '../../execution/resources.ts';
import { createEvaluator, type Evaluator } from '../../training/measure.ts';
import type { Best } from '../record/best.ts';

/**
 * Measures images that are normalised as the network was trained with. `batch`: images at a time, at most. `engine`: where it
 * is null, the run's, else what `auto` takes.
 */
export async function openEvaluator(
  best: Best,
  engine: EngineName | 'auto' | null,
  batch: number,
  environment: OpenOptions['environment'],
): Promise<Evaluator> {
  const { about, network, tensors, config } = best;
  const asked = engine ?? config?.engine.name ?? 'auto';
  // The run's device, unless another engine than the run's is asked for.
  const device: Device = asked === config?.engine.name ? config.engine.device : 'cpu';
  const name = await chooseEngine(asked, device, environment);
  const opened = await openEngine(name, { threads: usableProcessors(), environment, device });
  const empty: Part = { images: new Uint8Array(0), labels: new Uint16Array(0) };
  const subject: Dataset = { ...about, name: about.dataset, hash: '', train: empty, test: empty, flip: false };
  const convolution: ConvolutionAlgorithms = config?.engine.convolution ?? 'auto';
  const size = Math.max(1, Math.min(batch, config?.settings.batch ?? batch));
  const evaluator = await createEvaluator(opened, network, createBatcher(subject, clean(true), size), convolution);
  evaluator.load(tensors);
  return evaluator;
}

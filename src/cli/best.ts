/** The best network of a run, opened to be used in this process. */
import { availableParallelism } from 'node:os';
import { clean } from '../data/augmentation/augmentation.ts';
import { createBatcher } from '../data/batches.ts';
import type { Dataset, Part } from '../data/dataset.ts';
import type { ConvolutionAlgorithms, Device } from '../engine/engine.ts';
import { chooseEngine, engineNames, openEngine } from '../engine/open.ts';
import type { Shape } from '../network/network.ts';
import type { Best } from '../run/best.ts';
import { createEvaluator, type Evaluator } from '../training/measure.ts';
import type { Io } from './io.ts';
import type { Given } from './given.ts';
import { parseChoice } from './values.ts';

/** Measures images that are normalised as the network was trained with. `batch`: images at a time, at most. */
export async function openEvaluator(best: Best, given: Given, batch: number, io: Io): Promise<Evaluator> {
  const { about, network, tensors, config } = best;
  const { environment } = io;
  const text = given['engine'] as string | undefined;
  const asked = text === undefined ? (config?.engine.name ?? 'auto') : parseChoice('--engine', text, engineNames);
  // The run's device, unless another engine than the run's is asked for.
  const device: Device = asked === config?.engine.name ? config.engine.device : 'cpu';
  const name = await chooseEngine(asked, device, environment);
  const engine = await openEngine(name, { threads: availableParallelism(), environment, device });
  const empty: Part = { images: new Uint8Array(0), labels: new Uint16Array(0) };
  const subject: Dataset = { ...about, name: about.dataset, hash: '', train: empty, test: empty, flip: false };
  const convolution: ConvolutionAlgorithms = config?.engine.convolution ?? 'auto';
  const size = Math.max(1, Math.min(batch, config?.settings.batch ?? batch));
  const evaluator = await createEvaluator(engine, network, createBatcher(subject, clean(true), size), size, convolution);
  evaluator.load(tensors);
  return evaluator;
}

export const formatSize = ({ channels, height, width }: Shape): string => `${channels}×${height}×${width}`;

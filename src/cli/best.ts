/** The best network of a run, opened to be used in this process. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { createBatcher } from '../data/batches.ts';
import type { Dataset, Part } from '../data/dataset.ts';
import type { ConvolutionAlgorithms, Device } from '../engine/engine.ts';
import { chooseEngine, engineNames, openEngine } from '../engine/open.ts';
import type { Network, Shape } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { readConfig, type Config } from '../run/config.ts';
import { folderOf } from '../run/folder.ts';
import { decodeCheckpoint } from '../training/checkpoint.ts';
import { createEvaluator, type Evaluator } from '../training/measure.ts';
import { UserError } from '../util/user-error.ts';
import type { Io } from './io.ts';
import type { Given } from './given.ts';
import { parseChoice } from './values.ts';

const aboutSchema = z.object({
  dataset: z.string(),
  classes: z.array(z.string()).min(2),
  shape: z.object({ channels: z.int(), height: z.int(), width: z.int() }),
  mean: z.array(z.number()),
  std: z.array(z.number()),
  line: z.string(),
  parameters: z.int(),
});

export interface Best {
  readonly path: string;
  /** Of the run; null for a file alone. */
  readonly config: Config | null;
  readonly network: Network;
  readonly tensors: Tensors;
  readonly about: z.infer<typeof aboutSchema>;
}

/** From a run's folder, or from the file itself. */
export async function readBest(where: string): Promise<Best> {
  if (!existsSync(where)) throw new UserError(`${where}: does not exist`);
  const isFile = statSync(where).isFile();
  const folder = folderOf(where);
  if (!isFile && !existsSync(folder.config)) throw new UserError(`${where} holds no run (${folder.config} is missing)`);
  const config = isFile ? null : readConfig(folder.config);
  const path = isFile ? where : folder.best;
  if (!existsSync(path)) throw new UserError(`${where}: has no trained network yet (${path} is missing)`);
  const { network, tensors, metadata } = decodeCheckpoint(await readFile(path), path);
  let json: unknown;
  try {
    json = JSON.parse(metadata['about'] ?? '');
  } catch {
    throw new UserError(`${path}: says nothing of its classes: not the best network of a run`);
  }
  const about = aboutSchema.safeParse(json);
  if (!about.success) throw new UserError(`${path}: ${z.prettifyError(about.error).split('\n').join(' ')}`);
  const { classes, shape, mean, std } = about.data;
  const image = network.nodes[0]?.layer;
  const logits = network.nodes.at(-1)?.layer;
  const fits =
    image?.kind === 'image' &&
    image.shape.channels === shape.channels &&
    image.shape.height === shape.height &&
    image.shape.width === shape.width &&
    mean.length === shape.channels &&
    std.length === shape.channels &&
    !std.includes(0) &&
    (logits?.kind !== 'dense' || logits.features === classes.length);
  if (!fits) throw new UserError(`${path}: what it says of its images does not fit its network`);
  return { path, config, network, tensors, about: about.data };
}

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
  const plain = { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 };
  const convolution: ConvolutionAlgorithms = config?.engine.convolution ?? 'auto';
  const size = Math.max(1, Math.min(batch, config?.settings.batch ?? batch));
  const evaluator = await createEvaluator(engine, network, createBatcher(subject, plain, size), size, convolution);
  evaluator.load(tensors);
  return evaluator;
}

export const formatSize = ({ channels, height, width }: Shape): string => `${channels}×${height}×${width}`;

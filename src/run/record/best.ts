/** The best network of a run, read from its file: what it is, and what it takes to use it. */
import { existsSync, statSync } from 'node:fs';
import { z } from 'zod';
import { readBytes } from '../../util/files.ts';
import type { Network } from '../../network/network.ts';
import type { Tensors } from '../../network/tensor.ts';
import { decodeCheckpoint } from '../../training/checkpoint.ts';
import { aboutSchema, type About } from '../../training/job.ts';
import { UserError } from '../../util/user-error.ts';
import { readConfig, type Config } from './config.ts';
import { folderOf } from './folder.ts';

export interface Best {
  readonly path: string;
  /** Of the run; null for a file alone. */
  readonly config: Config | null;
  readonly network: Network;
  readonly tensors: Tensors;
  readonly about: About;
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
  const { network, tensors, metadata } = decodeCheckpoint(await readBytes(path), path);
  let json: unknown;
  try {
    json = JSON.parse(metadata['about'] ?? '');
  } catch {
    throw new UserError(`${path}: has no class names: it is not the best network of a run`);
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
  if (!fits) throw new UserError(`${path}: its metadata does not fit its network`);
  return { path, config, network, tensors, about: about.data };
}

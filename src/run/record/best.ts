/** The best network of a run, read from its file: what it is, and what it takes to use it. */
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { factsOf, readBytes } from '../../util/files.ts';
import { sha256 } from '../../util/hash.ts';
import { isThere, readRunBytes } from '../../util/run-files.ts';
import type { Network } from '../../network/network.ts';
import { classCount } from '../../network/shapes.ts';
import type { Tensors } from '../../network/tensor.ts';
import { decodeCheckpoint } from '../../training/checkpoint.ts';
import { aboutSchema, type About } from '../../training/job.ts';
import { UserError } from '../../util/user-error.ts';
import { renderingIn } from '../../data/reading.ts';
import { candidateOf } from '../../search/state.ts';
import { readingOf, type Config } from './config.ts';
import type { BestFiles } from './events.ts';
import { folderOf, isRun } from './folder.ts';
import { readRun } from './read.ts';
import type { RunState } from './replay.ts';

export interface Best {
  readonly path: string;
  /** Of the run; null for a file alone. */
  readonly config: Config | null;
  readonly network: Network;
  readonly tensors: Tensors;
  readonly about: About;
}

/** The files of the best network, by their names. */
const kinds: Readonly<Record<string, keyof BestFiles>> = {
  'best.onnx': 'model',
  'best.safetensors': 'tensors',
  'best.json': 'network',
};

/**
 * Whether the journal fits the content of such a file. While a run goes on, the files may be older than the last event about them.
 * An old journal only knows the exported file of a finished run.
 */
export function fitsJournal({ best, written, search, exports }: RunState, kind: keyof BestFiles, bytes: Uint8Array): boolean {
  const hash = sha256(bytes);
  const isKnown = written.get(hash) === kind;
  if (best !== null) return best[kind] === hash || (isKnown && !search.finished);
  const { checkpoint = null, verified = null } = exports.get('final') ?? {};
  const isExported = verified !== null && search.finished && candidateOf(search, 'final').checkpoint === checkpoint;
  return kind !== 'model' || !isExported || isKnown;
}

/** The error to throw where it does not fit. */
export const unfitting = (path: string): UserError =>
  new UserError(`${path}: is not what the journal of its run says (its hash is another): the file is damaged or was changed`);

/** Names of a run's files of the best network that are missing, or are not what its journal says. */
export async function unfittingFiles(root: string, state: RunState): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [name, kind] of Object.entries(kinds)) {
    const bytes = await readRunBytes(join(root, name)).catch((error: unknown) => {
      if (error instanceof UserError) return null;
      throw error;
    });
    if (bytes === null || !fitsJournal(state, kind, bytes)) found.push(name);
  }
  return found;
}

/** One of a run's files of the best network, checked against the journal. */
async function readChecked(path: string, kind: keyof BestFiles): Promise<Uint8Array> {
  let bytes = await readRunBytes(path);
  // The journal is read after the file, since its event is written before. A run that goes on may replace the file in between.
  if (fitsJournal(readRun(dirname(path)).state, kind, bytes)) return bytes;
  bytes = await readRunBytes(path);
  if (fitsJournal(readRun(dirname(path)).state, kind, bytes)) return bytes;
  throw unfitting(path);
}

/** The bytes of a file that a person named. One of a run's files of the best network is opened and checked as such. */
export function readNamed(path: string): Promise<Uint8Array> {
  const kind = Object.hasOwn(kinds, basename(path)) ? kinds[basename(path)] : undefined;
  return kind !== undefined && isRun(dirname(path)) ? readChecked(path, kind) : readBytes(path);
}

/** How its images are made of files: as those of its run. */
export const renderingOf = ({ config, about }: Best) => (config === null ? renderingIn(about) : readingOf(config));

/** From a run's folder, or from the file itself, which messages call `called`. */
export async function readBest(where: string, called = where): Promise<Best> {
  const facts = await factsOf(where);
  if (facts === undefined) throw new UserError(`${called}: does not exist`, 'INSTAR_NOT_FOUND');
  const isFile = facts.kind === 'file';
  const config = isFile ? null : readRun(where).config;
  const file = isFile ? where : folderOf(where).best;
  if (!isThere(file)) throw new UserError(`${called}: has no trained network yet (${file} is missing)`);
  const path = isFile ? called : file;
  const { network, tensors, metadata } = decodeCheckpoint(await readNamed(file), path);
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
  const fits =
    image?.kind === 'image' &&
    image.shape.channels === shape.channels &&
    image.shape.height === shape.height &&
    image.shape.width === shape.width &&
    mean.length === shape.channels &&
    std.length === shape.channels &&
    !std.includes(0) &&
    classCount(network) === classes.length;
  if (!fits) throw new UserError(`${path}: its metadata does not fit its network`);
  return { path, config, network, tensors, about: about.data };
}

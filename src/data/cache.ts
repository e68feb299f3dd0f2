/**
 * Decoded datasets on disk: `<hash>.safetensors`, named by the dataset's hash, and `sources/<fingerprint>.json` with the hash of
 * what a source was decoded to.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { decodeSafetensors, encodeSafetensorsParts, u16, type StoredTensor } from '../formats/safetensors.ts';
import { asBytes } from '../util/bytes.ts';
import { sha256 } from '../util/hash.ts';
import { canonicalJson } from '../util/json.ts';
import { UserError } from '../util/user-error.ts';
import { bytesOf, hashOf, type Content, type Dataset, type Part } from './dataset.ts';
import { fits, type FoundFit } from './fit.ts';
import { factsOf, readBytes, reasonOf, replaceFile, writeWhole } from '../util/files.ts';
import type { LeftOut } from './left-out.ts';
import type { DatasetSource } from './source.ts';

/** Increases when a reader decodes differently. */
const version = 1;

const numbers = z.array(z.number()).min(1).max(3);
const descriptionSchema = z.strictObject({
  version: z.literal(version),
  name: z.string(),
  classes: z.array(z.string()).min(2),
  mean: numbers,
  std: numbers,
  flip: z.boolean(),
  validationImages: z.int().min(1).optional(),
  bits: z.int().min(1).max(15).optional(),
});

const noted = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  leftOut: z.array(z.strictObject({ path: z.string(), reason: z.string() })).default([]),
  found: z.strictObject({ fit: z.enum(fits), cut: z.number() }).optional(),
  notes: z.array(z.string()).default([]),
});

export const cacheFile = (cacheFolder: string, hash: string): string => join(cacheFolder, `${hash}.safetensors`);

function notePath(cacheFolder: string, source: DatasetSource): string {
  const files = source.files.map(({ path, size, changed }) => [resolve(path), size, changed]);
  return join(cacheFolder, 'sources', `${sha256(canonicalJson({ version, options: source.options, files }))}.json`);
}

/** Where data is kept if the cache cannot be written. */
export interface SpareCache {
  /** Such as `the run's folder`. */
  readonly words: string;
  /** Its path. */
  folder(): string;
}

/** Why no file can be written in that folder; null where one can. Makes the folder. */
export async function whyUnwritable(folder: string): Promise<string | null> {
  const path = join(folder, `.${randomUUID()}`);
  try {
    await replaceFile(path, [Uint8Array.of(0)]);
    await rm(path);
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

/** What moves a cache, behind a message about it. */
export const cacheAdvice = 'INSTAR_CACHE or --cache names another folder';

/** What is kept under a source's fingerprint. */
export interface Known {
  readonly dataset: Dataset;
  readonly leftOut: readonly LeftOut[];
  readonly found?: FoundFit | undefined;
  /** Lines for the user. */
  readonly notes: readonly string[];
}

/** Writes the dataset, and its hash and what else is known under the source's fingerprint. Returns the dataset's path. */
export async function storeDataset(
  cacheFolder: string,
  source: DatasetSource,
  { dataset, leftOut = [], found, notes = [] }: Pick<Known, 'dataset'> & Partial<Known>,
): Promise<string> {
  const { name, classes, shape, train, test, validationImages, bits, mean, std, flip, hash } = dataset;
  const tensors: Record<string, StoredTensor> = {};
  for (const [part, { images, labels }] of Object.entries({ train, test })) {
    const { channels, height, width } = shape;
    tensors[`${part}.images`] = { dtype: 'U8', shape: [labels.length, channels, height, width], data: images };
    tensors[`${part}.labels`] = { dtype: 'U16', shape: [labels.length], data: asBytes(labels) };
  }
  const own = { ...(validationImages === undefined ? {} : { validationImages }), ...(bits === undefined ? {} : { bits }) };
  const description = canonicalJson({ version, name, classes, mean, std, flip, ...own });
  const path = cacheFile(cacheFolder, hash);
  await writeWhole(path, encodeSafetensorsParts(tensors, { dataset: description }));
  const note = {
    hash,
    ...(leftOut.length === 0 ? {} : { leftOut: leftOut.map(({ path: file, reason }) => ({ path: file, reason })) }),
    ...(found === undefined ? {} : { found: { ...found } }),
    ...(notes.length === 0 ? {} : { notes: [...notes] }),
  };
  await writeWhole(notePath(cacheFolder, source), [new TextEncoder().encode(canonicalJson(note))]);
  return path;
}

/** Reads a dataset and checks it against `hash`, by default the file's name. A UserError names the file where it is damaged. */
export async function loadDataset(path: string, hash = basename(path, '.safetensors')): Promise<Dataset> {
  const { tensors, metadata } = decodeSafetensors(await readBytes(path), path);
  const damaged = (what: string): UserError => new UserError(`${path}: not a dataset of this program: ${what}`);
  const facts = ((): z.infer<typeof descriptionSchema> => {
    try {
      return descriptionSchema.parse(JSON.parse(metadata['dataset'] ?? 'null'));
    } catch {
      throw damaged('its description cannot be read');
    }
  })();
  const partOf = (part: string): { content: Part; shape: readonly number[] } => {
    const [images, labels] = [tensors[`${part}.images`], tensors[`${part}.labels`]];
    const [count, ...shape] = images?.shape ?? [];
    if (images?.dtype !== 'U8' || labels?.dtype !== 'U16' || shape.length !== 3 || labels.shape.join() !== `${count}`)
      throw damaged(`its ${part} part is incomplete`);
    const content = { images: images.data, labels: u16(labels) };
    if (content.labels.some((label) => label >= facts.classes.length)) throw damaged(`a ${part} label is out of range`);
    return { content, shape };
  };
  const [train, test] = [partOf('train'), partOf('test')];
  const [channels = 0, height = 0, width = 0] = train.shape;
  const { name, ...described } = facts;
  const { mean, std } = described;
  if (test.shape.join() !== train.shape.join() || mean.length !== channels || std.length !== channels || std.includes(0))
    throw damaged('its parts do not fit together');
  const shape = { channels, height, width };
  const { version: _version, ...own } = described;
  if ((own.validationImages ?? 0) >= train.content.labels.length) throw damaged('it has no training images');
  const content: Content = { ...own, shape, train: train.content, test: test.content };
  if (bytesOf(content.shape) === 0 || hashOf(content) !== hash)
    throw new UserError(`${path}: damaged: its content is not ${hash}`);
  return Object.freeze({ name, ...content, hash });
}

/** What the source was decoded to before; undefined where that is unknown, missing or damaged. */
export async function recallDataset(
  cacheFolder: string,
  source: DatasetSource,
): Promise<(Known & { readonly path: string }) | undefined> {
  const note = notePath(cacheFolder, source);
  try {
    if ((await factsOf(note)) === undefined) return undefined;
    const { hash, ...known } = noted.parse(JSON.parse(new TextDecoder().decode(await readBytes(note))));
    const path = cacheFile(cacheFolder, hash);
    if ((await factsOf(path)) === undefined) return undefined;
    return { dataset: Object.freeze({ ...(await loadDataset(path, hash)), name: source.name }), path, ...known };
  } catch (error) {
    // A damaged cache entry is decoded again.
    if (error instanceof UserError || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

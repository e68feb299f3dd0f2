/**
 * Decoded datasets on disk: `<hash>.safetensors`, named by the dataset's hash, and `sources/<fingerprint>.json` with the hash of
 * what a source was decoded to.
 */
import { createHash, randomUUID } from 'node:crypto';
import { rm, rmdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { layOutSafetensors, readSafetensorsHeader, safetensorsHeaderEnd, u16 } from '../formats/safetensors.ts';
import { asBytes } from '../util/bytes.ts';
import { canonicalJson } from '../util/json.ts';
import { UserError } from '../util/user-error.ts';
import { bytesOf, hashing, type Content, type Dataset, type Part } from './dataset.ts';
import { fits, type FoundFit } from './fit.ts';
import { factsOf, readBytes, reasonOf, replaceFile, writeWhole } from '../util/files.ts';
import { allBytes, imagesIn, inSteps, openFile, piecesOf } from './images.ts';
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
  sampledFrom: z.int().optional(),
  notes: z.array(z.string()).default([]),
});

export const cacheFile = (cacheFolder: string, hash: string): string => join(cacheFolder, `${hash}.safetensors`);

/** What the content of a source follows from, hashed: its options, and its files with their sizes and times. */
export function fingerprintOf(source: DatasetSource): string {
  const hash = createHash('sha256');
  // As the canonical JSON of one object, piece by piece: there may be millions of files.
  hash.update('{"files":[');
  source.files.forEach(({ path, size, changed }, at) =>
    hash.update(`${at === 0 ? '' : ','}${canonicalJson([resolve(path), size, changed])}`),
  );
  return hash.update(`],"options":${canonicalJson(source.options)},"version":${version}}`).digest('hex');
}

const notePath = (cacheFolder: string, source: DatasetSource): string =>
  join(cacheFolder, 'sources', `${fingerprintOf(source)}.json`);

/** Where data is kept if the cache cannot be written. */
export interface SpareCache {
  /** Such as `the run's folder`. */
  readonly words: string;
  /** Its path. */
  folder(): string;
}

/** Why no file can be written in that folder; null where one can. Leaves nothing behind. */
export async function whyUnwritable(folder: string): Promise<string | null> {
  const path = join(folder, `.${randomUUID()}`);
  const isNew = (await factsOf(folder)) === undefined;
  try {
    await replaceFile(path, [Uint8Array.of(0)]);
    await rm(path);
    if (isNew) await rmdir(folder).catch(() => undefined);
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
  /** How many training images there are, where a sample of them was decoded. */
  readonly sampledFrom?: number | undefined;
  /** Lines for the user. */
  readonly notes: readonly string[];
}

/** Writes the dataset, and its hash and what else is known under the source's fingerprint. Returns the dataset's path. */
export async function storeDataset(
  cacheFolder: string,
  source: DatasetSource,
  { dataset, leftOut = [], found, sampledFrom, notes = [] }: Pick<Known, 'dataset'> & Partial<Known>,
  signal?: AbortSignal,
): Promise<string> {
  const { name, classes, shape, train, test, validationImages, bits, mean, std, flip, hash } = dataset;
  const { channels, height, width } = shape;
  const tensorsOf = (part: string, { labels }: Part) => ({
    [`${part}.images`]: { dtype: 'U8', shape: [labels.length, channels, height, width] } as const,
    [`${part}.labels`]: { dtype: 'U16', shape: [labels.length] } as const,
  });
  const own = { ...(validationImages === undefined ? {} : { validationImages }), ...(bits === undefined ? {} : { bits }) };
  const description = canonicalJson({ version, name, classes, mean, std, flip, ...own });
  const tensors = { ...tensorsOf('train', train), ...tensorsOf('test', test) };
  const { head, names } = layOutSafetensors(tensors, { dataset: description });
  function* parts(): Generator<Uint8Array> {
    yield head;
    for (const tensor of names) {
      const part = tensor.startsWith('train.') ? train : test;
      if (tensor.endsWith('.labels')) yield asBytes(part.labels);
      else
        for (const piece of piecesOf(part.images, bytesOf(shape))) {
          signal?.throwIfAborted();
          yield piece;
        }
    }
  }
  const path = cacheFile(cacheFolder, hash);
  await writeWhole(path, parts());
  const note = {
    hash,
    ...(leftOut.length === 0 ? {} : { leftOut: leftOut.map(({ path: file, reason }) => ({ path: file, reason })) }),
    ...(found === undefined ? {} : { found: { ...found } }),
    ...(sampledFrom === undefined ? {} : { sampledFrom }),
    ...(notes.length === 0 ? {} : { notes: [...notes] }),
  };
  await writeWhole(notePath(cacheFolder, source), [new TextEncoder().encode(canonicalJson(note))]);
  return path;
}

/** Datasets with images of at most so many bytes are held in memory; those of larger ones are read when they are needed. */
const mostInMemory = 2 ** 28;

/** Bytes of memory that a process needs for a dataset: labels and the lists of its split, and images where they are held. */
export function heldBytes({ train, test }: { readonly train: Part; readonly test: Part }): number {
  const images = train.images.length + test.images.length;
  return images <= mostInMemory ? images : 2 ** 26 + listed * (train.labels.length + test.labels.length);
}
/** Bytes of lists for each image, while a dataset is split. */
const listed = 120;

/** Opens a dataset and checks everything but its hash. A UserError names a file that is damaged. `most`: bytes of images in memory. */
export function openDataset(path: string, hash = basename(path, '.safetensors'), most = mostInMemory): Dataset {
  const file = openFile(path);
  const bytesAt = (from: number, length: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(length);
    file.read(from, bytes);
    return bytes;
  };
  const end = safetensorsHeaderEnd(bytesAt(0, Math.min(8, file.size)), file.size, path);
  const { entries, metadata, data } = readSafetensorsHeader(bytesAt(0, end), file.size, path);
  const damaged = (what: string): UserError => new UserError(`${path}: not a dataset of this program: ${what}`);
  const facts = ((): z.infer<typeof descriptionSchema> => {
    try {
      return descriptionSchema.parse(JSON.parse(metadata['dataset'] ?? 'null'));
    } catch {
      throw damaged('its description cannot be read');
    }
  })();
  const tensors = new Map(entries.map((entry) => [entry.name, entry]));
  const partOf = (part: string): { content: Part; shape: readonly number[] } => {
    const [images, labels] = [tensors.get(`${part}.images`), tensors.get(`${part}.labels`)];
    const [count, ...shape] = images?.shape ?? [];
    if (images?.dtype !== 'U8' || labels?.dtype !== 'U16' || shape.length !== 3 || labels.shape.join() !== `${count}`)
      throw damaged(`its ${part} part is incomplete`);
    const content = {
      images: imagesIn(file, data + images.begin, images.end - images.begin),
      labels: u16({ ...labels, data: bytesAt(data + labels.begin, labels.end - labels.begin) }),
    };
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
  if (bytesOf(shape) === 0) throw damaged('its images have no pixels');
  const { version: _version, ...own } = described;
  if ((own.validationImages ?? 0) >= train.content.labels.length) throw damaged('it has no training images');
  const holds = train.content.images.length + test.content.images.length <= most;
  const held = ({ images, labels }: Part): Part => ({ images: holds ? allBytes(images) : images, labels });
  return Object.freeze({ name, ...own, shape, train: held(train.content), test: held(test.content), hash });
}

/** Opens a dataset and checks it against `hash`, by default the file's name. A UserError names the file where it is damaged. */
export async function loadDataset(path: string, hash?: string, most?: number): Promise<Dataset> {
  const dataset = openDataset(path, hash, most);
  const content: Content = dataset;
  if ((await inSteps(hashing(content))) !== dataset.hash)
    throw new UserError(`${path}: damaged: its content is not ${dataset.hash}`);
  return dataset;
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

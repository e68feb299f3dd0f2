/**
 * The validation images on which a run's best network is most surely wrong. Computed when a report is made: it opens the
 * engine, the best network and the decoded data, and reads no test image. What is not there any more is a sentence.
 */
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import sharp from 'sharp';
import { cacheFile, loadDataset } from '../data/cache.ts';
import { bytesOf, type Dataset, type Part } from '../data/dataset.ts';
import { partOf } from '../data/split.ts';
import type { EngineName } from '../engine/engine.ts';
import type { OpenOptions } from '../engine/open.ts';
import { countMultiplyAdds } from '../network/cost.ts';
import type { Shape } from '../network/network.ts';
import { readBest } from '../run/record/best.ts';
import type { Config } from '../run/record/config.ts';
import { openEvaluator } from '../run/driving/evaluator.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import { dataOf } from '../run/driving/open.ts';
import type { Settings } from '../search/settings.ts';
import { softmax } from '../training/measure.ts';
import { UserError } from '../util/user-error.ts';

export interface Picture {
  /** A `data:` address of a PNG. */
  readonly data: string;
  readonly width: number;
  readonly height: number;
}

export interface Mistake {
  /** Position among the training images. */
  readonly index: number;
  readonly label: string;
  readonly seen: string;
  /** The probability that the network gives to what it sees. */
  readonly confidence: number;
  readonly picture: Picture;
}

export type Mistakes =
  | {
      readonly kind: 'found';
      /** Of the network that answered. */
      readonly line: string;
      /** Asked, of all validation images. */
      readonly images: number;
      readonly all: number;
      readonly wrong: number;
      /** Whether the network was trained on these images. */
      readonly trainedOn: boolean;
      /** The surest first. */
      readonly shown: readonly Mistake[];
    }
  | { readonly kind: 'absent'; readonly reason: string };

type Environment = OpenOptions['environment'];

const mostShown = 24;
/** Pixels a side at most. */
const largestPicture = 96;
/** Shown at least so large: small images are enlarged. */
const smallestShown = 64;
const batch = 128;

/** Forward multiply-adds that may be spent: a second or two of two cores. */
const affordable: { readonly [E in EngineName]: number } = { onednn: 5e10, onnx: 2.5e10, reference: 1e9 };

/** The run's data where it lies decoded, or at a path that is there; nothing is downloaded. */
async function dataHere(config: Config): Promise<Dataset | string> {
  const { path, hash, reference } = config.data;
  if (existsSync(path)) return loadDataset(path, hash);
  const cached = cacheFile(cacheFolder(), hash);
  if (existsSync(cached)) return loadDataset(cached, hash);
  if (existsSync(reference)) return (await dataOf(config, undefined)).dataset;
  return `the decoded data (${path}) is not there any more`;
}

async function pictureOf(part: Part, index: number, shape: Shape): Promise<Picture> {
  const { channels, height, width } = shape;
  const area = height * width;
  const bytes = part.images.subarray(index * bytesOf(shape), (index + 1) * bytesOf(shape));
  const pixels = Buffer.alloc(bytes.length);
  for (let channel = 0; channel < channels; channel++)
    for (let at = 0; at < area; at++) pixels[at * channels + channel] = bytes[channel * area + at] as number;
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  const side = Math.max(width, height);
  const small = side > largestPicture ? image.resize({ width: largestPicture, height: largestPicture, fit: 'inside' }) : image;
  const { data, info } = await small.png({ compressionLevel: 9 }).toBuffer({ resolveWithObject: true });
  const factor = Math.max(1, Math.ceil(smallestShown / Math.max(info.width, info.height)));
  return {
    data: `data:image/png;base64,${data.toString('base64')}`,
    width: info.width * factor,
    height: info.height * factor,
  };
}

/** Evenly taken, at most so many. */
export const evenly = (indices: Uint32Array, most: number): Uint32Array =>
  indices.length <= most
    ? indices
    : Uint32Array.from({ length: most }, (_none, at) => indices[Math.floor((at * indices.length) / most)] as number);

async function find(root: string, config: Config, settings: Settings, environment: Environment): Promise<Mistakes> {
  const best = await readBest(root);
  const dataset = await dataHere(config);
  if (typeof dataset === 'string') return { kind: 'absent', reason: dataset };
  const { classes, line } = best.about;
  const { validation, images } = settings;
  const { part, indices } = partOf(dataset, { validation, images }, 'validation');
  const most = Math.max(1, Math.floor(affordable[config.engine.name] / countMultiplyAdds(best.network)));
  const asked = evenly(indices, most);
  const evaluator = await openEvaluator(best, null, batch, environment);
  let logits: Float32Array;
  try {
    logits = await evaluator.logits(part, asked, () => setImmediate());
  } finally {
    evaluator.dispose();
  }
  const wrong = Array.from(asked, (index, at) => {
    const shares = softmax(logits.subarray(at * classes.length, (at + 1) * classes.length));
    const confidence = Math.max(...shares);
    return { index, label: part.labels[index] as number, seen: shares.indexOf(confidence), confidence };
  }).filter(({ label, seen }) => label !== seen);
  const shown = wrong.toSorted((a, b) => b.confidence - a.confidence || a.index - b.index).slice(0, mostShown);
  return {
    kind: 'found',
    line,
    images: asked.length,
    all: indices.length,
    wrong: wrong.length,
    trainedOn: line === 'final',
    shown: await Promise.all(
      shown.map(async ({ index, label, seen, confidence }) => ({
        index,
        label: classes[label] ?? `class ${label}`,
        seen: classes[seen] ?? `class ${seen}`,
        confidence,
        picture: await pictureOf(part, index, dataset.shape),
      })),
    ),
  };
}

/** `settings`: as a budget scaled them. A missing network, engine or data is the reason why there are none. */
export async function findMistakes(
  root: string,
  config: Config,
  settings: Settings,
  environment: Environment,
): Promise<Mistakes> {
  try {
    return await find(root, config, settings, environment);
  } catch (error) {
    if (error instanceof UserError) return { kind: 'absent', reason: error.message };
    throw error;
  }
}

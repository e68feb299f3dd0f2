/**
 * What a run's best network makes of images: its most confident mistakes on validation images, and its predictions of the test images where
 * the run has tested that network on them (of the validation images otherwise). Computed when a report is made: it opens the engine, the
 * best network and the decoded data. What is missing is given as a reason.
 */
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import sharp from 'sharp';
import { loadDataset } from '../data/cache.ts';
import { bytesOf, type Dataset, type Part } from '../data/dataset.ts';
import { partOf } from '../data/split.ts';
import type { EngineName } from '../engine/engine.ts';
import type { OpenOptions } from '../engine/open.ts';
import { countMultiplyAdds } from '../network/cost.ts';
import type { Shape } from '../network/network.ts';
import { readBest } from '../run/record/best.ts';
import type { Config } from '../run/record/config.ts';
import { openEvaluator } from '../run/driving/evaluator.ts';
import { cachedDataOf, dataOf } from '../run/driving/open.ts';
import { temporaryCache } from '../run/preparing/spare-cache.ts';
import type { Settings } from '../search/settings.ts';
import { softmax } from '../training/measure.ts';
import type { Predictions } from './judgement.ts';
import { UserError } from '../util/user-error.ts';

interface Thumbnail {
  /** A PNG as a `data:` URL. */
  readonly data: string;
  readonly width: number;
  readonly height: number;
}

interface Mistake {
  /** Position among the training images. */
  readonly index: number;
  readonly label: string;
  readonly predicted: string;
  /** Probability of the predicted class. */
  readonly confidence: number;
  readonly thumbnail: Thumbnail;
}

/** Predictions of images, by the classes of the run. */
export interface Judged {
  readonly part: 'test' | 'validation';
  /** Of all of that part; the predictions may be of some, at regular intervals. */
  readonly all: number;
  readonly predictions: Predictions;
}

export type Mistakes =
  | {
      readonly kind: 'found';
      /** Such as `final`. */
      readonly network: string;
      /** Classified, of all validation images. */
      readonly images: number;
      readonly all: number;
      readonly wrong: number;
      /** Whether the network was trained on these images. */
      readonly trainedOn: boolean;
      /** The most confident first. */
      readonly shown: readonly Mistake[];
      readonly judged: Judged;
    }
  | { readonly kind: 'absent'; readonly reason: string };

const mostShown = 24;
/** Pixels of the longer side of a thumbnail at most; larger images are scaled down. */
const mostPixels = 96;
/** Size on the page at least; smaller thumbnails are enlarged. */
const leastSize = 64;
const batch = 128;

/** Forward multiply-adds at most, of each part: a few seconds on two cores. */
const affordable: { readonly [E in EngineName]: number } = { onednn: 2e11, onnx: 1e11, reference: 1e9 };

/** The run's data, from the cache or from its source on this machine; nothing is downloaded. A string says why there is none. */
async function localData(root: string, config: Config): Promise<Dataset | string> {
  const { path, hash, reference } = config.data;
  const [cached] = cachedDataOf(root, config);
  if (cached !== undefined) return loadDataset(cached, hash);
  if (existsSync(reference)) {
    const spare = temporaryCache();
    try {
      return (await dataOf(root, config, spare)).dataset;
    } finally {
      spare.remove();
    }
  }
  return `the decoded data (${path}) is missing`;
}

async function thumbnailOf(part: Part, index: number, shape: Shape): Promise<Thumbnail> {
  const { channels, height, width } = shape;
  const area = height * width;
  const bytes = part.images.subarray(index * bytesOf(shape), (index + 1) * bytesOf(shape));
  const pixels = Buffer.alloc(bytes.length);
  for (let channel = 0; channel < channels; channel++)
    for (let at = 0; at < area; at++) pixels[at * channels + channel] = bytes[channel * area + at] as number;
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  const side = Math.max(width, height);
  const small = side > mostPixels ? image.resize({ width: mostPixels, height: mostPixels, fit: 'inside' }) : image;
  const { data, info } = await small.png({ compressionLevel: 9 }).toBuffer({ resolveWithObject: true });
  const factor = Math.max(1, Math.ceil(leastSize / Math.max(info.width, info.height)));
  return {
    data: `data:image/png;base64,${data.toString('base64')}`,
    width: info.width * factor,
    height: info.height * factor,
  };
}

/** At regular intervals, at most `most`. */
export const evenly = (indices: Uint32Array, most: number): Uint32Array =>
  indices.length <= most
    ? indices
    : Uint32Array.from({ length: most }, (_none, at) => indices[Math.floor((at * indices.length) / most)] as number);

async function find(
  root: string,
  config: Config,
  settings: Settings,
  environment: OpenOptions['environment'],
  isTested: boolean,
): Promise<Mistakes> {
  const best = await readBest(root);
  const dataset = await localData(root, config);
  if (typeof dataset === 'string') return { kind: 'absent', reason: dataset };
  const { classes, line } = best.about;
  const split = { validation: settings.validation, images: settings.images };
  const { part, indices } = partOf(dataset, split, 'validation');
  const most = Math.max(1, Math.floor(affordable[config.engine.name] / countMultiplyAdds(best.network)));
  const used = evenly(indices, most);
  const predictionsOf = (of: Part, images: Uint32Array, logits: Float32Array): Predictions => ({
    classes: classes.length,
    labels: Array.from(images, (index) => of.labels[index] as number),
    logits,
  });
  const evaluator = await openEvaluator(best, null, batch, environment);
  let logits: Float32Array;
  let judged: Judged;
  try {
    logits = await evaluator.logits(part, used, () => setImmediate());
    judged = { part: 'validation', all: indices.length, predictions: predictionsOf(part, used, logits) };
    if (isTested && line === 'final') {
      const test = partOf(dataset, split, 'test');
      const some = evenly(test.indices, most);
      const predictions = predictionsOf(test.part, some, await evaluator.logits(test.part, some, () => setImmediate()));
      judged = { part: 'test', all: test.indices.length, predictions };
    }
  } finally {
    evaluator.dispose();
  }
  const wrong = Array.from(used, (index, at) => {
    const probabilities = softmax(logits.subarray(at * classes.length, (at + 1) * classes.length));
    const confidence = Math.max(...probabilities);
    return { index, label: part.labels[index] as number, predicted: probabilities.indexOf(confidence), confidence };
  }).filter(({ label, predicted }) => label !== predicted);
  const shown = wrong.toSorted((a, b) => b.confidence - a.confidence || a.index - b.index).slice(0, mostShown);
  return {
    kind: 'found',
    network: line,
    images: used.length,
    all: indices.length,
    wrong: wrong.length,
    trainedOn: line === 'final',
    judged,
    shown: await Promise.all(
      shown.map(async ({ index, label, predicted, confidence }) => ({
        index,
        label: classes[label] ?? `class ${label}`,
        predicted: classes[predicted] ?? `class ${predicted}`,
        confidence,
        thumbnail: await thumbnailOf(part, index, dataset.shape),
      })),
    ),
  };
}

/** `settings`: as scaled by the budget. `isTested`: whether the run has read the test images. Where the network, the engine or the data is missing, the result says so. */
export const findMistakes = (...run: Parameters<typeof find>): Promise<Mistakes> =>
  find(...run).catch((error: unknown) => {
    if (error instanceof UserError) return { kind: 'absent', reason: error.message };
    throw error;
  });

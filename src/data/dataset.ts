/** A dataset: decoded pixels with labels, their normalisation, and a hash of all of it. */
import { createHash } from 'node:crypto';
import type { Shape } from '../network/network.ts';
import { assert } from '../util/assert.ts';
import { canonicalJson } from '../util/json.ts';
import { UserError } from '../util/user-error.ts';
import { atOnce, derived, piecesOf, type Images } from './images.ts';

/** Labelled images. */
export interface Part {
  /** (N, C, H, W), a byte a pixel. */
  readonly images: Images;
  /** (N), indices of classes. */
  readonly labels: Uint16Array;
}

/** What a source is decoded to. */
export interface Content {
  readonly classes: readonly string[];
  /** Channels 1 (grey) or 3 (red, green, blue). */
  readonly shape: Shape;
  readonly train: Part;
  readonly test: Part;
  /** How many of the training images, the last ones, validate; undefined: a share of them does (`splitDataset`). */
  readonly validationImages?: number | undefined;
  /** Of images with 16 bits a channel, how many of them are used, to which pixels are scaled; undefined: all, or there are none. */
  readonly bits?: number | undefined;
  /** Mean of pixels/255 for each channel, which normalisation subtracts. */
  readonly mean: readonly number[];
  /** Standard deviation of pixels/255 for each channel, not 0, by which normalisation divides. */
  readonly std: readonly number[];
  /** Whether a mirrored image keeps its class: false for digits. */
  readonly flip: boolean;
}

export interface Dataset extends Content {
  /** Not part of the hash. */
  readonly name: string;
  /** SHA-256 of everything else. Equal hashes train equally. */
  readonly hash: string;
}

/** Most classes, as labels are 16 bits wide. */
export const classLimit = 65536;

/** Bytes of an image. */
export const bytesOf = ({ channels, height, width }: Shape): number => channels * height * width;

/** The images with those indices, read when they are needed. */
export function picked({ images, labels }: Part, shape: Shape, indices: Uint32Array): Part {
  const size = bytesOf(shape);
  const write = (first: number, count: number, to: Uint8Array): void => {
    for (let at = 0; at < count; at++) {
      const index = indices[first + at] as number;
      to.set(images.subarray(index * size, (index + 1) * size), at * size);
    }
  };
  return {
    images: derived(indices.length, size, write),
    labels: Uint16Array.from(indices, (index) => labels[index] as number),
  };
}

/** (N, C, H, W) as (N, H, W, C). */
export function channelsLast<T extends Float32Array | Uint8Array>(values: T, { channels, height, width }: Shape): T {
  const result = values.slice() as T;
  const area = height * width;
  for (let image = 0; image * channels * area < values.length; image++)
    for (let channel = 0; channel < channels; channel++)
      for (let pixel = 0; pixel < area; pixel++)
        result[(image * area + pixel) * channels + channel] = values[(image * channels + channel) * area + pixel] as number;
  return result;
}

/** The hash, after a step for each piece. */
export function* hashing(content: Content): Generator<undefined, string, undefined> {
  const { classes, shape, train, test, validationImages, bits, mean, std, flip } = content;
  const hash = createHash('sha256');
  const counts = [train.labels.length, test.labels.length];
  // What a dataset does not have is not in its hash.
  const own = { ...(validationImages === undefined ? {} : { validationImages }), ...(bits === undefined ? {} : { bits }) };
  hash.update(canonicalJson({ version: 1, classes, shape, mean, std, flip, counts, ...own }));
  for (const { images, labels } of [train, test]) {
    for (const piece of piecesOf(images, bytesOf(shape))) {
      hash.update(piece);
      yield;
    }
    hash.update(labels);
  }
  return hash.digest('hex');
}

interface Normalisation {
  readonly mean: number[];
  readonly std: number[];
}

/**
 * Mean and standard deviation of pixels/255 for each channel, exact up to the last rounding in any order of the images. A
 * constant channel gets the deviation 1, so that normalisation can divide by it. After a step for each piece.
 */
export function* measuring(images: Images, shape: Shape): Generator<undefined, Normalisation, undefined> {
  const area = shape.height * shape.width;
  const counts = Array.from({ length: shape.channels }, () => new Float64Array(256));
  for (const piece of piecesOf(images, bytesOf(shape))) {
    for (let at = 0; at < piece.length;) {
      for (const count of counts) {
        for (const end = at + area; at < end; at++) (count[piece[at] as number] as number)++;
      }
    }
    yield;
  }
  const total = images.length / shape.channels;
  const mean = counts.map((count) => count.reduce((sum, often, value) => sum + often * value, 0) / total / 255);
  const std = counts.map((count, channel) => {
    const squares = count.reduce((sum, often, value) => sum + often * (value / 255 - (mean[channel] as number)) ** 2, 0);
    return Math.sqrt(squares / total) || 1;
  });
  return { mean, std };
}

export const measurePixels = (images: Images, shape: Shape): Normalisation => atOnce(measuring(images, shape));

/** Checks the content and hashes it, in steps. A UserError, which begins with `where`, where a network cannot be trained on it. */
export function* making(name: string, where: string, content: Content): Generator<undefined, Dataset, undefined> {
  const { classes, shape, train, test } = content;
  for (const part of [train, test])
    assert(
      part.images.length === part.labels.length * bytesOf(shape),
      () => `${part.labels.length} images of ${bytesOf(shape)} bytes, not ${part.images.length} bytes`,
    );
  const validating = content.validationImages ?? 0;
  const training = train.labels.subarray(0, train.labels.length - validating);
  if (training.length === 0) throw new UserError(`${where}: no training images`);
  if (content.validationImages === 0) throw new UserError(`${where}: no validation images`);
  if (test.labels.length === 0) throw new UserError(`${where}: no test images`);
  if (classes.length > classLimit) throw new UserError(`${where}: ${classes.length} classes, more than ${classLimit}`);
  const used = new Set(training);
  if (used.size < 2) {
    const [only = 0] = used;
    throw new UserError(`${where}: all training images are of one class (${classes[only]}); at least two are needed`);
  }
  return Object.freeze({ name, ...content, hash: yield* hashing(content) });
}

export const datasetOf = (name: string, where: string, content: Content): Dataset => atOnce(making(name, where, content));

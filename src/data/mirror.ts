/**
 * Whether mirror images keep the classes apart: decided on a sample of the training images, by their nearest neighbours. Left and right
 * arrows, digits and letters become other classes in a mirror; most photographs do not. Pure.
 */
import { balancedAccuracy, type Confusion } from '../util/confusion.ts';
import { bytesOf, type Dataset } from './dataset.ts';
import { compareWith, countLooks, featuresOf, normalise, sampleOf, turnsInto, type Sample } from './neighbours.ts';

/** What was found; shares are 0 to 1, of images whose nearest neighbours have their class. */
export interface MirrorTest {
  readonly keepsClasses: boolean;
  /** Of images as they are. */
  readonly original: number;
  /** Of the same images, mirrored. */
  readonly mirrored: number;
  /** Two classes, the mirror images of each of which look like the other. */
  readonly pair: { readonly from: string; readonly to: string } | null;
}

/** Images of the sample, at most. */
const sampled = 700;
/** Pixels a side that are compared. */
const side = 12;
/** Of the share above chance: where mirror images have less than this part of it, they are other things. */
const leastKept = 0.5;
/** Standard errors that a difference takes to count. */
const clear = 3;

/** The image as means over a grid of `side` × `side` cells, without its mean and of length 1. */
function writeFeatures({ train, shape }: Dataset, image: number, isMirrored: boolean, to: Float32Array): void {
  const { channels, height, width } = shape;
  const [rows, columns] = [Math.min(side, height), Math.min(side, width)];
  const pixels = train.images.subarray(image * bytesOf(shape), (image + 1) * bytesOf(shape));
  let at = 0;
  for (let channel = 0; channel < channels; channel++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const [top, bottom] = [Math.floor((row * height) / rows), Math.floor(((row + 1) * height) / rows)];
        const [left, right] = [Math.floor((column * width) / columns), Math.floor(((column + 1) * width) / columns)];
        let sum = 0;
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++)
            sum += pixels[(channel * height + y) * width + (isMirrored ? width - 1 - x : x)] as number;
        to[at++] = sum / ((bottom - top) * (right - left));
      }
  normalise(to);
}

/** Two classes, the mirror images of each of which look like the other, and unlike before. */
function swappedPair(original: Confusion, mirrored: Confusion): readonly [from: number, to: number] | null {
  for (const from of mirrored.keys())
    for (let to = 0; to < from; to++)
      if (turnsInto(original, mirrored, from, to) && turnsInto(original, mirrored, to, from)) return [from, to];
  return null;
}

/** Decides on at most 700 training images; the same of the same data. */
export function testMirror(dataset: Dataset): MirrorTest {
  const { classes, shape } = dataset;
  const images = sampleOf(dataset, sampled);
  const size = shape.channels * Math.min(side, shape.height) * Math.min(side, shape.width);
  const [sample, turnedOver] = [false, true].map((isMirrored) =>
    featuresOf(dataset, images, size, (image, to) => writeFeatures(dataset, image, isMirrored, to)),
  ) as [Sample, Sample];
  const own = [...images.keys()];
  const [original, mirrored] = [sample, turnedOver].map((each) =>
    countLooks(classes.length, sample.labels, own.length < 2 ? [] : compareWith(sample, each, own)),
  ) as [Confusion, Confusion];
  const [right, turned] = [balancedAccuracy(original) ?? 0, balancedAccuracy(mirrored) ?? 0];
  const chance = 1 / Math.max(1, new Set(sample.labels).size);
  const error = Math.sqrt((right * (1 - right)) / Math.max(1, images.length)) + 1 / Math.max(1, images.length);
  const isClear = right - chance > clear * error && right - turned > clear * error;
  const pair = swappedPair(original, mirrored);
  const isOther = isClear && turned - chance < leastKept * (right - chance);
  const nameOf = (label: number): string => classes[label] ?? String(label);
  return {
    keepsClasses: pair === null && !isOther,
    original: right,
    mirrored: turned,
    pair: pair === null ? null : { from: nameOf(pair[0]), to: nameOf(pair[1]) },
  };
}

/** What probabilities say beyond the class they choose: curves of one class against the rest, and calibration. Pure. */
import { must } from '../util/assert.ts';

/** Predictions of images with their labels. */
export interface Predictions {
  readonly classes: number;
  /** Per image. */
  readonly labels: readonly number[];
  /** (images, classes), row by row. */
  readonly logits: Float32Array;
}

/** A threshold: images with at least this probability are taken for the class. */
export interface Operating {
  readonly threshold: number;
  /** Of the class, and not of the class, that are taken. */
  readonly truePositives: number;
  readonly falsePositives: number;
}

export interface ClassCurve {
  /** Of the class, and of all others. */
  readonly positives: number;
  readonly negatives: number;
  /** At each different probability, falling; the first takes nothing. */
  readonly points: readonly Operating[];
  /** The area under the receiver operating characteristic; null where one side is empty. */
  readonly area: number | null;
  /** Average precision: Σ (recall − recall before)·precision; null where there is no image of the class. */
  readonly averagePrecision: number | null;
}

/** Of scores of one class, and whether each is of it. */
export function curveOf(scores: readonly number[], isOf: readonly boolean[]): ClassCurve {
  const order = scores.map((_score, index) => index).toSorted((a, b) => (scores[b] as number) - (scores[a] as number));
  const positives = isOf.filter(Boolean).length;
  const negatives = scores.length - positives;
  const points: Operating[] = [{ threshold: Infinity, truePositives: 0, falsePositives: 0 }];
  let [truePositives, falsePositives, area, precision] = [0, 0, 0, 0];
  for (const [at, index] of order.entries()) {
    if (isOf[index] === true) truePositives++;
    else falsePositives++;
    const threshold = scores[index] as number;
    // Equal scores are taken together.
    if (at + 1 < order.length && scores[order[at + 1] as number] === threshold) continue;
    const last = must(points.at(-1), 'point');
    area += ((falsePositives - last.falsePositives) * (truePositives + last.truePositives)) / 2;
    precision += ((truePositives - last.truePositives) * truePositives) / (truePositives + falsePositives);
    points.push({ threshold, truePositives, falsePositives });
  }
  return {
    positives,
    negatives,
    points,
    area: positives === 0 || negatives === 0 ? null : area / (positives * negatives),
    averagePrecision: positives === 0 ? null : precision / positives,
  };
}

/** The last point whose threshold is at least so high: what is taken at it. */
export function takenAt({ points }: ClassCurve, threshold: number): Operating {
  return must(
    points.findLast((point) => point.threshold >= threshold),
    'point',
  );
}

/** Probabilities at a temperature, of one image. */
export function probabilitiesOf({ classes, logits }: Predictions, image: number, temperature = 1): number[] {
  const own = Array.from(logits.subarray(image * classes, (image + 1) * classes), (logit) => logit / temperature);
  const most = Math.max(...own);
  const powers = own.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

export const classCurves = (predictions: Predictions): readonly ClassCurve[] => {
  const { classes, labels } = predictions;
  const all = labels.map((_label, image) => probabilitiesOf(predictions, image));
  return Array.from({ length: classes }, (_none, index) =>
    curveOf(
      all.map((probabilities) => probabilities[index] as number),
      labels.map((label) => label === index),
    ),
  );
};

export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly images: number;
  /** Means over the images of the bin; 0 where there is none. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  readonly bins: readonly Bin[];
  /** Σ images·|accuracy − confidence| / all images (Guo et al. 2017, arXiv 1706.04599). */
  readonly error: number;
  /** The mean of −ln of the label's probability. */
  readonly loss: number;
}

export const binCount = 15;

/** By the probability of the predicted class, in bins of equal width. */
export function calibrationOf(predictions: Predictions, temperature = 1): Calibration {
  const sums = Array.from({ length: binCount }, () => ({ images: 0, confidence: 0, right: 0 }));
  let loss = 0;
  for (const [image, label] of predictions.labels.entries()) {
    const probabilities = probabilitiesOf(predictions, image, temperature);
    const confidence = Math.max(...probabilities);
    const bin = must(sums[Math.min(binCount - 1, Math.floor(confidence * binCount))], 'bin');
    bin.images++;
    bin.confidence += confidence;
    bin.right += Number(probabilities.indexOf(confidence) === label);
    loss -= Math.log(Math.max(1e-30, probabilities[label] as number));
  }
  const all = Math.max(1, predictions.labels.length);
  const bins = sums.map(({ images, confidence, right }, index) => ({
    from: index / binCount,
    to: (index + 1) / binCount,
    images,
    confidence: images === 0 ? 0 : confidence / images,
    accuracy: images === 0 ? 0 : right / images,
  }));
  const error = bins.reduce((sum, { images, confidence, accuracy }) => sum + (images * Math.abs(accuracy - confidence)) / all, 0);
  return { bins, error, loss: loss / all };
}

/** The temperature, from 1/10 to 10, at which the loss is lowest: it has one minimum in ln temperature. */
export function bestTemperature(predictions: Predictions): number {
  const lossAt = (logarithm: number): number => calibrationOf(predictions, Math.exp(logarithm)).loss;
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [-Math.log(10), Math.log(10)];
  for (let step = 0; step < 24; step++) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (lossAt(left) <= lossAt(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

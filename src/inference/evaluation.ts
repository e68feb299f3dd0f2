/** How often an open network is right on a dataset. `instar evaluate` and `evaluate` of the library compute by it. */
import { measurePixels } from '../data/dataset.ts';
import type { Scaling } from '../data/pixel-scales.ts';
import { renderingIn, usualReading } from '../data/reading.ts';
import { meanOfViews } from '../data/views.ts';
import type { ViewsName } from '../network/views.ts';
import { isNearChance } from '../run/preparing/pixel-evidence.ts';
import { accuracyByClass } from '../run/display/classes.ts';
import { readingOf } from '../run/record/config.ts';
import { readRun } from '../run/record/read.ts';
import { measureLogits, tally } from '../training/measure.ts';
import { classCounts } from '../util/confusion.ts';
import { UserError } from '../util/user-error.ts';
import { formatPercent, plural, printable } from '../util/words.ts';
import { pixelsFor } from './assumed-pixels.ts';
import {
  imagesFor,
  type DataOptions,
  type EvaluatedImages,
  type InputSpec,
  type Measured,
  type Training,
  type World,
} from './evaluated-images.ts';
import { renderingFor, type ModelNetwork, type OpenNetwork } from './open.ts';
import type { RunNetwork } from './run-network.ts';

export interface EvaluationOptions extends DataOptions {
  /** Default: the image alone. */
  readonly views?: ViewsName;
}

/** `loss` is null where the outputs may not be logits. */
export interface Evaluation {
  readonly path: string;
  /** Which of its run's networks it is, such as `final`; null for a model of any origin. */
  readonly line: string | null;
  /** What a model of any origin is given: (pixel/255 − mean)/std, and where that is from, in words; null for a run. */
  readonly pixels: (Scaling & { readonly assumption: string }) | null;
  /** Of the data. */
  readonly dataset: string;
  readonly measured: Measured;
  readonly classes: readonly string[];
  readonly images: number;
  readonly accuracy: number;
  readonly loss: number | null;
  /** confusion[class][predicted class], images. */
  readonly confusion: readonly (readonly number[])[];
  /** Whether these are the images that the network was grown with. */
  readonly own: boolean;
  readonly notes: readonly string[];
}

/** Of a file without its run, whose data is known by its name alone. */
const ownNotes = (own: boolean, measured: Measured, name: string): readonly string[] =>
  own && measured !== 'all'
    ? [`The network was trained on ${printable(name)}, so only images that were held out are measured; --part all takes all.`]
    : own
      ? [`The network was trained on ${printable(name)}: most of these images are those that it learned from.`]
      : [];

async function ofRun(
  { best, file, scores }: RunNetwork,
  reference: string,
  given: EvaluationOptions,
  world: World,
): Promise<Evaluation> {
  const { classes, shape, line } = best.about;
  const { config } = best;
  const training: Training = { hash: config?.data.hash ?? null, name: best.about.dataset, classes };
  // As the run reads its own images, but what is damaged is left out.
  const reading = config === null ? { ...usualReading, ...renderingIn(best.about) } : readingOf(config);
  const images = await imagesFor({ classes, ...shape }, reference, training, given, world, { ...reading, strict: false });
  const { part, name, measured, own } = images;
  const { confusion, tell } = tally(classes.length);
  const logits = await scores(part, given.views ?? 'image', world.signal);
  const isRun = own && config !== null;
  const notes = isRun
    ? [
        `Note: this is the run's own data. Its journal has ${plural(readRun(file.path).state.search.readings, 'test evaluation')}; this one is not counted.`,
      ]
    : ownNotes(own, measured, name);
  return {
    path: best.path,
    line,
    pixels: null,
    dataset: name,
    measured,
    classes,
    images: part.labels.length,
    ...measureLogits(logits, part.labels, classes.length, tell),
    confusion,
    own: isRun,
    notes,
  };
}

/** The images for a model, and what their classes are called. */
async function imagesOf(
  network: ModelNetwork,
  reference: string,
  given: EvaluationOptions,
  world: World,
): Promise<EvaluatedImages & { readonly named: readonly string[] }> {
  const { where, classifier } = network.model;
  const { input, classes, count, dataset: trainedOn } = classifier;
  const wanted: InputSpec = { classes, channels: input.channels, height: input.height, width: input.width };
  const training = classes === null || trainedOn === null ? null : { hash: null, name: trainedOn, classes };
  const reading = { ...usualReading, ...renderingFor(network) };
  const found = await imagesFor(wanted, reference, training, given, world, reading);
  const { fit } = renderingIn(classifier.metadata);
  if (found.own && found.measured === 'held out' && reading.fit !== fit)
    throw new UserError(
      `--fit ${reading.fit}: which images were held out is known with --fit ${fit} alone; --part all takes all`,
    );
  const named = classes ?? found.classes;
  if (count !== null && named.length !== count)
    throw new UserError(`${where}: has ${count} classes, but ${found.name} has ${named.length}`);
  return { ...found, named };
}

async function ofModel(network: ModelNetwork, reference: string, given: EvaluationOptions, world: World): Promise<Evaluation> {
  const { model } = network;
  const { where, classifier } = model;
  const { channels } = classifier.input;
  const found = await imagesOf(network, reference, given, world);
  const { part, name: dataset, measured, own, named: classes } = found;
  const shape = { ...found.shape, channels };
  const known = found.shape.channels === channels ? found.normalisation : null;
  const normalised = known ?? measurePixels(part.images, shape);
  const { scaling, line: assumption } = await pixelsFor(model, network.given, part, shape, true, normalised);
  const logits = await meanOfViews(part, shape, given.views ?? 'image', (view) =>
    model.logits(view, shape, scaling, world.signal),
  );
  const outputs = logits.length / Math.max(1, part.labels.length);
  if (outputs !== classes.length)
    throw new UserError(`${where}: returns ${outputs} numbers per image, but there are ${classes.length} classes`);
  const { confusion, tell } = tally(classes.length);
  const { accuracy } = measureLogits(logits, part.labels, outputs, tell);
  const notes = [
    ...ownNotes(own, measured, dataset),
    ...(isNearChance(accuracyByClass(confusion, classes).balanced ?? 1, classes.length)
      ? [
          `This accuracy is near that of chance, ${formatPercent(1 / classes.length)}: what is assumed of the pixels or of the order of the classes may be wrong.`,
        ]
      : []),
    ...(classifier.views === null ? [] : [`The file itself averages over ${printable(classifier.views)}.`]),
  ];
  const { mean, std } = scaling;
  return {
    path: where,
    line: null,
    pixels: { mean, std, assumption },
    dataset,
    measured,
    classes,
    images: part.labels.length,
    accuracy,
    loss: null,
    confusion,
    own: false,
    notes,
  };
}

/** `reference`: a dataset, as `search` takes it. A UserError where the network cannot take its images or does not know a class. */
export const evaluateNetwork = (
  network: OpenNetwork,
  reference: string,
  given: EvaluationOptions,
  world: World,
): Promise<Evaluation> =>
  network.kind === 'run' ? ofRun(network, reference, given, world) : ofModel(network, reference, given, world);

/** An evaluation as programs get it. */
export interface EvaluationResult {
  readonly network: string;
  /** Which of its run's networks it is, such as `final`; null for a model of any origin. */
  readonly line: string | null;
  /** What a model of any origin was given: (pixel/255 − mean)/std, and where that is from, in words; null for a run. */
  readonly pixels: (Scaling & { readonly assumption: string }) | null;
  readonly dataset: string;
  /** Whether training images were measured too. */
  readonly part: 'test' | 'all';
  readonly views: ViewsName;
  readonly images: number;
  /** Whether these are the images that the network was grown with. */
  readonly own: boolean;
  /** The share of images that are right, 0 to 1. */
  readonly accuracy: number;
  /** The mean over classes with images of the share that is right, 0 to 1; null without images. */
  readonly balancedAccuracy: number | null;
  /** Mean cross-entropy, nats; null where the outputs may not be logits. */
  readonly loss: number | null;
  readonly classes: readonly string[];
  /** For each class its images, and the share of them that is right; null without images. */
  readonly perClass: readonly { readonly name: string; readonly images: number; readonly accuracy: number | null }[];
  /** confusion[class][predicted class], images. */
  readonly confusion: readonly (readonly number[])[];
  /** What is to be known of these figures, in sentences. */
  readonly notes: readonly string[];
}

export function evaluationOf(found: Evaluation, views: ViewsName = 'image'): EvaluationResult {
  const { path, line, pixels, dataset, measured, images, own, accuracy, loss, classes, confusion, notes } = found;
  return {
    network: path,
    line,
    pixels,
    dataset,
    part: measured === 'all' ? 'all' : 'test',
    views,
    images,
    own,
    accuracy,
    balancedAccuracy: accuracyByClass(confusion, classes).balanced,
    loss,
    classes,
    perClass: classCounts(confusion).map((counts, index) => ({
      name: classes[index] ?? String(index),
      images: counts.images,
      accuracy: counts.images === 0 ? null : counts.right / counts.images,
    })),
    confusion,
    notes,
  };
}

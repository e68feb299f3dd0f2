/** `instar predict`: the most probable classes of image files. */
import { setImmediate } from 'node:timers/promises';
import { bytesOf, type Part } from '../data/dataset.ts';
import { readImage } from '../data/image.ts';
import type { renderingIn } from '../data/reading.ts';
import { meanOfViews } from '../data/views.ts';
import { readBest, renderingOf } from '../run/record/best.ts';
import type { Shape } from '../network/network.ts';
import { softmax } from '../training/measure.ts';
import { namesModel, type NamedFile } from '../run/preparing/named-file.ts';
import { UserError } from '../util/user-error.ts';
import { openEvaluator } from '../run/driving/evaluator.ts';
import { printJson, printLines, type Io } from './io.ts';
import { pixelsFor } from './assumed-pixels.ts';
import { checkKind, openForeignModel, renderingFor, withNamed } from './model.ts';
import type { Given } from './options.ts';
import { columnsOf, padLeft, padRight, truncate } from './text.ts';
import { formatPercent, printable } from '../util/words.ts';

/** Images at a time. */
const batch = 32;

interface Prediction {
  readonly image: string;
  readonly classes: readonly { readonly name: string; readonly probability: number }[];
}

function print(predictions: readonly Prediction[]): string[] {
  const imageWidth = Math.min(60, Math.max(...predictions.map(({ image }) => columnsOf(printable(image)))));
  const nameWidth = Math.min(
    24,
    Math.max(...predictions.flatMap(({ classes }) => classes.map(({ name }) => columnsOf(printable(name))))),
  );
  return predictions.map(({ image, classes }) => {
    const cells = classes.map(({ name, probability }) => {
      return `${padLeft(formatPercent(probability), 7)} ${padRight(truncate(printable(name), nameWidth), nameWidth)}`;
    });
    return `${padRight(printable(image), imageWidth)}  ${cells.join('  ')}`.trimEnd();
  });
}

async function readImages(images: readonly string[], shape: Shape, how: ReturnType<typeof renderingIn>): Promise<Part> {
  const { background, bits = 16, fit } = how;
  const size = bytesOf(shape);
  const bytes = new Uint8Array(images.length * size);
  for (const [index, path] of images.entries()) bytes.set(await readImage(path, shape, { background, bits, fit }), index * size);
  return { images: bytes, labels: new Uint16Array(images.length) };
}

/** The probabilities of each image; (images, classes). */
interface Scores {
  /** What is assumed of the pixels; null for a run. */
  readonly assumption: string | null;
  readonly classes: readonly string[];
  readonly of: (image: number) => readonly number[];
}

async function scoresOfRun(file: NamedFile, images: readonly string[], given: Given<'predict'>, io: Io): Promise<Scores> {
  const best = await readBest(file.path, file.where);
  const { shape, classes } = best.about;
  // All are read first, so that an error comes at once.
  const part = await readImages(images, shape, renderingOf(best));
  const evaluator = await openEvaluator(best, given.engine ?? null, Math.min(batch, images.length), io.environment);
  const everything = Uint32Array.from(images, (_path, index) => index);
  const logits = await meanOfViews(part, shape, given.views ?? 'image', (view) =>
    evaluator.logits(view, everything, () => setImmediate()),
  );
  evaluator.dispose();
  return {
    assumption: null,
    classes,
    of: (image) => softmax(logits.subarray(image * classes.length, (image + 1) * classes.length)),
  };
}

async function scoresOfModel(file: NamedFile, images: readonly string[], given: Given<'predict'>): Promise<Scores> {
  const model = await openForeignModel(file, given);
  try {
    const { input, classes: named, output } = model.classifier;
    if (input.height === null || input.width === null)
      throw new UserError(`${model.where}: has no fixed input size, which predict needs`);
    const shape = { channels: input.channels, height: input.height, width: input.width };
    if (given.pixels === 'normalised') throw new UserError('--pixels normalised needs the images of a dataset; use evaluate');
    const part = await readImages(images, shape, renderingFor(model.classifier, given));
    const { scaling, line } = await pixelsFor(model, given, part, shape, false, null);
    const scores = await meanOfViews(part, shape, given.views ?? 'image', (view) => model.logits(view, shape, scaling));
    const count = scores.length / images.length;
    const classes = named ?? Array.from({ length: count }, (_none, index) => `class ${index}`);
    const row = (image: number): Float32Array => scores.subarray(image * count, (image + 1) * count);
    // Outputs that are probabilities stay as they are.
    const isShare = (values: Float32Array): boolean => values.every((value) => value >= 0 && value <= 1);
    return {
      assumption: line,
      classes,
      of: (image) => (output !== 'logits' && isShare(row(image)) ? Array.from(row(image)) : softmax(row(image))),
    };
  } finally {
    model.close();
  }
}

export async function predictCommand(where: string, images: readonly string[], given: Given<'predict'>, io: Io): Promise<number> {
  const { top = 3 } = given;
  checkKind(where, given);
  const { assumption, classes, of } = await withNamed(where, io, (file) =>
    namesModel(where) ? scoresOfModel(file, images, given) : scoresOfRun(file, images, given, io),
  );
  const predictions = images.map((image, index): Prediction => {
    const shares = of(index);
    const ranked = classes.map((name, position) => ({ name, probability: shares[position] ?? 0 }));
    return { image, classes: ranked.toSorted((a, b) => b.probability - a.probability).slice(0, top) };
  });
  const said = assumption === null ? [] : [printable(assumption)];
  if (given.json === true) {
    // Apart from what programs read.
    printLines(io.err, said);
    printJson(io.out, predictions);
  } else printLines(io.out, [...said, ...print(predictions)]);
  return 0;
}

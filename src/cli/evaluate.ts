/** `instar evaluate`: the best network of a run, or any .onnx classifier, on a dataset. */
import { measurePixels } from '../data/dataset.ts';
import type { Scaling } from '../data/pixel-scales.ts';
import { renderingIn, usualReading } from '../data/reading.ts';
import { meanOfViews } from '../data/views.ts';
import { readBest, renderingOf } from '../run/record/best.ts';
import { readingOf } from '../run/record/config.ts';
import { readRun } from '../run/record/read.ts';
import { setImmediate } from 'node:timers/promises';
import { measureLogits, tally } from '../training/measure.ts';
import { UserError } from '../util/user-error.ts';
import { openEvaluator } from '../run/driving/evaluator.ts';
import { namesModel, type NamedFile } from '../run/preparing/named-file.ts';
import { isNearChance } from '../run/preparing/pixel-evidence.ts';
import { pixelsFor } from './assumed-pixels.ts';
import { imagesFor, measuredWords, type InputSpec, type Measured, type Training } from './evaluated-images.ts';
import { printJson, printLines, type Io } from './io.ts';
import { checkKind, openForeignModel, renderingFor, withNamed } from './model.ts';
import type { Given } from './options.ts';
import { accuracyByClass, describeClasses } from '../run/display/classes.ts';
import { describeViews } from '../run/display/wording.ts';
import { columnsOf, padLeft, padRight, truncate } from './text.ts';
import { formatLoss, formatPercent, plural, printable } from '../util/words.ts';

/** Images at a time, for a file without its run. */
const usualBatch = 128;

/** `loss` is null where the outputs may not be logits. */
interface Evaluation {
  readonly path: string;
  /** `final`, or null for a foreign file. */
  readonly line: string | null;
  /** What a foreign file is given: (pixel/255 − mean)/std, and where that is from, in words; null for a run. */
  readonly pixels: (Scaling & { readonly assumption: string }) | null;
  /** Of the data. */
  readonly dataset: string;
  readonly measured: Measured;
  readonly classes: readonly string[];
  readonly images: number;
  readonly accuracy: number;
  readonly loss: number | null;
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

async function evaluateRun(file: NamedFile, reference: string, given: Given<'evaluate'>, io: Io): Promise<Evaluation> {
  const best = await readBest(file.path, file.where);
  const { classes, shape, line } = best.about;
  const { config } = best;
  const training: Training = { hash: config?.data.hash ?? null, name: best.about.dataset, classes };
  const {
    part,
    name,
    measured: which,
    own,
  } = await imagesFor(
    { classes, ...shape },
    reference,
    training,
    given,
    io,
    // As the run reads its own images, but what is damaged is left out.
    { ...(config === null ? { ...usualReading, ...renderingOf(best) } : readingOf(config)), strict: false },
  );
  const evaluator = await openEvaluator(best, given.engine ?? null, usualBatch, io.environment);
  const everything = Uint32Array.from(part.labels, (_label, index) => index);
  const { confusion, tell } = tally(classes.length);
  const { views = 'image' } = given;
  const logits = await meanOfViews(part, shape, views, (view) => evaluator.logits(view, everything, () => setImmediate()));
  const measured = measureLogits(logits, part.labels, classes.length, tell);
  evaluator.dispose();
  const isRun = own && config !== null;
  const notes = isRun
    ? [
        `Note: this is the run's own data. Its journal has ${plural(readRun(file.path).state.search.readings, 'test evaluation')}; this one is not counted.`,
      ]
    : ownNotes(own, which, name);
  const images = part.labels.length;
  return {
    path: best.path,
    line,
    pixels: null,
    dataset: name,
    measured: which,
    classes,
    images,
    ...measured,
    confusion,
    own: isRun,
    notes,
  };
}

async function evaluateModel(file: NamedFile, reference: string, given: Given<'evaluate'>, io: Io): Promise<Evaluation> {
  const { where } = file;
  const model = await openForeignModel(file, given);
  try {
    const { input, classes: named, count, dataset: trainedOn } = model.classifier;
    const wanted: InputSpec = { classes: named, channels: input.channels, height: input.height, width: input.width };
    const training = named === null || trainedOn === null ? null : { hash: null, name: trainedOn, classes: named };
    const reading = { ...usualReading, ...renderingFor(model.classifier, given) };
    const found = await imagesFor(wanted, reference, training, given, io, reading);
    const { part, name: dataset, measured, own } = found;
    const { fit } = renderingIn(model.classifier.metadata);
    if (own && measured === 'held out' && reading.fit !== fit)
      throw new UserError(
        `--fit ${reading.fit}: which images were held out is known with --fit ${fit} alone; --part all takes all`,
      );
    const classes = named ?? found.classes;
    if (count !== null && classes.length !== count)
      throw new UserError(`${where}: has ${count} classes, but ${dataset} has ${classes.length}`);
    const shape = { ...found.shape, channels: input.channels };
    const known = found.shape.channels === input.channels ? found.normalisation : null;
    const { scaling, line: assumption } = await pixelsFor(
      model,
      given,
      part,
      shape,
      true,
      known ?? measurePixels(part.images, shape),
    );
    const { views = 'image' } = given;
    const logits = await meanOfViews(part, shape, views, (view) => model.logits(view, shape, scaling));
    const outputs = logits.length / Math.max(1, part.labels.length);
    if (outputs !== classes.length)
      throw new UserError(`${where}: returns ${outputs} numbers per image, but there are ${classes.length} classes`);
    const { confusion, tell } = tally(classes.length);
    const { accuracy } = measureLogits(logits, part.labels, outputs, tell);
    const { views: held } = model.classifier;
    const notes = [
      ...ownNotes(own, measured, dataset),
      ...(isNearChance(accuracyByClass(confusion, classes).balanced ?? 1, classes.length)
        ? [
            `This accuracy is near that of chance, ${formatPercent(1 / classes.length)}: what is assumed of the pixels or of the order of the classes may be wrong.`,
          ]
        : []),
      ...(held === null ? [] : [`The file itself averages over ${printable(held)}.`]),
    ];
    const images = part.labels.length;
    const { mean, std } = scaling;
    const pixels = { mean, std, assumption };
    const about = { path: where, line: null, pixels, dataset, measured, classes, images, own: false, notes };
    return { ...about, accuracy, loss: null, confusion };
  } finally {
    model.close();
  }
}

/** The share of a class's images that are right; a dash for a class without images. */
function classAccuracy(row: readonly number[], index: number): string {
  const total = row.reduce((sum, count) => sum + count, 0);
  return total === 0 ? '–' : formatPercent((row[index] ?? 0) / total);
}

function confusionLines(classes: readonly string[], confusion: readonly (readonly number[])[]): string[] {
  const names = classes.map((name) => truncate(printable(name), 16));
  const most = Math.max(...confusion.flat());
  const width = Math.max(4, String(most).length + 1);
  const nameWidth = Math.max(...names.map(columnsOf));
  const rows = confusion.map((row, index) => {
    const cells = row.map((count) => padLeft(count === 0 ? '·' : String(count), width)).join('');
    return `  ${padLeft(String(index + 1), 3)} ${padRight(names[index] ?? '', nameWidth)} ${padLeft(classAccuracy(row, index), 8)} ${cells}`;
  });
  const head = `  ${' '.repeat(3)} ${padRight('class', nameWidth)} ${padLeft('accuracy', 8)} ${classes.map((_name, index) => padLeft(String(index + 1), width)).join('')}`;
  return [head, ...rows];
}

/** More classes than this are listed without their confusions. */
const widestConfusion = 20;

function text(
  { path, line, pixels, dataset, measured, classes, images, accuracy, loss, confusion, notes }: Evaluation,
  { views = 'image' }: Given<'evaluate'>,
): string[] {
  const lines = [
    ...(pixels === null ? [] : [printable(pixels.assumption)]),
    `${path}${line === null ? '' : ` (${line})`} on ${plural(images, ...measuredWords[measured])} of ${printable(dataset)}`,
    `accuracy ${formatPercent(accuracy)}${describeViews(views)}${loss === null ? '' : `, loss ${formatLoss(loss)}`}`,
    ...describeClasses(confusion, classes, measured === 'all' ? 'images' : 'test images'),
    '',
  ];
  if (classes.length <= widestConfusion)
    lines.push(...confusionLines(classes, confusion), '', '  rows: classes; columns: predicted classes');
  else
    lines.push(
      ...confusion.map((row, index) => {
        const total = row.reduce((sum, count) => sum + count, 0);
        return `  ${padRight(truncate(printable(classes[index] ?? ''), 24), 24)} ${total === 0 ? '–' : padLeft(formatPercent((row[index] ?? 0) / total), 8)}`;
      }),
    );
  return notes.length === 0 ? lines : [...lines, '', ...notes];
}

export async function evaluateCommand(where: string, reference: string, given: Given<'evaluate'>, io: Io): Promise<number> {
  checkKind(where, given);
  const evaluation = namesModel(where) ? evaluateModel : evaluateRun;
  const found = await withNamed(where, io, (file) => evaluation(file, reference, given, io));
  if (given.json === true) {
    const { path, line, pixels, dataset, measured, images, own, accuracy, loss, classes, confusion, notes } = found;
    const part = measured === 'all' ? 'all' : 'test';
    const { views = 'image' } = given;
    const printed = {
      network: path,
      line,
      pixels,
      dataset,
      part,
      views,
      images,
      own,
      accuracy,
      balancedAccuracy: accuracyByClass(confusion, classes).balanced,
      loss,
      classes,
      confusion,
      notes,
    };
    printJson(io.out, printed);
  } else printLines(io.out, text(found, given));
  return 0;
}

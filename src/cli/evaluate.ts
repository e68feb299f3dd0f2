/** `instar evaluate`: the best network of a run, or any .onnx classifier, on a dataset. */
import type { Dataset, Part } from '../data/dataset.ts';
import { toGrey } from '../data/image.ts';
import { readDataset } from '../data/read.ts';
import type { DataEvent } from '../data/source.ts';
import { meanOfViews } from '../data/views.ts';
import { readBest } from '../run/record/best.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import { readRun } from '../run/record/read.ts';
import { setImmediate } from 'node:timers/promises';
import { measureLogits, tally } from '../training/measure.ts';
import { UserError } from '../util/user-error.ts';
import { openEvaluator } from '../run/driving/evaluator.ts';
import { printJson, printLines, type Io } from './io.ts';
import { checkKind, isModel, openForeignModel, scaleOf } from './model.ts';
import { pixelScales, type Given } from './options.ts';
import { describeViews } from '../run/display/wording.ts';
import { columnsOf, padLeft, padRight, truncate } from './text.ts';
import { formatLoss, formatPercent, plural, printable } from '../util/words.ts';

/** Images at a time, for a file without its run. */
const usualBatch = 128;

/** The pixels with the network's channels: colours become grey as when images are read, grey becomes three equal channels. */
function withChannels(part: Part, from: number, to: number): Part {
  if (from === to) return part;
  const count = part.labels.length;
  const area = count === 0 ? 0 : part.images.length / count / from;
  const images = new Uint8Array(count * to * area);
  for (let image = 0; image < count; image++) {
    const pixels = part.images.subarray(image * from * area, (image + 1) * from * area);
    if (to === 1) images.set(toGrey(pixels), image * area);
    else for (let channel = 0; channel < to; channel++) images.set(pixels, (image * to + channel) * area);
  }
  return { images, labels: part.labels };
}

/** The images that the network takes. */
interface InputSpec {
  /** Null: the dataset's own. */
  readonly classes: readonly string[] | null;
  readonly channels: number;
  /** Null: any. */
  readonly height: number | null;
  readonly width: number | null;
}

/** The images to be measured, labelled by the network's classes. */
function partFor({ classes, channels, height, width }: InputSpec, dataset: Dataset, all: boolean): Part {
  const { shape } = dataset;
  const missing = dataset.classes.find((name) => classes !== null && !classes.includes(name));
  if (classes !== null && missing !== undefined)
    throw new UserError(
      `${dataset.name}: the network does not know the class ${missing}; it knows ${truncate(classes.join(', '), 200)}`,
    );
  if (shape.height !== (height ?? shape.height) || shape.width !== (width ?? shape.width))
    throw new UserError(
      `${dataset.name}: images of ${shape.channels}×${shape.height}×${shape.width}, but the network takes ${channels}×${height ?? '?'}×${width ?? '?'}`,
    );
  const parts = (all ? [dataset.train, dataset.test] : [dataset.test]).map((part) =>
    withChannels(part, shape.channels, channels),
  );
  const images = new Uint8Array(parts.reduce((sum, part) => sum + part.images.length, 0));
  let at = 0;
  for (const part of parts) {
    images.set(part.images, at);
    at += part.images.length;
  }
  const positions = dataset.classes.map((name, index) => classes?.indexOf(name) ?? index);
  const labels = Uint16Array.from(parts.flatMap((part) => Array.from(part.labels, (label) => positions[label] as number)));
  return { images, labels };
}

/** Images of folders are scaled to the network's size; other datasets keep theirs. */
async function readFor({ height, width }: InputSpec, reference: string, given: Given<'evaluate'>, io: Io): Promise<Dataset> {
  const where = { cacheFolder: cacheFolder(), environment: io.environment, dataFolder: given.data };
  const progress = (event: DataEvent): void => void (event.kind === 'note' && printLines(io.err, [printable(event.message)]));
  const read = async (imageSize?: number): Promise<Dataset> =>
    (await readDataset(reference, { ...where, imageSize, progress })).dataset;
  if (height === null || height !== width) return read();
  try {
    return await read(height);
  } catch (error) {
    if (error instanceof UserError && error.message.startsWith('--image-size')) return read();
    throw error;
  }
}

/** `loss` is null where the outputs may not be logits. */
interface Evaluation {
  readonly path: string;
  /** `final`, or null for a foreign file. */
  readonly line: string | null;
  readonly dataset: Dataset;
  readonly classes: readonly string[];
  readonly images: number;
  readonly accuracy: number;
  readonly loss: number | null;
  readonly confusion: readonly (readonly number[])[];
  /** Whether these are the images that the network was grown with. */
  readonly own: boolean;
  readonly notes: readonly string[];
}

async function evaluateRun(where: string, reference: string, given: Given<'evaluate'>, io: Io): Promise<Evaluation> {
  const best = await readBest(where);
  const { classes, shape, line } = best.about;
  const wanted: InputSpec = { classes, ...shape };
  const dataset = await readFor(wanted, reference, given, io);
  const part = partFor(wanted, dataset, given.part === 'all');
  const evaluator = await openEvaluator(best, given.engine ?? null, usualBatch, io.environment);
  const everything = Uint32Array.from(part.labels, (_label, index) => index);
  const { confusion, tell } = tally(classes.length);
  const { views = 'image' } = given;
  const logits = await meanOfViews(part, shape, views, (view) => evaluator.logits(view, everything, () => setImmediate()));
  const measured = measureLogits(logits, part.labels, classes.length, tell);
  evaluator.dispose();
  const own = best.config !== null && dataset.hash === best.config.data.hash;
  const readings = own ? readRun(where).state.search.readings : 0;
  const notes = own
    ? [`Note: this is the run's own data. Its journal has ${plural(readings, 'test evaluation')}; this one is not counted.`]
    : [];
  return { path: best.path, line, dataset, classes, images: part.labels.length, ...measured, confusion, own, notes };
}

async function evaluateModel(where: string, reference: string, given: Given<'evaluate'>, io: Io): Promise<Evaluation> {
  const model = await openForeignModel(where, given);
  try {
    const { input, classes: named, count } = model.classifier;
    const wanted: InputSpec = { classes: named, channels: input.channels, height: input.height, width: input.width };
    const dataset = await readFor(wanted, reference, given, io);
    const classes = named ?? dataset.classes;
    if (count !== null && classes.length !== count)
      throw new UserError(`${where}: has ${count} classes, but ${dataset.name} has ${classes.length}`);
    const part = partFor(wanted, dataset, given.part === 'all');
    const scale = scaleOf(model.classifier, given, 'normalised');
    const { mean, std } = dataset;
    if (scale === 'normalised' && dataset.shape.channels !== input.channels)
      throw new UserError(
        `${where}: takes ${input.channels} channels, but the images have ${dataset.shape.channels}; use --pixels unit or raw`,
      );
    const shape = { ...dataset.shape, channels: input.channels };
    const { views = 'image' } = given;
    const logits = await meanOfViews(part, shape, views, (view) => model.logits(view, shape, scale, { mean, std }));
    const found = logits.length / Math.max(1, part.labels.length);
    if (found !== classes.length)
      throw new UserError(`${where}: returns ${found} numbers per image, but there are ${classes.length} classes`);
    const { confusion, tell } = tally(classes.length);
    const { accuracy } = measureLogits(logits, part.labels, found, tell);
    const { views: held } = model.classifier;
    const notes = [
      ...(input.elementType === 'uint8' ? [] : [`Input: ${pixelScales[scale]} (--pixels).`]),
      ...(held === null ? [] : [`The file itself averages over ${printable(held)}.`]),
    ];
    const images = part.labels.length;
    return { path: where, line: null, dataset, classes, images, accuracy, loss: null, confusion, own: false, notes };
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
  { path, line, dataset, classes, images, accuracy, loss, confusion, notes }: Evaluation,
  { part, views = 'image' }: Given<'evaluate'>,
): string[] {
  const all = part === 'all';
  const lines = [
    `${path}${line === null ? '' : ` (${line})`} on ${plural(images, all ? 'image' : 'test image')} of ${printable(dataset.name)}`,
    `accuracy ${formatPercent(accuracy)}${describeViews(views)}${loss === null ? '' : `, loss ${formatLoss(loss)}`}`,
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
  const all = given.part === 'all';
  checkKind(where, given);
  const found = await (isModel(where) ? evaluateModel : evaluateRun)(where, reference, given, io);
  if (given.json === true) {
    const { path, line, dataset, images, own, accuracy, loss, classes, confusion, notes } = found;
    const part = all ? 'all' : 'test';
    const { views = 'image' } = given;
    const printed = {
      network: path,
      line,
      dataset: dataset.name,
      part,
      views,
      images,
      own,
      accuracy,
      loss,
      classes,
      confusion,
      notes,
    };
    printJson(io.out, printed);
  } else printLines(io.out, text(found, given));
  return 0;
}

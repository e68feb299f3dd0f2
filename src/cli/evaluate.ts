/** `instar evaluate`: the best network of a run on a dataset. */
import type { Dataset, Part } from '../data/dataset.ts';
import { toGrey } from '../data/image.ts';
import { readDataset } from '../data/read.ts';
import { bytesOf } from '../data/dataset.ts';
import { readBest, type Best } from '../run/best.ts';
import { cacheFolder, readRun } from '../run/open.ts';
import { setImmediate } from 'node:timers/promises';
import { UserError } from '../util/user-error.ts';
import { formatSize, openEvaluator } from './best.ts';
import { printLines, type Io } from './io.ts';
import type { Given } from './given.ts';
import { formatLoss, formatPercent, padLeft, padRight, plural, printable, truncate } from './text.ts';
import { parseChoice } from './values.ts';

/** Images at a time, for a file without its run. */
const usualBatch = 128;

/** The dataset's pixels with the network's channels: colours become grey as they do when images are read, grey becomes three alike. */
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

/** The images to be measured, labelled by the network's classes. */
function partFor(best: Best, dataset: Dataset, all: boolean): Part {
  const { classes, shape } = best.about;
  const missing = dataset.classes.find((name) => !classes.includes(name));
  if (missing !== undefined)
    throw new UserError(
      `${dataset.name}: the network does not know the class ${missing}; it knows ${truncate(classes.join(', '), 200)}`,
    );
  if (dataset.shape.height !== shape.height || dataset.shape.width !== shape.width)
    throw new UserError(`${dataset.name}: images of ${formatSize(dataset.shape)}, but the network takes ${formatSize(shape)}`);
  const parts = (all ? [dataset.train, dataset.test] : [dataset.test]).map((part) =>
    withChannels(part, dataset.shape.channels, shape.channels),
  );
  const images = new Uint8Array(parts.reduce((sum, part) => sum + part.images.length, 0));
  let at = 0;
  for (const part of parts) {
    images.set(part.images, at);
    at += part.images.length;
  }
  const positions = dataset.classes.map((name) => classes.indexOf(name));
  const labels = Uint16Array.from(parts.flatMap((part) => Array.from(part.labels, (label) => positions[label] as number)));
  if (images.length !== labels.length * bytesOf(shape)) throw new Error('bug: images and labels do not fit together');
  return { images, labels };
}

/** A dataset of folders is brought to the network's size; for others `--image-size` is said nothing of. */
async function readFor(best: Best, reference: string, given: Given, io: Io): Promise<Dataset> {
  const { height, width } = best.about.shape;
  const data = given['data'] as string | undefined;
  const read = (imageSize: number | undefined): Promise<{ dataset: Dataset }> =>
    readDataset(reference, {
      cacheFolder: cacheFolder(),
      environment: io.environment,
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(data === undefined ? {} : { dataFolder: data }),
      progress: (event) => void (event.kind === 'note' && printLines(io.err, [printable(event.message)])),
    });
  if (height !== width) return (await read(undefined)).dataset;
  try {
    return (await read(height)).dataset;
  } catch (error) {
    if (error instanceof UserError && error.message.startsWith('--image-size')) return (await read(undefined)).dataset;
    throw error;
  }
}

function confusionLines(classes: readonly string[], confusion: readonly (readonly number[])[]): string[] {
  const names = classes.map((name) => truncate(printable(name), 16));
  const most = Math.max(...confusion.flat());
  const width = Math.max(4, String(most).length + 1);
  const nameWidth = Math.max(...names.map((name) => name.length));
  const rows = confusion.map((row, index) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const right = row[index] ?? 0;
    const accuracy = total === 0 ? '–' : formatPercent(right / total);
    const cells = row.map((count) => padLeft(count === 0 ? '·' : String(count), width)).join('');
    return `  ${padLeft(String(index + 1), 3)} ${padRight(names[index] ?? '', nameWidth)} ${padLeft(accuracy, 8)} ${cells}`;
  });
  const head = `  ${' '.repeat(3)} ${padRight('class', nameWidth)} ${padLeft('right', 8)} ${classes.map((_name, index) => padLeft(String(index + 1), width)).join('')}`;
  return [head, ...rows];
}

/** More classes than this are listed without their confusions. */
const widestConfusion = 20;

export async function evaluateCommand(where: string, reference: string, given: Given, io: Io): Promise<number> {
  const partText = given['part'] as string | undefined;
  const all = partText !== undefined && parseChoice('--part', partText, ['test', 'all'] as const) === 'all';
  const best = await readBest(where);
  const dataset = await readFor(best, reference, given, io);
  const part = partFor(best, dataset, all);
  const evaluator = await openEvaluator(best, given, usualBatch, io);
  const everything = Uint32Array.from(part.labels, (_label, index) => index);
  const breathe = (): Promise<void> => setImmediate();
  const { accuracy, loss, confusion } = await evaluator.measure(part, everything, breathe);
  evaluator.dispose();
  const own = best.config !== null && dataset.hash === best.config.data.hash;
  const { classes } = best.about;
  if (given['json'] === true) {
    const { path, about } = best;
    printLines(io.out, [
      JSON.stringify({
        network: path,
        line: about.line,
        dataset: dataset.name,
        part: all ? 'all' : 'test',
        images: part.labels.length,
        own,
        accuracy,
        loss,
        classes,
        confusion,
      }),
    ]);
    return 0;
  }
  const lines = [
    `${best.path} (${best.about.line}) on ${plural(part.labels.length, all ? 'image' : 'test image')} of ${printable(dataset.name)}`,
    `accuracy ${formatPercent(accuracy)}, loss ${formatLoss(loss)}`,
    '',
  ];
  if (classes.length <= widestConfusion)
    lines.push(...confusionLines(classes, confusion), '', '  a row a class; columns: what the network saw');
  else
    lines.push(
      ...confusion.map((row, index) => {
        const total = row.reduce((sum, count) => sum + count, 0);
        return `  ${padRight(truncate(printable(classes[index] ?? ''), 24), 24)} ${total === 0 ? '–' : padLeft(formatPercent((row[index] ?? 0) / total), 8)}`;
      }),
    );
  if (own) {
    const { readings } = readRun(where).state.search;
    lines.push(
      '',
      `Note: this is the run's own data. Its journal counts ${plural(readings, 'reading')} of the test set; this one is not counted there.`,
    );
  }
  printLines(io.out, lines);
  return 0;
}

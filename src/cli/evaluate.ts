/** `instar evaluate`: the best network of a run, or any .onnx classifier, on a dataset. */
import type { Measured } from '../inference/evaluated-images.ts';
import { evaluateNetwork, evaluationOf, type Evaluation } from '../inference/evaluation.ts';
import { openNetwork } from '../inference/open.ts';
import type { Given } from '../options/commands.ts';
import { describeClasses } from '../run/display/classes.ts';
import { describeViews } from '../run/display/wording.ts';
import { formatLoss, formatPercent, plural, printable } from '../util/words.ts';
import { worldOf } from './data-lines.ts';
import { printJson, printLines, type Io } from './io.ts';
import { columnsOf, padLeft, padRight, truncate } from './text.ts';

/** Behind the number of images: `test images`, `images that are held out`. */
const measuredWords: { readonly [M in Measured]: readonly [one: string, several: string] } = {
  test: ['test image', 'test images'],
  'held out': ['test image', 'test images (held out: 15 % of the folder)'],
  all: ['image', 'images (all that are there)'],
};

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
  const network = await openNetwork(where, given, worldOf(io));
  const found = await evaluateNetwork(network, reference, given, worldOf(io)).finally(() => network.close());
  if (given.json === true) printJson(io.out, evaluationOf(found, given.views));
  else printLines(io.out, text(found, given));
  return 0;
}

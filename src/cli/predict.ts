/** `instar predict`: the most probable classes of image files. */
import { openNetwork } from '../inference/open.ts';
import { openPredictor } from '../inference/predictor.ts';
import { ranked, type ClassProbability } from '../inference/ranked.ts';
import type { Given } from '../options/commands.ts';
import { formatPercent, printable } from '../util/words.ts';
import { worldOf } from './data-lines.ts';
import { printJson, printLines, type Io } from './io.ts';
import { columnsOf, padLeft, padRight, truncate } from './text.ts';

interface Prediction {
  readonly image: string;
  readonly classes: readonly ClassProbability[];
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

export async function predictCommand(where: string, images: readonly string[], given: Given<'predict'>, io: Io): Promise<number> {
  const { top = 3, views } = given;
  const network = await openNetwork(where, given, worldOf(io));
  try {
    const predictor = await openPredictor(network);
    const all = await predictor.probabilities(images, String, { views });
    const predictions = images.map((image, index): Prediction => ({
      image,
      classes: ranked(predictor.classes, all[index] ?? [], top),
    }));
    const said = network.kind === 'run' || predictor.pixels === null ? [] : [printable(predictor.pixels.line)];
    if (given.json === true) {
      // Apart from what programs read.
      printLines(io.err, said);
      printJson(io.out, predictions);
    } else printLines(io.out, [...said, ...print(predictions)]);
  } finally {
    await network.close();
  }
  return 0;
}

/** The probabilities that an open network gives to images. `instar predict` and the models of the library compute by it. */
import { bytesOf, type Part } from '../data/dataset.ts';
import { limitMemory } from '../data/memory-limit.ts';
import { ofRange } from '../data/pixel-scales.ts';
import type { renderingIn } from '../data/reading.ts';
import { meanOfViews } from '../data/views.ts';
import { freeMemory } from '../execution/resources.ts';
import type { Shape } from '../network/network.ts';
import type { ViewsName } from '../network/views.ts';
import { softmax } from '../training/measure.ts';
import { UserError } from '../util/user-error.ts';
import { pixelsFor, saidPixels, type AssumedPixels } from './assumed-pixels.ts';
import { readImages, type ImageInput } from './images.ts';
import { renderingFor, type ModelNetwork, type OpenNetwork } from './open.ts';
import type { RunNetwork } from './run-network.ts';
import { orAborted } from './turns.ts';

export interface Asked {
  /** Default: the image alone. */
  readonly views?: ViewsName | undefined;
  /** Aborting it rejects with the signal's reason, at once. */
  readonly signal?: AbortSignal | undefined;
}

export interface Predictor {
  readonly classes: readonly string[];
  readonly shape: Shape;
  readonly rendering: ReturnType<typeof renderingIn>;
  /** How pixels are scaled, and why; null where a model does not say it and was given no image yet. */
  readonly pixels: AssumedPixels | null;
  /** For each image the probability of each class. `called`: an image without a path in messages. */
  probabilities(images: readonly ImageInput[], called: (index: number) => string, asked: Asked): Promise<readonly number[][]>;
}

/** Images that are decoded and computed at a time. */
const batch = 32;

type Scores = (part: Part, asked: Asked) => Promise<readonly number[][]>;

/** Row-major (images, classes) as rows. */
function rowsOf(scores: Float32Array, images: number): readonly Float32Array[] {
  const count = scores.length / Math.max(1, images);
  return Array.from({ length: images }, (_none, image) => scores.subarray(image * count, (image + 1) * count));
}

function predictorOf(
  { classes, shape, rendering }: Pick<Predictor, 'classes' | 'shape' | 'rendering'>,
  pixels: () => AssumedPixels | null,
  scores: Scores,
): Predictor {
  const limit = limitMemory(freeMemory());
  return {
    classes,
    shape,
    rendering,
    get pixels() {
      return pixels();
    },
    async probabilities(images, called, asked) {
      const all: number[][] = [];
      for (let from = 0; from < images.length; from += batch) {
        asked.signal?.throwIfAborted();
        const some = images.slice(from, from + batch);
        const part = await orAborted(
          readImages(some, (index) => called(from + index), shape, rendering, limit),
          asked.signal,
        );
        all.push(...(await scores(part, asked)));
      }
      return all;
    },
  };
}

function ofRun(network: RunNetwork): Predictor {
  const { classes, shape, mean, std } = network.best.about;
  const pixels = { scaling: { mean, std }, line: `${network.best.path} normalises pixels as in its training` };
  return predictorOf(
    { classes, shape, rendering: renderingFor(network) },
    () => pixels,
    async (part, { views = 'image', signal }) =>
      rowsOf(await network.scores(part, views, signal), part.labels.length).map(softmax),
  );
}

// Outputs that are probabilities stay as they are.
const isShare = (values: Float32Array): boolean => values.every((value) => value >= 0 && value <= 1);

async function ofModel(network: ModelNetwork): Promise<Predictor> {
  const { model, given } = network;
  const { input, output, classes: named, count } = model.classifier;
  if (input.height === null || input.width === null)
    throw new UserError(`${model.where}: has no fixed input size, which predict needs`);
  const shape = { channels: input.channels, height: input.height, width: input.width };
  let known = saidPixels(model, given, null);
  let finding: Promise<AssumedPixels> | null = known === null ? null : Promise.resolve(known);
  // By the first images alone: what a network says of an image must not change with what was asked before.
  const scalingFor = async (part: Part): Promise<AssumedPixels> => {
    finding ??= pixelsFor(model, given, part, shape, false, null);
    known = await finding;
    return known;
  };
  const scores: Scores = async (part, { views = 'image', signal }) => {
    const { scaling } = await scalingFor(part);
    const found = await meanOfViews(part, shape, views, (view) => model.logits(view, shape, scaling, signal));
    return rowsOf(found, part.labels.length).map((row) => (output !== 'logits' && isShare(row) ? Array.from(row) : softmax(row)));
  };
  const outputs = async (): Promise<number> => {
    const black: Part = { images: new Uint8Array(bytesOf(shape)), labels: new Uint16Array(1) };
    return (await model.logits(black, shape, ofRange('0-1', shape.channels))).length;
  };
  const classes = named ?? Array.from({ length: count ?? (await outputs()) }, (_none, index) => `class ${index}`);
  return predictorOf({ classes, shape, rendering: renderingFor(network) }, () => known, scores);
}

/** A UserError for a model that takes images of any size. */
export const openPredictor = async (network: OpenNetwork): Promise<Predictor> =>
  network.kind === 'run' ? ofRun(network) : ofModel(network);

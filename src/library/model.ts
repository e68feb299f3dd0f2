/** Trained networks that a program holds open. */
import type { DataEvent } from '../data/source.ts';
import type { Fit } from '../data/fit.ts';
import type { PixelScale } from '../data/pixel-scales.ts';
import type { EngineName } from '../engine/engine.ts';
import type { World } from '../inference/evaluated-images.ts';
import { evaluateNetwork, evaluationOf, type EvaluationResult } from '../inference/evaluation.ts';
import type { ImageInput } from '../inference/images.ts';
import { openNetwork, type OpenNetwork } from '../inference/open.ts';
import { openPredictor } from '../inference/predictor.ts';
import { ranked, type ClassProbability } from '../inference/ranked.ts';
import { orAborted } from '../inference/turns.ts';
import type { Shape } from '../network/network.ts';
import type { ViewsName } from '../network/views.ts';
import { checkEvaluate, checkImage, checkLoad, checkNetwork, checkPredict, checkRoot } from '../options/check.ts';
import { saying } from '../options/library-words.ts';
import { UserError } from '../util/user-error.ts';

export interface LoadOptions {
  /** What computes the network of a run. Default: as in the run. */
  readonly engine?: EngineName | 'auto';
  /** Scale of the pixels that an .onnx model takes. Default: as its file says, else what is found by trying. */
  readonly pixels?: PixelScale;
  /** What is taken off its pixels: a number for each channel, or one for all. */
  readonly mean?: readonly number[];
  /** What they are divided by, likewise. */
  readonly std?: readonly number[];
  /** How images become as large as an .onnx model takes them. Default: as its file says, else `crop`. */
  readonly fit?: Fit;
  /** Memory of the process that runs an .onnx model: bytes, or such as `'2G'`. Default: 4 GiB. */
  readonly maxMemory?: number | string;
  /** Time to open an .onnx model, and for each minibatch: seconds, or such as `'2m'`. Default: two minutes. */
  readonly timeout?: number | string;
  readonly signal?: AbortSignal;
  /** Progress and notes, such as of the download of an address. */
  readonly onData?: (event: DataEvent) => void;
}

export interface PredictOptions {
  /** Classes of an image, at most. Default: all. */
  readonly top?: number;
  /** Views of an image whose logits are averaged. Default: the image alone. */
  readonly views?: ViewsName;
  /** Aborting it rejects at once, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The classes of an image, the most probable first. */
export type Prediction = readonly ClassProbability[];

/** How an image file becomes the numbers that the network takes. */
export interface Preprocessing {
  /** How images of other proportions are brought to size. */
  readonly fit: Fit;
  /** What transparent images lie on: `#rrggbb`. */
  readonly background: string;
  /** Of images with 16 bits a channel, how many are used. */
  readonly bits: number;
  /**
   * The network takes (pixel/255 − mean)/std, a number for each channel. Null for a model that does not say it, until it was given its
   * first images: by them it is found, and stays.
   */
  readonly mean: readonly number[] | null;
  readonly std: readonly number[] | null;
  /** Where that is from, or that it is assumed: a sentence. */
  readonly words: string;
}

/** A trained network in memory. Calls may overlap: minibatches are computed in turns. */
export interface Model extends AsyncDisposable {
  /** As it was named. */
  readonly path: string;
  readonly classes: readonly string[];
  /** Of the images that it takes: channels (1 or 3), height, width. */
  readonly shape: Shape;
  readonly preprocessing: Preprocessing;
  /**
   * The classes of an image, the most probable first; of an array, of each image. Arrays may have any length: they are decoded and
   * computed 32 at a time. The same probabilities as those of `instar predict`.
   *
   * A UserError names an image that cannot be read (`INSTAR_WRONG_IMAGE`, `INSTAR_NOT_FOUND`).
   */
  predict(image: ImageInput, options?: PredictOptions): Promise<Prediction>;
  predict(images: readonly ImageInput[], options?: PredictOptions): Promise<readonly Prediction[]>;
  /** Frees it. Calls that go on, and later ones, reject with a UserError (`INSTAR_DISPOSED`). */
  dispose(): Promise<void>;
}

/** What `evaluate` needs of the models that `load` made. */
const opened = new WeakMap<object, { readonly network: OpenNetwork; readonly signalOf: (given?: AbortSignal) => AbortSignal }>();

const nothing = (): void => undefined;

const worldOf = (onData: LoadOptions['onData'], signal: AbortSignal | undefined): World => ({
  environment: process.env,
  progress: onData ?? nothing,
  ...(signal === undefined ? {} : { signal }),
});

type Opening = Parameters<typeof openNetwork>[1];

/** Opens a network; where it is aborted meanwhile, what was opened is closed again. */
async function opening(path: string, given: Opening, world: World): Promise<OpenNetwork> {
  world.signal?.throwIfAborted();
  const open = openNetwork(path, given, world);
  try {
    return await orAborted(open, world.signal);
  } catch (error) {
    void open.then(
      (late) => late.close(),
      () => undefined,
    );
    throw error;
  }
}

/** Opens the best network of a run (its folder, its `best.safetensors`) or an .onnx model, by a path or an address with its hash. */
export async function load(network: string, options: LoadOptions = {}): Promise<Model> {
  const path = checkNetwork(network);
  const { signal, onData, ...given } = checkLoad(options);
  return saying('model', async () => {
    const open = await opening(path, given as Opening, worldOf(onData, signal));
    try {
      return await modelOf(path, open);
    } catch (error) {
      await open.close();
      throw error;
    }
  });
}

async function modelOf(path: string, network: OpenNetwork): Promise<Model> {
  const predictor = await openPredictor(network);
  const { classes, shape, rendering } = predictor;
  const ending = new AbortController();
  const signalOf = (given?: AbortSignal): AbortSignal =>
    given === undefined ? ending.signal : AbortSignal.any([ending.signal, given]);
  let closing: Promise<void> | null = null;

  async function predict(input: ImageInput | readonly ImageInput[], options: PredictOptions = {}) {
    ending.signal.throwIfAborted();
    const several = Array.isArray(input);
    const images: readonly ImageInput[] = several ? (input as readonly ImageInput[]) : [input as ImageInput];
    const called = (index: number): string => (several ? `images[${index}]` : 'image');
    images.forEach((image, index) => checkImage(image, called(index)));
    const { top, views, signal } = checkPredict(options);
    const found = await saying('model', () => predictor.probabilities(images, called, { views, signal: signalOf(signal) }));
    const predictions = found.map((probabilities) => ranked(classes, probabilities, top));
    return several ? predictions : predictions[0];
  }
  const dispose = (): Promise<void> => {
    ending.abort(new UserError(`${path}: the model was disposed of`, 'INSTAR_DISPOSED'));
    closing ??= network.close();
    return closing;
  };
  const model: Model = {
    path,
    classes,
    shape,
    get preprocessing() {
      const { fit, background, bits = 16 } = rendering;
      const { pixels } = predictor;
      return {
        fit,
        background,
        bits,
        mean: pixels?.scaling.mean ?? null,
        std: pixels?.scaling.std ?? null,
        words: pixels?.line ?? `${path} does not say how its pixels are scaled: that is found with its first images`,
      };
    },
    predict: predict as Model['predict'],
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
  opened.set(model, { network, signalOf });
  return model;
}

/** Those of `LoadOptions` are for a path; a model has them already. */
export interface EvaluateOptions extends LoadOptions {
  /** Which images: those of the test, or all. Default: `test`; of a folder without test images that is not the network's own `all`. */
  readonly part?: 'test' | 'all';
  /** A table (CSV, TSV) with the labels of images. Default: found beside them. */
  readonly labels?: string;
  /** Its column of labels, a name or a number from 1. Default: found by content. */
  readonly labelColumn?: string;
  /** The folder with the files of a named dataset. */
  readonly dataFolder?: string;
  /** Views of an image whose logits are averaged. Default: the image alone. */
  readonly views?: ViewsName;
}

/**
 * Measures how often a network is right on a dataset (as `search` takes one): on its test images, on those that were held out, or on all
 * (`part`).
 */
export async function evaluate(network: Model | string, data: string, options: EvaluateOptions = {}): Promise<EvaluationResult> {
  const held = typeof network === 'object' && network !== null ? opened.get(network) : undefined;
  const path = held === undefined ? checkNetwork(network) : null;
  const reference = checkRoot('data', data);
  const {
    signal: given,
    onData,
    part,
    labels,
    labelColumn,
    dataFolder,
    views,
    ...rest
  } = checkEvaluate(options, held !== undefined);
  const signal = held === undefined ? given : held.signalOf(given);
  signal?.throwIfAborted();
  const world = worldOf(onData, signal);
  return saying('model', async () => {
    const open = held?.network ?? (await opening(path as string, rest as Opening, world));
    try {
      const asked = Object.fromEntries(
        Object.entries({ part, labels, labelColumn, data: dataFolder, views }).filter(([, value]) => value !== undefined),
      );
      return evaluationOf(await evaluateNetwork(open, reference, asked, world), views);
    } finally {
      if (held === undefined) await open.close();
    }
  });
}

/**
 * Trains the head of a network while the rest stays as it is (a linear probe; Kumar et al. 2022, §2). What the head reads is computed
 * once, and then trained on in a network of the head alone, which takes seconds.
 */
import { balancedOrder } from '../data/balance.ts';
import type { Engine } from '../engine/engine.ts';
import type { LinearHead } from '../network/head.ts';
import { freeze, type Network } from '../network/network.ts';
import { initialTensors, parameterName } from '../network/parameters.ts';
import { classCount } from '../network/shapes.ts';
import { filled, type Tensor, type Tensors } from '../network/tensor.ts';
import { lower } from '../program/lower.ts';
import { must } from '../util/assert.ts';
import { random as randomOf, type Random } from '../util/random.ts';
import type { Images } from './grow.ts';
import { headPasses, JobFailure, type JobContext, type TrainingJob } from './job.ts';
import { createEvaluator, measureLogits } from './measure.ts';

/** Bytes of features, at most. */
const mostBytes = 2 ** 28;
/** Epochs of the head, images a minibatch, and weight decays that are tried: that of the lowest loss on images left out is taken. */
const epochs = 30;
const minibatch = 64;
const decays = [1e-3, 1e-2, 3e-2, 1e-1, 3e-1];

/** What a head reads of some images. */
export interface Features {
  /** Row-major (images, features). */
  readonly values: Float32Array;
  /** (images) */
  readonly labels: Uint16Array;
  readonly width: number;
}

/** Writes a batch of images from `first` on, and returns how many. */
type Fill = (first: number, images: Float32Array, labels: Float32Array) => number;

/** Where features are computed: with running statistics. */
interface Body {
  of(count: number, fill: Fill, labelAt: (image: number) => number, told: (done: number) => void): Promise<Features>;
  dispose(): void;
}

async function openBody(
  engine: Engine,
  head: LinearHead,
  tensors: Tensors,
  { batch, dataset }: Images,
  { convolution }: TrainingJob['engine'],
  breathe: () => Promise<void>,
): Promise<Body> {
  const { averaged, features: width } = head;
  const program = lower(head.body, batch, { kind: 'evaluation' });
  const session = await engine.compile(program, convolution);
  session.load(tensors);
  const output = must(program.logits, 'features');
  const unread = new Float32Array(batch * dataset.classes.length);
  return {
    async of(count, fill, labelAt, told) {
      const values = new Float32Array(count * width);
      for (let first = 0; first < count; first += batch) {
        const some = fill(first, session.input(program.images), unread);
        await session.run();
        const made = session.output(output);
        const pixels = averaged ? made.length / batch / width : 1;
        for (let at = 0; at < some * width; at++) {
          let sum = 0;
          for (let pixel = 0; pixel < pixels; pixel++) sum += made[at * pixels + pixel] as number;
          values[first * width + at] = sum / pixels;
        }
        told(first + some);
        await breathe();
      }
      return { values, labels: Uint16Array.from({ length: count }, (_none, image) => labelAt(image)), width };
    },
    dispose: () => session.dispose(),
  };
}

interface Scale {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Of each feature. One that is constant has deviation 1. */
function scaleOf({ values, width, labels }: Features): Scale {
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (let at = 0; at < values.length; at++) (mean[at % width] as number) += (values[at] as number) / labels.length;
  for (let at = 0; at < values.length; at++)
    (deviation[at % width] as number) += ((values[at] as number) - (mean[at % width] as number)) ** 2 / labels.length;
  return { mean, deviation: deviation.map((variance) => (variance > 0 ? Math.sqrt(variance) : 1)) };
}

/** Mean 0 and deviation 1, in place. */
function scale({ values, width }: Features, { mean, deviation }: Scale): void {
  for (let at = 0; at < values.length; at++)
    values[at] = ((values[at] as number) - (mean[at % width] as number)) / (deviation[at % width] as number);
}

/** Images that the curvature is measured on, at most, and steps of the power iteration. */
const measuredImages = 2000;
const powerSteps = 15;

/** The largest eigenvalue of the features' second moments, about: the curvature of the loss is at most half of it. */
function curvatureOf({ values, width, labels }: Features): number {
  const every = Math.ceil(labels.length / measuredImages);
  let direction = Float64Array.from({ length: width }, () => 1 / Math.sqrt(width));
  let largest = 1;
  for (let step = 0; step < powerSteps; step++) {
    const next = new Float64Array(width);
    let rows = 0;
    for (let row = 0; row < labels.length; row += every, rows++) {
      let along = 0;
      for (let at = 0; at < width; at++) along += (values[row * width + at] as number) * (direction[at] as number);
      for (let at = 0; at < width; at++) (next[at] as number) += along * (values[row * width + at] as number);
    }
    const length = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0)) return 1;
    largest = length / rows;
    direction = next.map((value) => value / length);
  }
  return largest;
}

/** The features as images of one pixel, and the head as a network of its own. */
const alone = (width: number, classes: number): Network =>
  freeze([
    { id: 0, layer: { kind: 'image', shape: { channels: width, height: 1, width: 1 } }, inputs: [] },
    { id: 1, layer: { kind: 'dense', features: classes }, inputs: [0] },
  ]);

const [kernelName, biasName] = [parameterName(1, 'kernel'), parameterName(1, 'bias')];

/** Kernel (classes, features), bias (classes). */
interface Solution {
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

/** Row-major (images, classes). */
function logitsOf({ values, width, labels }: Features, { kernel, bias }: Solution): Float32Array {
  const classes = bias.length;
  const logits = new Float32Array(labels.length * classes);
  for (let image = 0; image < labels.length; image++)
    for (let label = 0; label < classes; label++) {
      let sum = bias[label] as number;
      for (let at = 0; at < width; at++) sum += (values[image * width + at] as number) * (kernel[label * width + at] as number);
      logits[image * classes + label] = sum;
    }
  return logits;
}

interface Fitting {
  readonly engine: Engine;
  readonly features: Features;
  readonly classes: number;
  readonly rate: number;
  readonly balanced: boolean;
  readonly random: Random;
  readonly breathe: () => Promise<void>;
}

/** Softmax regression from zero, by minibatches, whose rate falls evenly to zero. */
async function solve({ engine, features, classes, rate, balanced, random, breathe }: Fitting, decay: number): Promise<Solution> {
  const { values, labels, width } = features;
  const batch = Math.min(minibatch, labels.length);
  const network = alone(width, classes);
  const learning = { optimizer: 'nesterov', momentum: 0.9, weightDecay: decay } as const;
  const program = lower(network, batch, { kind: 'training', learning });
  const session = await engine.compile(program, 'direct');
  try {
    const initial = Object.entries(initialTensors(network, random));
    session.load(Object.fromEntries(initial.map(([name, { shape }]): [string, Tensor] => [name, filled(shape, 0)])));
    const inputs = session.input(program.images);
    const targets = session.input(must(program.labels, 'labels'));
    const rates = session.input(must(program.rate, 'rate'));
    const perEpoch = Math.floor(labels.length / batch);
    const pool = Uint32Array.from(labels.keys());
    for (let epoch = 0; epoch < epochs; epoch++) {
      const stream = random.fork(`epoch ${epoch}`);
      const order = balanced ? balancedOrder(labels, pool, stream) : stream.permutation(pool.length);
      for (let index = 0; index < perEpoch; index++) {
        targets.fill(0);
        for (let row = 0; row < batch; row++) {
          const image = order[index * batch + row] as number;
          inputs.set(values.subarray(image * width, (image + 1) * width), row * width);
          targets[row * classes + (labels[image] as number)] = 1;
        }
        rates[0] = rate * (1 - (epoch + index / perEpoch) / epochs);
        await session.run();
      }
      await breathe();
    }
    const saved = session.save();
    return { kernel: must(saved[kernelName], 'kernel').data, bias: must(saved[biasName], 'bias').data };
  } finally {
    session.dispose();
  }
}

/** With fewer validation images the decay is chosen by cross-validation, in so many folds. */
const fewValidated = 200;
const folds = 5;

/** The rows that are in a fold, or all others. */
function rowsOf({ values, labels, width }: Features, isTaken: (row: number) => boolean): Features {
  const rows = [...labels.keys()].filter(isTaken);
  const taken = new Float32Array(rows.length * width);
  rows.forEach((row, at) => taken.set(values.subarray(row * width, (row + 1) * width), at * width));
  return { values: taken, labels: Uint16Array.from(rows, (row) => labels[row] as number), width };
}

/** Features to fit on, each row's image, and those to choose the decay by. */
interface Choice {
  readonly train: Features;
  readonly images: Uint32Array;
  readonly validation: Features;
}

/** What each decay leaves to choose by: its loss on the validation images, or, where those are few, on folds of the training images. */
async function lossOf(
  fitting: Fitting,
  { train, images, validation }: Choice,
  decay: number,
  solution: Solution,
): Promise<number> {
  const { classes } = fitting;
  if (validation.labels.length >= fewValidated)
    return measureLogits(logitsOf(validation, solution), validation.labels, classes).loss;
  const foldOf = new Map([...new Set(images)].map((image, at) => [image, at % folds]));
  let [sum, count] = [0, 0];
  for (let fold = 0; fold < folds; fold++) {
    const isOut = (row: number): boolean => foldOf.get(images[row] as number) === fold;
    const [inside, outside] = [rowsOf(train, (row) => !isOut(row)), rowsOf(train, isOut)];
    if (inside.labels.length === 0 || outside.labels.length === 0) continue;
    const solved = await solve({ ...fitting, features: inside }, decay);
    sum += outside.labels.length * measureLogits(logitsOf(outside, solved), outside.labels, classes).loss;
    count += outside.labels.length;
  }
  return sum / count;
}

/** The head of the decay of the lowest loss, for features as they are: `train` and `validation` are scaled in place. */
async function fit(fitting: Omit<Fitting, 'features' | 'rate'>, choice: Choice): Promise<Solution & { readonly loss: number }> {
  const { train, validation } = choice;
  const { classes } = fitting;
  const { width } = train;
  const own = scaleOf(train);
  scale(train, own);
  scale(validation, own);
  const all = { ...fitting, features: train, rate: 1 / curvatureOf(train) };
  let best: { readonly solution: Solution; readonly loss: number } | undefined;
  for (const decay of decays) {
    const solution = await solve(all, decay);
    const loss = await lossOf(all, choice, decay, solution);
    if (!(loss >= (best?.loss ?? Infinity))) best = { solution, loss };
  }
  const { solution } = must(best, 'solution');
  const { loss } = measureLogits(logitsOf(train, solution), train.labels, classes);
  const kernel = solution.kernel.map((value, at) => value / (own.deviation[at % width] as number));
  const bias = solution.bias.map((value, label) => {
    let sum = 0;
    for (let at = 0; at < width; at++) sum += (kernel[label * width + at] as number) * (own.mean[at] as number);
    return value - sum;
  });
  return { kernel, bias, loss };
}

/**
 * Trains the head of a job's network, and reports it as one epoch; the minibatches are those that computing the features costs.
 * Returns the hash of its checkpoint.
 */
export async function trainHead(
  job: TrainingJob,
  head: LinearHead,
  tensors: Tensors,
  images: Images,
  { engine, checkpoints, report, breathe }: JobContext,
): Promise<string> {
  const { network, key } = job;
  const { count } = job.minibatches;
  const { dataset, batcher, train, validation } = images;
  const classes = classCount(network);
  const balanced = job.balanced === true;
  const labelOf = (index: number): number => dataset.train.labels[index] as number;
  const rows = Math.max(1, Math.floor(mostBytes / 4 / head.features));
  // Of very many images some.
  const order = randomOf(...key, 'head', 'order').permutation(headPasses * train.length);
  const pool = Uint32Array.from(order.slice(0, rows), (at) => train[at % train.length] as number);
  const total = pool.length + validation.length;
  const told = (done: number): void =>
    report({ kind: 'progress', done: Math.min(count - 1, Math.floor((count * done) / total)), loss: Math.log(classes) });
  const body = await openBody(engine, head, tensors, images, job.engine, breathe);
  let features: { readonly train: Features; readonly validation: Features };
  try {
    features = {
      train: await body.of(
        pool.length,
        (first, pixels, labels) =>
          batcher.fillAugmented(pool, first, randomOf(...key, 'head', 'augmentation', first), pixels, labels, first % 2),
        (at) => labelOf(pool[at] as number),
        told,
      ),
      validation: await body.of(
        validation.length,
        (first, pixels, labels) => batcher.fillClean(dataset.train, validation, first, pixels, labels),
        (at) => labelOf(validation[at] as number),
        (done) => told(pool.length + done),
      ),
    };
  } finally {
    body.dispose();
  }
  const fitted = await fit(
    { engine, classes, balanced, random: randomOf(...key, 'head'), breathe },
    { ...features, images: pool },
  );
  const own = (role: 'kernel' | 'bias'): [string, Tensor] => {
    const name = parameterName(head.node.id, role);
    return [name, { shape: must(tensors[name], name).shape, data: fitted[role] }];
  };
  const hasBias = tensors[parameterName(head.node.id, 'bias')] !== undefined;
  const made = { ...tensors, ...Object.fromEntries([own('kernel'), ...(hasBias ? [own('bias')] : [])]) };
  const evaluator = await createEvaluator(engine, network, batcher, job.engine.convolution);
  try {
    evaluator.load(made);
    const measured = await evaluator.measure(dataset.train, validation, breathe, { balanced });
    if (!Number.isFinite(measured.loss)) throw new JobFailure('diverged', 'the validation loss is not finite');
    const checkpoint = await checkpoints.write({ network, tensors: made });
    report({ kind: 'epoch', done: count, epoch: 1, loss: fitted.loss, validation: measured, checkpoint });
    return checkpoint;
  } finally {
    evaluator.dispose();
  }
}

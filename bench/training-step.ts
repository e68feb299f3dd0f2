/** One training step as in a run: batch preparation with all of the paper's augmentations, the program, and reading the loss. */
import { createBatcher } from '../src/data/batches.ts';
import { datasetOf, measurePixels, type Dataset } from '../src/data/dataset.ts';
import type { ConvolutionAlgorithms, Engine, Session } from '../src/engine/engine.ts';
import type { Network } from '../src/network/network.ts';
import { inputShapeOf, outputOf } from '../src/network/network.ts';
import { initialTensors } from '../src/network/parameters.ts';
import { lower } from '../src/program/lower.ts';
import type { Program } from '../src/program/program.ts';
import { must } from '../src/util/assert.ts';
import { random } from '../src/util/random.ts';
import { timed, type Contender } from './measure.ts';

export const classes = 10;

/** Random pixels; the time of a step does not depend on them. */
function noise(network: Network, images: number): Dataset {
  const shape = inputShapeOf(network);
  const stream = random('bench', 'pixels');
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count * shape.channels * shape.height * shape.width }, () => stream.integer(256));
  const labels = (count: number): Uint16Array => Uint16Array.from({ length: count }, (_, index) => index % classes);
  const train = { images: bytes(images), labels: labels(images) };
  const test = { images: bytes(classes), labels: labels(classes) };
  const names = Array.from({ length: classes }, (_, index) => `class ${index}`);
  return datasetOf('noise', 'noise', {
    classes: names,
    shape,
    train,
    test,
    ...measurePixels(train.images, shape),
    flip: true,
  });
}

export const trainingProgram = (network: Network, batch: number): Program =>
  lower(network, batch, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } });

export interface TrainingContender extends Contender {
  readonly session: Session;
}

export async function trainingContender(
  name: string,
  engine: Engine,
  network: Network,
  batch: number,
  algorithms: ConvolutionAlgorithms = 'auto',
): Promise<TrainingContender> {
  if (outputOf(network).layer.kind !== 'dense') throw new Error('a network that ends in a dense layer');
  const program = trainingProgram(network, batch);
  const session = await engine.compile(program, algorithms);
  session.load(initialTensors(network, random('bench', 'weights')));
  const dataset = noise(network, 2 * batch);
  const batcher = createBatcher(dataset, { flip: true, normalise: true, shift: 0.125, cutout: 0.5, mixup: 1 }, batch);
  const order = random('bench', 'order').permutation(dataset.train.labels.length);
  const [images, labels] = [session.input(program.images), session.input(must(program.labels, 'labels'))];
  const rate = session.input(must(program.rate, 'rate'));
  const loss = must(program.loss, 'loss');
  let steps = 0;
  let total = 0;
  return {
    name,
    session,
    step: () =>
      timed(async () => {
        batcher.fillTraining(order, (steps % 2) * batch, random('bench', 'batch', steps++), images, labels);
        rate[0] = 0.01;
        await session.run();
        total += session.output(loss)[0] as number;
        if (!Number.isFinite(total)) throw new Error('the loss diverged');
      }),
    close: () => session.dispose(),
  };
}

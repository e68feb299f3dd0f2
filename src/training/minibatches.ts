/** Trains a network minibatch by minibatch, each in one pass or in several. It knows no data and no schedule. */
import type { Engine } from '../engine/engine.ts';
import type { Network } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { lower } from '../program/lower.ts';
import { must } from '../util/assert.ts';
import { passSize, type TrainingJob } from './job.ts';

export interface Minibatches {
  load(tensors: Tensors): void;
  save(): Tensors;
  /** `fill` writes all images (N, C, H, W) and labels (N, classes). The mean loss before the update; NaN where it diverged. */
  train(fill: (images: Float32Array, labels: Float32Array) => void | Promise<void>, rate: number): Promise<number>;
  dispose(): void;
}

type How = Pick<TrainingJob, 'batch' | 'passes' | 'learning' | 'engine'>;

/** `breathe` is awaited between passes. */
export async function openMinibatches(
  engine: Engine,
  network: Network,
  how: How,
  breathe: () => Promise<void>,
): Promise<Minibatches> {
  const { passes = 1, learning } = how;
  const program = lower(network, passSize(how), { kind: 'training', learning, passes });
  const [labelBuffer, rateBuffer, lossBuffer] = [
    must(program.labels, 'labels'),
    must(program.rate, 'rate'),
    must(program.loss, 'loss'),
  ];
  const session = await engine.compile(program, how.engine.convolution, how.engine.precision);
  const [images, labels] = [session.input(program.images), session.input(labelBuffer)];
  const all =
    passes === 1
      ? { images, labels }
      : { images: new Float32Array(passes * images.length), labels: new Float32Array(passes * labels.length) };
  const take = (part: Float32Array, whole: Float32Array, pass: number): void =>
    part.set(whole.subarray(pass * part.length, (pass + 1) * part.length));
  return {
    load: (tensors) => session.load(tensors),
    save: () => session.save(),
    async train(fill, rate) {
      await fill(all.images, all.labels);
      session.input(rateBuffer)[0] = rate;
      let loss = 0;
      for (let pass = 0; pass < passes; pass++) {
        if (pass > 0) await breathe();
        if (passes > 1) {
          take(images, all.images, pass);
          take(labels, all.labels, pass);
        }
        await session.run(pass);
        loss += session.output(lossBuffer)[0] as number;
      }
      return loss;
    },
    dispose: () => session.dispose(),
  };
}

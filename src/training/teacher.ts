/**
 * Distillation: a trained network gives its predictions as a part of the labels (Hinton et al. 2015). It sees the images as the network does
 * that learns from it, augmented alike (Beyer et al. 2022), and normalises by its running statistics.
 */
import type { Engine } from '../engine/engine.ts';
import { classCount } from '../network/shapes.ts';
import { lower } from '../program/lower.ts';
import { must } from '../util/assert.ts';
import { passSize, type JobContext, type TrainingJob } from './job.ts';
import { softmax } from './measure.ts';
import { evaluationTensors } from './weights.ts';

export interface Teacher {
  /** Puts its predictions, by their share, into the labels (N, classes) of these images (N, C, H, W). */
  teach(images: Float32Array, labels: Float32Array): Promise<void>;
  dispose(): void;
}

/** Adds `share` of the softmax of the logits to what is left of the labels; both (N, classes), from `first` on in the labels. */
export function mixIn(logits: Float32Array, labels: Float32Array, first: number, classes: number, share: number): void {
  for (let row = 0; row < logits.length; row += classes)
    softmax(logits.subarray(row, row + classes)).forEach((probability, label) => {
      const at = first + row + label;
      labels[at] = (1 - share) * (labels[at] as number) + share * probability;
    });
}

export async function openTeacher(
  engine: Engine,
  { network, checkpoint, share }: NonNullable<TrainingJob['teacher']>,
  job: TrainingJob,
  checkpoints: JobContext['checkpoints'],
): Promise<Teacher> {
  const size = passSize(job);
  const classes = classCount(network);
  const program = lower(network, size, { kind: 'evaluation' });
  const session = await engine.compile(program, job.engine.convolution);
  session.load(evaluationTensors(network, (await checkpoints.read(checkpoint)).tensors));
  const output = must(program.logits, 'logits');
  return {
    async teach(images, labels) {
      const input = session.input(program.images);
      for (let pass = 0; pass * size < job.batch; pass++) {
        input.set(images.subarray(pass * input.length, (pass + 1) * input.length));
        await session.run();
        mixIn(session.output(output), labels, pass * size * classes, classes, share);
      }
    },
    dispose: () => session.dispose(),
  };
}

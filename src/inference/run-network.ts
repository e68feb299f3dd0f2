/** The best network of a run, computed by an engine in this process. */
import { bytesOf, type Part } from '../data/dataset.ts';
import { meanOfViews } from '../data/views.ts';
import type { EngineName } from '../engine/engine.ts';
import type { OpenOptions } from '../engine/open.ts';
import type { ViewsName } from '../network/views.ts';
import { openEvaluator } from '../run/driving/evaluator.ts';
import type { NamedFile } from '../run/preparing/named-file.ts';
import { readBest, type Best } from '../run/record/best.ts';
import type { Evaluator } from '../training/measure.ts';
import { createTurns } from './turns.ts';

export interface RunNetwork {
  readonly kind: 'run';
  readonly file: NamedFile;
  readonly best: Best;
  /** Logits, row-major (images, classes); means over the views. */
  scores(part: Part, views: ViewsName, signal?: AbortSignal): Promise<Float32Array>;
  /** After what is being computed. */
  close(): Promise<void>;
}

/** Sizes of minibatches. A network is compiled for each when it is first needed. */
const sizes = [128, 32, 8, 1] as const;

/** The minibatches of so many images: the largest that fit, so that nothing is computed for nobody. */
export function minibatchesOf(images: number): readonly number[] {
  const size = sizes.find((each) => each <= images);
  if (size === undefined) return [];
  const whole = Math.floor(images / size);
  return [...Array.from({ length: whole }, () => size), ...minibatchesOf(images - whole * size)];
}

const nothing = (): Promise<void> => Promise.resolve();

/** `engine`: where it is null, the run's, else what `auto` takes. The engine is opened at once, so that what it lacks is said now. */
export async function openRunNetwork(
  file: NamedFile,
  engine: EngineName | 'auto' | null,
  environment: OpenOptions['environment'],
): Promise<RunNetwork> {
  const best = await readBest(file.path, file.where);
  const { shape, classes } = best.about;
  const evaluators = new Map<number, Promise<Evaluator>>();
  const evaluatorOf = (size: number): Promise<Evaluator> => {
    const made = evaluators.get(size) ?? openEvaluator(best, engine, size, environment);
    evaluators.set(size, made);
    return made;
  };
  await evaluatorOf(1);
  const turns = createTurns();

  async function logits(part: Part, signal?: AbortSignal): Promise<Float32Array> {
    const all = new Float32Array(part.labels.length * classes.length);
    let from = 0;
    for (const size of minibatchesOf(part.labels.length)) {
      const first = from;
      const some: Part = {
        images: part.images.subarray(first * bytesOf(shape), (first + size) * bytesOf(shape)),
        labels: part.labels.subarray(first, first + size),
      };
      const indices = Uint32Array.from(some.labels, (_label, index) => index);
      const found = await turns.take(async () => (await evaluatorOf(size)).logits(some, indices, nothing), signal);
      all.set(found, first * classes.length);
      from += size;
    }
    return all;
  }

  return {
    kind: 'run',
    file,
    best,
    scores: (part, views, signal) => meanOfViews(part, shape, views, (view) => logits(view, signal)),
    close: () =>
      turns.take(async () => {
        // One that could not be compiled was said to whoever asked for it.
        for (const each of await Promise.allSettled(evaluators.values())) if (each.status === 'fulfilled') each.value.dispose();
        evaluators.clear();
      }),
  };
}

/**
 * A job: all that its result depends on. It is data that can be sent to another process or machine; run twice it gives the
 * same bits, and so it may be repeated, resumed and moved.
 */
import { z } from 'zod';
import type { AugmentationSettings } from '../data/augmentation/augmentation.ts';
import type { ConvolutionAlgorithms, Device, EngineName } from '../engine/engine.ts';
import type { Edit } from '../morphism/edit.ts';
import type { Network } from '../network/network.ts';
import type { Learning } from '../program/lower.ts';
import type { KeyPart } from '../util/random.ts';
import type { Schedule } from './schedule.ts';

export interface DataReference {
  /** The decoded dataset's file. */
  readonly path: string;
  /** The hash of its content, checked when it is read. */
  readonly hash: string;
  /** How many training images are used; null for all. */
  readonly images: number | null;
  /** The share of the training images that is held out for validation. */
  readonly validation: number;
  /** What normalises the images instead of the data's own mean and deviation, a number a channel. */
  readonly normalisation?: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

export interface EngineReference {
  readonly name: EngineName;
  readonly device: Device;
  readonly threads: number;
  readonly convolution: ConvolutionAlgorithms;
}

export interface Start {
  /** Where the numbers come from: fresh ones drawn from a stream of that name, or a checkpoint. */
  readonly from:
    | { readonly kind: 'initial'; readonly key: readonly KeyPart[] }
    | { readonly kind: 'checkpoint'; readonly hash: string };
  /** Made in the worker before the first minibatch, each new batch normalisation calibrated, the whole certified. */
  readonly edits: readonly Edit[];
  /** Whether the checkpoint's velocities are kept; otherwise they start at zero. */
  readonly velocities: boolean;
}

export interface TrainingJob {
  readonly kind: 'training';
  readonly id: string;
  /** Which try it is, from 0. Changes nothing in what is computed. */
  readonly attempt?: number;
  /** Before the edits. */
  readonly network: Network;
  readonly start: Start;
  readonly data: DataReference;
  /** Whether the validation images are trained on too; then nothing is validated. */
  readonly whole: boolean;
  readonly batch: number;
  readonly augmentation: AugmentationSettings;
  readonly learning: Learning;
  readonly schedule: Schedule;
  /** Names the random streams of this network's line: shuffles and augmentations. */
  readonly key: readonly KeyPart[];
  /**
   * Minibatches: the job's slice of the schedule is `count` long, of which the checkpoint has `done`; `first` is the number
   * of the slice's first minibatch in the line, which names its epoch and its random streams.
   */
  readonly minibatches: { readonly first: number; readonly count: number; readonly done: number };
  /** Whether validation is measured under the training augmentation too. */
  readonly augmentedValidation?: boolean;
  readonly engine: EngineReference;
}

/** Measures a network on a part of the data. A reading of the test set is such a job, and the journal counts it. */
export interface EvaluationJob {
  readonly kind: 'evaluation';
  readonly id: string;
  readonly network: Network;
  readonly checkpoint: string;
  readonly data: DataReference;
  readonly part: 'validation' | 'test';
  readonly normalise: boolean;
  readonly batch: number;
  readonly engine: EngineReference;
}

/** Tries a network out and throws it away: what the clock is held against to plan with. Nothing of it is kept. */
export interface ProbeJob {
  readonly kind: 'probe';
  readonly id: string;
  /** Before the edits. Its numbers are drawn. */
  readonly network: Network;
  /** Made first, where there are any; the child is certified where it is trained too. */
  readonly edits?: readonly Edit[];
  readonly data: DataReference;
  readonly batch: number;
  readonly augmentation: AugmentationSettings;
  readonly learning: Learning;
  /** Trained, at most. */
  readonly minibatches: number;
  /** After which no further minibatch is begun; three are made in any case. */
  readonly seconds?: number;
  /** Batches of validation images that it is evaluated on afterwards. */
  readonly evaluations?: number;
  /** Whether it is exported and verified on a batch of images. */
  readonly verification?: boolean;
  readonly engine: EngineReference;
}

/** What a probe tells of when it is over, in this order; its minibatches come before `trained`. */
export const stages = [
  'begun',
  'drawn',
  'grown',
  'certified',
  'trained',
  'saved',
  'evaluating',
  'evaluated',
  'comparing',
  'compared',
] as const;
export type Stage = (typeof stages)[number];

/** What a file says of itself, and how its pixels become numbers. */
export const aboutSchema = z.object({
  instar: z.string(),
  /** The run's name. */
  run: z.string().default(''),
  dataset: z.string(),
  classes: z.array(z.string()).min(1),
  shape: z.object({ channels: z.int(), height: z.int(), width: z.int() }),
  mean: z.array(z.number()),
  std: z.array(z.number()),
  line: z.string(),
  parameters: z.int(),
  seed: z.int(),
  validationAccuracy: z.number().optional(),
  testAccuracy: z.number().optional(),
});

export type About = z.infer<typeof aboutSchema>;

/** Makes the .onnx file of a network once more, and runs it beside the engine on a part of the data. */
export interface VerificationJob {
  readonly kind: 'verification';
  readonly id: string;
  readonly network: Network;
  readonly checkpoint: string;
  readonly about: About;
  readonly data: DataReference;
  readonly part: 'validation' | 'test';
  readonly batch: number;
  readonly engine: EngineReference;
}

export type Job = TrainingJob | EvaluationJob | ProbeJob | VerificationJob;

/** What was found of an exported file. */
export const verifiedSchema = z.strictObject({
  /** SHA-256 of the file, and its size. */
  file: z.string(),
  bytes: z.int(),
  part: z.enum(['validation', 'test']),
  images: z.int(),
  /** Largest difference of logits from the engine's, over the engine's largest absolute logit. */
  difference: z.number(),
  /** Of the engine, of the file, and how often both see the same class. */
  accuracy: z.number(),
  fileAccuracy: z.number(),
  agreement: z.number(),
  /** Milliseconds in ONNX Runtime, medians, for one image and for a batch of `size`. */
  latency: z.strictObject({ one: z.number(), batch: z.number(), size: z.int(), threads: z.int() }),
});

export type Verified = z.infer<typeof verifiedSchema>;

/** What an exported file may differ by. */
const exportTolerance = 1e-4;

/** Why an exported file is not to be trusted; null where it computes what the engine does. */
export function exportProblem({ difference, accuracy, fileAccuracy, agreement, images }: Verified): string | null {
  if (!(difference <= exportTolerance)) return `its logits differ from the engine's by ${difference.toExponential(1)}`;
  // Where logits agree so well, only an image between two classes is told otherwise.
  return (1 - agreement) * images <= Math.max(2, images / 1000)
    ? null
    : `it tells other classes than the engine on ${Math.round((1 - agreement) * images)} of ${images} images (accuracy ${fileAccuracy}, the engine's ${accuracy})`;
}

/** How much a child is its parent still. */
export interface Certificate {
  /** Largest difference of logits on clean images with running statistics, over the parent's largest absolute logit. */
  readonly evaluation: number;
  /**
   * Change of the loss with batch statistics, on four augmented held-out batches (of training images, where fewer validate than
   * make a batch), over the parent's loss or `leastLoss`, whichever is larger.
   */
  readonly training: number;
}

/**
 * Nats. The loss of a network that is sure of nearly all images is so small that the jitter of a batch's statistics, through a
 * new batch normalisation, moves it by several percent of itself.
 */
export const leastLoss = 0.2;

export interface Measured {
  /** Mean softmax cross-entropy. */
  readonly loss: number;
  /** The share that is right, 0 to 1. */
  readonly accuracy: number;
}

/** What a job says while it runs. */
export type Report =
  /** The edits are made. */
  | { readonly kind: 'grown'; readonly certificate: Certificate }
  /** Minibatches of the slice done so far; a sign of life. */
  | { readonly kind: 'progress'; readonly done: number; readonly loss: number }
  /** At the end of an epoch and of the job. `loss` is the mean over the minibatches since the last such report. */
  | {
      readonly kind: 'epoch';
      readonly done: number;
      /** Epochs of the line that have ended, counted from 1; the last may be a part. */
      readonly epoch: number;
      readonly loss: number;
      readonly validation: Measured | null;
      /** The same images under the training augmentation, where the job asks for it. */
      readonly augmented?: Measured;
      readonly checkpoint: string;
    }
  | { readonly kind: 'verified'; readonly verified: Verified }
  /** Of a probe. */
  | { readonly kind: 'reached'; readonly stage: Stage }
  | { readonly kind: 'evaluated'; readonly measured: Measured; readonly confusion: readonly (readonly number[])[] };

/** How far a network that was read from a model is from it. */
export interface Comparison {
  readonly images: number;
  /** The largest difference of logits over the largest logit. */
  readonly difference: number;
}

/** Why a job gave nothing. */
export type Failure = 'certificate' | 'diverged' | 'memory' | 'crashed' | 'hung' | 'error';

/** Thrown by a job that cannot give a result; the reason goes to the journal. */
export class JobFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure, message: string) {
    super(message);
    this.failure = failure;
  }
}

export const measuredSchema = z.strictObject({ loss: z.number(), accuracy: z.number() });
/** SHA-256: names a checkpoint, a dataset. */
export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);
/** Of a report of an epoch, wherever it is kept; `count`: what its numbers of minibatches and epochs may be. */
export const epochFields = <Count extends z.ZodType<number>>(count: Count) => ({
  done: count,
  epoch: count,
  loss: z.number(),
  validation: measuredSchema.nullable(),
  /** The same images under the training augmentation, where that is asked for. */
  augmented: measuredSchema.optional(),
  checkpoint: hashSchema,
});
export const certificateSchema = z.strictObject({ evaluation: z.number(), training: z.number() });
export const comparisonSchema = z.strictObject({ images: z.int().min(1), difference: z.number() });
export const failureSchema = z.enum(['certificate', 'diverged', 'memory', 'crashed', 'hung', 'error']);

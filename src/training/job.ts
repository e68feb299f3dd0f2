/**
 * A job: all that its result depends on, as data that can be sent to another process or machine. The same job gives the same
 * bits, so it can be repeated, resumed and moved.
 */
import { z } from 'zod';
import type { AugmentationSettings } from '../data/augmentation/augmentation.ts';
import type { Dataset } from '../data/dataset.ts';
import { renderingSchema } from '../data/reading.ts';
import type { Range } from '../deploy/calibration.ts';
import type { ConvolutionAlgorithms, Device, Engine, EngineName } from '../engine/engine.ts';
import type { Edit } from '../morphism/edit.ts';
import type { Network } from '../network/network.ts';
import type { ViewsName } from '../network/views.ts';
import type { Learning } from '../program/learning.ts';
import type { Precision } from '../program/precision.ts';
import type { KeyPart } from '../util/random.ts';
import type { CheckpointStore } from './checkpoint.ts';
import type { Schedule } from './schedule.ts';
import type { EvaluationWeights } from './weights.ts';

export interface DataReference {
  /** The decoded dataset's file. */
  readonly path: string;
  /** The hash of its content, checked when it is read. */
  readonly hash: string;
  /** How many training images are used; null for all. */
  readonly images: number | null;
  /** The share of the training images that is held out for validation. */
  readonly validation: number;
  /** Per channel, instead of the dataset's mean and standard deviation. */
  readonly normalisation?: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

export interface EngineReference {
  readonly name: EngineName;
  readonly device: Device;
  readonly threads: number;
  readonly convolution: ConvolutionAlgorithms;
  /** Of training; evaluation is in f32. Missing: f32. */
  readonly precision?: Precision;
}

/** How often the training images are seen, each time augmented anew, where the head is trained alone. */
export const headPasses = 2;

/** How the weights of a start network begin: `training/initialisation.ts`. */
export const initialisations = ['uniform', 'identity'] as const;
export type Initialisation = (typeof initialisations)[number];

export interface Start {
  /** Initial weights from the random stream of that key (default `uniform`), or a checkpoint. */
  readonly from:
    | { readonly kind: 'initial'; readonly key: readonly KeyPart[]; readonly initialisation?: Initialisation }
    | { readonly kind: 'checkpoint'; readonly hash: string };
  /** Applied by the worker before the first minibatch; new batch normalisations are calibrated, and the child is certified. */
  readonly edits: readonly Edit[];
  /**
   * `kept`: as in the checkpoint; with edits by the optimizer's policy for what they resize. `reset`: by its policy for restarts;
   * with edits none.
   */
  readonly optimizerState: 'kept' | 'reset';
}

/** Common to all jobs. */
interface CommonJob {
  readonly id: string;
  /** Before the edits, where there are any. */
  readonly network: Network;
  readonly data: DataReference;
  /** Images of a minibatch. */
  readonly batch: number;
  /**
   * Passes that a minibatch is computed in, and images are evaluated and measured in batches of that size, where memory does not hold
   * more. Divides `batch`. Missing: 1.
   */
  readonly passes?: number;
  readonly engine: EngineReference;
  /**
   * The weights that are measured, certified and exported. Default `raw`. A training job of `average` measures their statistics for
   * each checkpoint.
   */
  readonly evaluationWeights?: EvaluationWeights;
}

/** Images that are computed at a time. */
export const passSize = ({ batch, passes = 1 }: Pick<CommonJob, 'batch' | 'passes'>): number => batch / passes;

export interface TrainingJob extends CommonJob {
  readonly kind: 'training';
  /** The number of retries. Does not change the result. */
  readonly attempt?: number;
  readonly start: Start;
  /** `head`: the head alone, on features that are computed once. Missing: all layers. */
  readonly part?: 'head';
  /** Whether to train on the validation images too, without validation. */
  readonly whole: boolean;
  readonly augmentation: AugmentationSettings;
  readonly learning: Learning;
  readonly schedule: Schedule;
  /** Key of the candidate's random streams: shuffles and augmentations. */
  readonly key: readonly KeyPart[];
  /**
   * Minibatches: `count` in the job's segment of the schedule, of which the checkpoint has `done`; `first` is the number of the
   * segment's first minibatch in the candidate's training, which determines its epoch and random streams.
   */
  readonly minibatches: { readonly first: number; readonly count: number; readonly done: number };
  /**
   * The stream of minibatches, where candidates share it: its key, and how many minibatches of it came before this candidate's
   * first. Missing: the candidate has a stream of its own, by `key`.
   */
  readonly stream?: { readonly key: readonly KeyPart[]; readonly before: number };
  /** A network whose predictions, in evaluation mode, have a share of each label. */
  readonly teacher?: { readonly network: Network; readonly checkpoint: string; readonly share: number };
  /** Minibatches between validations; missing: an epoch. */
  readonly interval?: number;
  /** Whether validation is measured under the training augmentation too. */
  readonly augmentedValidation?: boolean;
  /** Whether all classes have as many places in an epoch, and count alike in validation. */
  readonly balanced?: boolean;
}

/** Measures a network on a part of the data. Test evaluations are such jobs. */
export interface EvaluationJob extends CommonJob {
  readonly kind: 'evaluation';
  readonly checkpoint: string;
  readonly part: 'validation' | 'test';
  readonly normalise: boolean;
}

/** Times the stages of training a network, for the cost model. Nothing is kept. */
export interface ProbeJob extends CommonJob {
  readonly kind: 'probe';
  /** Applied first. The child is certified if it is trained too. */
  readonly edits?: readonly Edit[];
  readonly augmentation: AugmentationSettings;
  readonly learning: Learning;
  /** Trained, at most. */
  readonly minibatches: number;
  /** Time limit for starting minibatches; the first three run in any case. */
  readonly seconds?: number;
  /** Batches of validation images to evaluate on. */
  readonly evaluations?: number;
  /** Whether to export it and verify the file on a batch of images. */
  readonly verification?: boolean;
}

/** The stages that a probe reports when they are over, in order; its minibatches come before `trained`. */
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

/** Metadata of an exported file, with the normalisation of its images. */
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
  /** How its images are made of files, where it was trained on a folder of them. */
  ...renderingSchema.shape,
});

export type About = z.infer<typeof aboutSchema>;

/** Exports a network again, and compares the file with the engine on a part of the data. */
export interface VerificationJob extends CommonJob {
  readonly kind: 'verification';
  readonly checkpoint: string;
  readonly about: About;
  readonly part: 'validation' | 'test';
  /** Views that the file averages. Missing: the image alone. */
  readonly views?: ViewsName;
}

/** Finds the ranges of a network's values, and measures its file in bytes beside that in f32. Done on this machine alone. */
export interface QuantisationJob extends Omit<VerificationJob, 'kind'> {
  readonly kind: 'quantisation';
  /** Whether bytes stand for numbers around zero, as some targets want. */
  readonly symmetric: boolean;
}

export type Job = TrainingJob | EvaluationJob | ProbeJob | VerificationJob | QuantisationJob;

/** A file on the images of a part. */
export interface MeasuredFile {
  readonly bytes: number;
  readonly accuracy: number;
  /** Milliseconds for one image in ONNX Runtime, median. */
  readonly latency: number;
}

/** What a quantisation found. */
export interface QuantisedExport {
  /** Of each value of the deployed network. */
  readonly ranges: readonly Range[];
  /** Training images that they were found on. */
  readonly calibration: number;
  readonly part: 'validation' | 'test';
  readonly images: number;
  readonly threads: number;
  readonly float: MeasuredFile;
  readonly int8: MeasuredFile;
  /** The share of images that both put into the same class. */
  readonly agreement: number;
}

/** The verification of an exported file. */
export const verifiedSchema = z.strictObject({
  /** SHA-256 of the file, and its size. */
  file: z.string(),
  bytes: z.int(),
  part: z.enum(['validation', 'test']),
  images: z.int(),
  /** Largest difference of logits from the engine's, over the engine's largest absolute logit. */
  difference: z.number(),
  /** Of the engine, of the file, and the share of images with the same prediction. */
  accuracy: z.number(),
  fileAccuracy: z.number(),
  agreement: z.number(),
  /** Milliseconds in ONNX Runtime, medians, for one image and for a batch of `size`. */
  latency: z.strictObject({ one: z.number(), batch: z.number(), size: z.int(), threads: z.int() }),
});

export type Verified = z.infer<typeof verifiedSchema>;

/** Limit of the difference of an exported file. */
const exportTolerance = 1e-4;

/** Why the verification failed; null if it passed. */
export function exportProblem({ difference, accuracy, fileAccuracy, agreement, images }: Verified): string | null {
  if (!(difference <= exportTolerance)) return `its logits differ from the engine's by ${difference.toExponential(1)}`;
  // With such small differences, predictions differ only for images on the boundary between classes.
  return (1 - agreement) * images <= Math.max(2, images / 1000)
    ? null
    : `it tells other classes than the engine on ${Math.round((1 - agreement) * images)} of ${images} images (accuracy ${fileAccuracy}, the engine's ${accuracy})`;
}

/** The differences between a child and its parent. */
export interface Certificate {
  /** Largest difference of logits on clean images with running statistics, over the parent's largest absolute logit. */
  readonly evaluation: number;
  /**
   * Change of the loss with batch statistics, on four augmented held-out batches (of training images, if there are too few
   * validation images for a batch), over the parent's loss or `leastLoss`, whichever is larger.
   */
  readonly training: number;
}

/**
 * Nats. When the loss is small, the noise of a batch's statistics in a new batch normalisation changes it by several percent.
 */
export const leastLoss = 0.2;

export interface Measured {
  /** Mean softmax cross-entropy. */
  readonly loss: number;
  /** 0 to 1. */
  readonly accuracy: number;
  /** The mean over classes of the share that is right, 0 to 1; then the loss is a mean over classes, too. Missing: all images count alike. */
  readonly balanced?: number | undefined;
}

/** A report of a running job. */
export type Report =
  /** The edits are made. */
  | { readonly kind: 'grown'; readonly certificate: Certificate }
  /** Minibatches of the segment done so far. */
  | { readonly kind: 'progress'; readonly done: number; readonly loss: number }
  /** At the end of an epoch and of the job. `loss` is the mean over the minibatches since the last such report. */
  | {
      readonly kind: 'epoch';
      readonly done: number;
      /** Epochs of the candidate that have ended, from 1; the last may be partial. */
      readonly epoch: number;
      readonly loss: number;
      readonly validation: Measured | null;
      /** On augmented images, where the job asks for it. */
      readonly augmented?: Measured;
      readonly checkpoint: string;
    }
  | { readonly kind: 'verified'; readonly verified: Verified }
  | { readonly kind: 'quantised'; readonly quantised: QuantisedExport }
  /** Of a probe. */
  | { readonly kind: 'reached'; readonly stage: Stage }
  | { readonly kind: 'evaluated'; readonly measured: Measured; readonly confusion: readonly (readonly number[])[] };

/** What running a job needs besides the job. None of it changes the result. */
export interface JobContext {
  readonly engine: Engine;
  readonly dataset: Dataset;
  readonly checkpoints: CheckpointStore;
  report(report: Report): void;
  /** Milliseconds; only for reported speeds. */
  now(): number;
  /** Awaited after each minibatch, so that the process can handle messages; throws if the job is cancelled. */
  breathe(): Promise<void>;
}

/** The difference between an imported network and its model. */
export interface LogitComparison {
  readonly images: number;
  /** The largest difference of logits over the largest logit. */
  readonly difference: number;
}

/** Why a job failed. */
/** `killed`: from outside, by a signal that a process does not send itself. */
export type Failure = 'certificate' | 'diverged' | 'memory' | 'killed' | 'crashed' | 'hung' | 'error';

/** A job failed; the journal records why. */
export class JobFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure, message: string) {
    super(message);
    this.failure = failure;
  }
}

export const measuredSchema = z.strictObject({
  loss: z.number(),
  accuracy: z.number(),
  balanced: z.number().optional(),
});
/** SHA-256: names a checkpoint, a dataset. */
export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);
/** Fields of an epoch's report. `count`: the schema of its numbers of minibatches and epochs. */
export const epochFields = <Count extends z.ZodType<number>>(count: Count) => ({
  done: count,
  epoch: count,
  loss: z.number(),
  validation: measuredSchema.nullable(),
  /** On augmented images. */
  augmented: measuredSchema.optional(),
  checkpoint: hashSchema,
});
export const certificateSchema = z.strictObject({ evaluation: z.number(), training: z.number() });
export const comparisonSchema = z.strictObject({ images: z.int().min(1), difference: z.number() });
export const failureSchema = z.enum(['certificate', 'diverged', 'memory', 'killed', 'crashed', 'hung', 'error']);

/**
 * What travels on the queue: a job without a path in it, and what came of it. Everything that comes from there is data and is
 * checked by these schemas before it is used; nothing in it is ever a path, a command or code.
 */
import { z } from 'zod';
import { applyAll } from '../../morphism/apply.ts';
import { editSchema } from '../../morphism/edit.ts';
import { describeBits, type Bits } from '../../engine/bits.ts';
import { devices } from '../../engine/open.ts';
import { networkSchema, parseNetwork } from '../../network/check.ts';
import {
  aboutSchema,
  certificateSchema,
  epochFields,
  failureSchema,
  hashSchema,
  measuredSchema,
  stages,
  verifiedSchema,
  type Job,
  type Report,
  type TrainingJob,
} from '../../training/job.ts';
import { settingsSchema } from '../../search/settings.ts';
import { evaluationWeights } from '../../training/weights.ts';
import { learningRoles } from '../../program/learning.ts';
import { optimizerNames } from '../../program/optimizers/table.ts';
import { assert } from '../../util/assert.ts';
import { sha256 } from '../../util/hash.ts';
import { version } from '../../util/version.ts';

/** Counts up when a message means something else than before. */
const protocol = 3;

const count = z.int().min(0).max(1e9);
const share = z.number().min(0).max(1);
const key = z.array(z.union([z.string().max(64), z.number()])).max(16);
const { augmentation, momentum, weightDecay } = settingsSchema.shape;
const rate = z.number().min(0).max(1e3);
const factors = z.strictObject({ rate, decay: rate, restart: z.enum(['zero', 'keep']) }).partial();
const learning = z.strictObject({
  optimizer: z.enum(optimizerNames).optional(),
  momentum,
  weightDecay,
  decoupled: z.boolean().optional(),
  roles: z.partialRecord(z.enum(learningRoles), factors).optional(),
});

/** The data by its hash alone: where it lies is the worker's business. */
const data = z.strictObject({
  hash: hashSchema,
  images: z.int().min(1).nullable(),
  validation: z.number().min(0).lt(1),
  normalisation: z.strictObject({ mean: z.array(z.number()).max(3), std: z.array(z.number()).max(3) }).optional(),
});

const engine = z.strictObject({
  name: z.enum(['reference', 'onednn', 'onnx']),
  device: z.enum(devices),
  threads: z.int().min(1).max(1024),
  convolution: z.enum(['direct', 'auto']),
});

const common = {
  id: z.string().regex(/^[\w/ ]{1,64}$/),
  network: networkSchema,
  data,
  batch: z.int().min(1).max(65536),
  engine,
  evaluationWeights: z.enum(evaluationWeights).optional(),
};

const jobSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('training'),
    attempt: z.int().min(0).max(100).optional(),
    start: z.strictObject({
      from: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('initial'), key }),
        z.strictObject({ kind: z.literal('checkpoint'), hash: hashSchema }),
      ]),
      edits: z.array(editSchema).max(1000),
      optimizerState: z.enum(['kept', 'reset']),
    }),
    whole: z.boolean(),
    augmentation,
    learning,
    schedule: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('constant'), rate }),
      z.strictObject({ kind: z.literal('cosine'), rate, from: share, to: share }),
    ]),
    key,
    minibatches: z.strictObject({ first: count, count, done: count }),
    augmentedValidation: z.boolean().optional(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('evaluation'),
    checkpoint: hashSchema,
    part: z.enum(['validation', 'test']),
    normalise: z.boolean(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('probe'),
    edits: z.array(editSchema).max(1000).optional(),
    augmentation,
    learning,
    minibatches: count,
    seconds: z.number().min(0).max(3600).optional(),
    evaluations: z.int().min(0).max(1000).optional(),
    verification: z.boolean().optional(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('verification'),
    checkpoint: hashSchema,
    about: aboutSchema,
    part: z.enum(['validation', 'test']),
  }),
]);

export const requestSchema = z.strictObject({
  protocol: z.literal(protocol),
  instar: z.string().max(64),
  /** Of the run, for the store's keys. */
  run: z.string().regex(/^[0-9a-f]{16}$/),
  job: jobSchema,
  /** Nobody waits for it any more. */
  cancelled: z.boolean(),
});

export type Request = z.infer<typeof requestSchema>;
type SentJob = Request['job'];

export const reportSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('grown'), certificate: certificateSchema }),
  z.strictObject({ kind: z.literal('progress'), done: count, loss: z.number() }),
  z.strictObject({ kind: z.literal('epoch'), ...epochFields(count) }),
  z.strictObject({ kind: z.literal('verified'), verified: verifiedSchema }),
  z.strictObject({ kind: z.literal('reached'), stage: z.enum(stages) }),
  z.strictObject({
    kind: z.literal('evaluated'),
    measured: measuredSchema,
    confusion: z.array(z.array(count).readonly()).readonly(),
  }),
]);

/** Who computed. */
export const workerSchema = z.strictObject({
  /** Machine and process. */
  name: z.string().max(256),
  /** What the bits depend on, as people read it. */
  bits: z.string().max(256),
  instar: z.string().max(64),
});

export type WorkerWord = z.infer<typeof workerSchema>;

/** What must not be lost, in order; `by` is the place of who said it among the workers, `clock` its own process's seconds. */
const keptSchema = z.array(z.strictObject({ by: count, clock: z.number(), report: reportSchema })).max(100_000);
const told = {
  kept: keptSchema,
  /** All that have worked on the job. */
  workers: z.array(workerSchema).max(1000),
  /** The most memory that the last one's process has had, bytes. */
  peak: z.number(),
};

export type Kept = z.infer<typeof keptSchema>;

/** How far a job is: what it has said, and what it does now. */
export const standingSchema = z.strictObject({
  ...told,
  /** Of the task that runs. */
  progress: z.strictObject({ by: count, done: count, loss: z.number(), clock: z.number() }).nullable(),
});

export type Standing = z.infer<typeof standingSchema>;

export const answerSchema = z.strictObject({
  ...told,
  end: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('done') }),
    z.strictObject({ kind: z.literal('failed'), failure: failureSchema, message: z.string() }),
    /** What it needs is not in the store, or is not what its name says. */
    z.strictObject({ kind: z.literal('lacking'), message: z.string() }),
    z.strictObject({ kind: z.literal('cancelled') }),
  ]),
});

export type Answer = z.infer<typeof answerSchema>;

export function requestOf(job: Job, run: string): Request {
  const { path: _path, ...rest } = job.data;
  return { protocol, instar: version, run, job: { ...job, data: rest } as unknown as SentJob, cancelled: false };
}

/** What stands on the queue, or in a sentence why it is no job. */
export function readRequest(value: unknown): Request | string {
  const parsed = requestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = (value as { protocol?: unknown } | null)?.protocol;
  if (said !== protocol)
    return `a message of version ${String(JSON.stringify(said)).slice(0, 20)}; this worker reads ${protocol}`;
  const [first] = parsed.error.issues;
  return `${first?.path.join('.')}: ${first?.message}`.slice(0, 300);
}

/** A job to do here: `path` is where its data lies on this machine. One that holds no network is a sentence. */
export function jobOf({ job }: Request, path: string): Job | string {
  const network = parseNetwork(job.network);
  if (typeof network === 'string') return `job.network: ${network}`;
  const edits = job.kind === 'training' ? job.start.edits : job.kind === 'probe' ? (job.edits ?? []) : [];
  const grown = applyAll(network, edits as TrainingJob['start']['edits']);
  if (typeof grown === 'string') return `job.edits: ${grown}`;
  return { ...job, network, data: { ...job.data, path } } as unknown as Job;
}

/** What must not be lost of a report; the rest is for those who watch. A probe is nothing but its minibatches. */
export const isKept = (job: Job, report: Report): boolean => report.kind !== 'progress' || job.kind === 'probe';

/** The job from its last epoch on: as a run that was interrupted there would ask for it. */
export function continued(job: TrainingJob, kept: Kept): TrainingJob {
  const last = kept.findLast(({ report }) => report.kind === 'epoch')?.report;
  if (last?.kind !== 'epoch') return job;
  const grown = applyAll(job.network, job.start.edits);
  assert(typeof grown !== 'string', () => `edits that were made do not apply: ${String(grown)}`);
  return {
    ...job,
    network: grown,
    start: { from: { kind: 'checkpoint', hash: last.checkpoint }, edits: [], optimizerState: 'kept' },
    minibatches: { ...job.minibatches, done: last.done },
  };
}

/** Checkpoints that a job begins with. */
export function checkpointsOf(job: Job): readonly string[] {
  switch (job.kind) {
    case 'training':
      return job.start.from.kind === 'checkpoint' ? [job.start.from.hash] : [];
    case 'evaluation':
    case 'verification':
      return [job.checkpoint];
    case 'probe':
      return [];
  }
}

export const checkpointKey = (run: string, name: string): string => `runs/${run}/${name}.safetensors`;
export const dataKey = (name: string): string => `data/${name}.safetensors`;

/** Which of the jobs of one id: a second try of a training, a reading of another checkpoint. */
function whichOf(job: Job): string {
  switch (job.kind) {
    case 'training':
      return String(job.attempt ?? 0);
    case 'evaluation':
    case 'verification':
      return job.checkpoint.slice(0, 16);
    case 'probe':
      return '0';
  }
}

/** The name under which a job stands in the queue: the same whoever asks for it again. */
export const jobName = (run: string, job: Job): string => `${run}-${job.id.replaceAll(/\W/g, '_')}-${whichOf(job)}`;

/** The queue of those whose results are the same to the bit; `mixed` is for runs to which that does not matter. */
export const queueName = (bits: Bits | 'mixed'): string =>
  bits === 'mixed' ? `instar-${protocol}-mixed` : `instar-${protocol}-${sha256(`${version} ${describeBits(bits)}`).slice(0, 16)}`;

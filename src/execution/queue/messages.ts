/**
 * The messages on the queue: a job without paths, its status and its answer. Everything that is read from the queue is untrusted
 * data and is checked by these schemas first; nothing in it is used as a path, a command or code.
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
  initialisations,
  measuredSchema,
  stages,
  verifiedSchema,
  type Job,
  type Report,
  type TrainingJob,
} from '../../training/job.ts';
import { freezeSchema, settingsSchema } from '../../search/settings.ts';
import { evaluationWeights } from '../../training/weights.ts';
import { learningRoles, statisticsNames } from '../../program/learning.ts';
import { precisions } from '../../program/precision.ts';
import { optimizerNames } from '../../program/optimizers/table.ts';
import { assert } from '../../util/assert.ts';
import { sha256 } from '../../util/hash.ts';
import { version } from '../../util/version.ts';

/** Increases when the meaning of a message changes. */
const protocol = 4;

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
  firstRate: z.number().gt(0).max(1).optional(),
  freeze: freezeSchema.optional(),
  statistics: z.enum(statisticsNames).optional(),
  following: z.number().gt(0).max(1).optional(),
  roles: z.partialRecord(z.enum(learningRoles), factors).optional(),
  average: z.number().gt(0).lt(1).nullable().optional(),
  newWeights: z
    .strictObject({ rate: z.number().min(1), fade: z.number().gt(0).lt(1) })
    .nullable()
    .optional(),
});

/** A dataset by its hash; each worker has its own path to it. */
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
  precision: z.enum(precisions).optional(),
});

const common = {
  id: z.string().regex(/^[\w/ ]{1,64}$/),
  network: networkSchema,
  data,
  batch: z.int().min(1).max(65536),
  passes: z.int().min(2).max(65536).optional(),
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
        z.strictObject({ kind: z.literal('initial'), key, initialisation: z.enum(initialisations).optional() }),
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
      z.strictObject({ kind: z.literal(['cosine', 'linear']), rate, from: share, to: share }),
    ]),
    key,
    minibatches: z.strictObject({ first: count, count, done: count }),
    stream: z.strictObject({ key, before: count }).optional(),
    teacher: z.strictObject({ network: networkSchema, checkpoint: hashSchema, share }).optional(),
    interval: z.int().min(1).optional(),
    part: z.literal('head').optional(),
    augmentedValidation: z.boolean().optional(),
    balanced: z.boolean().optional(),
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

const requestSchema = z.strictObject({
  protocol: z.literal(protocol),
  instar: z.string().max(64),
  /** The run's identifier, part of its keys in the store. */
  run: z.string().regex(/^[0-9a-f]{16}$/),
  job: jobSchema,
  /** The search no longer wants the result. */
  cancelled: z.boolean(),
});

export type Request = z.infer<typeof requestSchema>;
type SentJob = Request['job'];

const reportSchema = z.discriminatedUnion('kind', [
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

/** Which worker computed. */
const workerSchema = z.strictObject({
  /** Machine and process. */
  name: z.string().max(256),
  /** Engine, library, processor and Node, as text. */
  bits: z.string().max(256),
  instar: z.string().max(64),
});

export type WorkerIdentity = z.infer<typeof workerSchema>;

/** Reports in order, append-only. `by`: the index of the worker that reported; `clock`: seconds of its process's clock. */
const logSchema = z.array(z.strictObject({ by: count, clock: z.number(), report: reportSchema })).max(100_000);
const reported = {
  kept: logSchema,
  /** All workers that have worked on the job. */
  workers: z.array(workerSchema).max(1000),
  /** Peak memory of the last worker's process, bytes. */
  peak: z.number(),
};

export type ReportLog = z.infer<typeof logSchema>;

/** That a worker could not do a job, and gave it back to the queue. */
const returnedSchema = z.strictObject({ worker: z.string().max(256), reason: z.string().max(1000) });

export type ReturnedJob = z.infer<typeof returnedSchema>;

/** BullMQ's `progress` of a job: its reports so far, the minibatches in progress, and why the job was given back, if it was. */
export const statusSchema = z.strictObject({
  ...reported,
  returned: returnedSchema.optional(),
  progress: z.strictObject({ by: count, done: count, loss: z.number(), clock: z.number() }).nullable(),
});

export type JobStatus = z.infer<typeof statusSchema>;

export const answerSchema = z.strictObject({
  ...reported,
  end: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('done') }),
    z.strictObject({ kind: z.literal('failed'), failure: failureSchema, message: z.string() }),
    /** An input of the job is missing from the store or damaged. */
    z.strictObject({ kind: z.literal('lacking'), message: z.string() }),
    z.strictObject({ kind: z.literal('cancelled') }),
  ]),
});

export type Answer = z.infer<typeof answerSchema>;

export function requestOf(job: Job, run: string): Request {
  const { path: _path, ...rest } = job.data;
  return { protocol, instar: version, run, job: { ...job, data: rest } as unknown as SentJob, cancelled: false };
}

/** Parses a request from the queue; returns a message where it is not valid. */
export function readRequest(value: unknown): Request | string {
  const parsed = requestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const given = (value as { protocol?: unknown } | null)?.protocol;
  if (given !== protocol)
    return `a message of version ${String(JSON.stringify(given)).slice(0, 20)}; this worker reads ${protocol}`;
  const [first] = parsed.error.issues;
  return `${first?.path.join('.')}: ${first?.message}`.slice(0, 300);
}

/** The job of a request. `path`: its data on this machine. Returns a message where the network is not valid. */
export function jobOf({ job }: Request, path: string): Job | string {
  const network = parseNetwork(job.network);
  if (typeof network === 'string') return `job.network: ${network}`;
  const edits = job.kind === 'training' ? job.start.edits : job.kind === 'probe' ? (job.edits ?? []) : [];
  const grown = applyAll(network, edits as TrainingJob['start']['edits']);
  if (typeof grown === 'string') return `job.edits: ${grown}`;
  return { ...job, network, data: { ...job.data, path } } as unknown as Job;
}

/** Whether a report goes into the log; other progress is only displayed. A probe's result is its progress reports. */
export const isKept = (job: Job, report: Report): boolean => report.kind !== 'progress' || job.kind === 'probe';

/** The job resumed from the last epoch in its log. */
export function resumeJob(job: TrainingJob, kept: ReportLog): TrainingJob {
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

/** Checkpoints that a job reads. */
export function checkpointsOf(job: Job): readonly string[] {
  if (job.kind === 'training') {
    const { start, teacher } = job;
    return [
      ...(start.from.kind === 'checkpoint' ? [start.from.hash] : []),
      ...(teacher === undefined ? [] : [teacher.checkpoint]),
    ];
  }
  return job.kind === 'probe' ? [] : [job.checkpoint];
}

export const checkpointKey = (run: string, name: string): string => `runs/${run}/${name}.safetensors`;
export const dataKey = (name: string): string => `data/${name}.safetensors`;

/** Distinguishes jobs with the same id: retries of a training, evaluations of other checkpoints. */
function suffixOf(job: Job): string {
  if (job.kind === 'training') return String(job.attempt ?? 0);
  return job.kind === 'probe' ? '0' : job.checkpoint.slice(0, 16);
}

/** A job's identifier on the queue: the same when a resumed run asks for the job again. */
export const jobName = (run: string, job: Job): string => `${run}-${job.id.replaceAll(/\W/g, '_')}-${suffixOf(job)}`;

/** The queue of workers whose results are identical to the bit. */
export const queueName = (bits: Bits): string => `instar-${protocol}-${sha256(`${version} ${describeBits(bits)}`).slice(0, 16)}`;

/** The queue of heterogeneous runs, from which all workers take jobs. */
export const heterogeneousQueue = `instar-${protocol}-mixed`;

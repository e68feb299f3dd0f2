/** The events of a run: what happened in its search, and what happened to it. */
import { z } from 'zod';
import { lineSchema, searchEventSchema } from '../../search/events.ts';
import { hashSchema, verifiedSchema } from '../../training/job.ts';

/** The plan of a budget: the settings that it scales, and how it shares its time. */
export const planSchema = z.strictObject({
  images: z.int().min(1),
  vanillaEpochs: z.int().min(1),
  children: z.int().min(1),
  stepEpochs: z.int().min(1),
  /** Where the method plans by work: what it plans besides. */
  sizes: z
    .strictObject({
      work: z.int().min(1),
      widths: z.array(z.int().min(1)),
      rounds: z.int().min(1),
      steps: z.int().min(0),
      multiplyAdds: z.int().min(1),
      strong: z.literal(true).optional(),
    })
    .optional(),
  /** Active seconds, from the start of the run, until which the search may go on. */
  searchUntil: z.number(),
  /** Measured: seconds a multiply-add (forward, one image) of training, one job of `workers` threads alone. */
  alone: z.number(),
  /** Measured: the same, `workers` jobs of one thread side by side, each. */
  beside: z.number(),
});

export type Plan = z.infer<typeof planSchema>;

/** Hashes of the content of best.onnx, best.safetensors and best.json. */
const bestFilesSchema = z.strictObject({ model: hashSchema, tensors: hashSchema, network: hashSchema });

export type BestFiles = Readonly<z.infer<typeof bestFilesSchema>>;

/** Who computed, of other machines' workers. `bits`: engine, processor and Node. */
const computedBy = z.strictObject({ name: z.string(), bits: z.string(), instar: z.string() });

export type ComputedBy = z.infer<typeof computedBy>;

export const runEventSchema = z.discriminatedUnion('type', [
  /** The first event. */
  z.strictObject({ type: z.literal('run'), format: z.int(), instar: z.string() }),
  z.strictObject({ type: z.literal('plan'), budget: z.number(), plan: planSchema }),
  /** The budget was extended to so many seconds. */
  z.strictObject({ type: z.literal('extended'), budget: z.number(), searchUntil: z.number() }),
  /** A task was given to a worker. `passes`: of a minibatch, where memory does not hold it whole. */
  z.strictObject({
    type: z.literal('task'),
    task: z.string(),
    line: lineSchema,
    threads: z.int(),
    passes: z.int().min(2).optional(),
  }),
  /** A worker of another machine computes the task from here on. */
  z.strictObject({ type: z.literal('worker'), task: z.string(), line: lineSchema, ...computedBy.shape }),
  /** The exported file of a line was verified, or could not be: `problem` says why it is not to be trusted. */
  z.strictObject({
    type: z.literal('exported'),
    line: lineSchema,
    checkpoint: hashSchema,
    verified: verifiedSchema.nullable(),
    problem: z.string().nullable(),
  }),
  /** The files of the best network are written next. */
  z.strictObject({ type: z.literal('best'), line: lineSchema, checkpoint: hashSchema, files: bestFilesSchema }),
  z.strictObject({ type: z.literal('interrupted') }),
  /** `cut`: bytes of a torn last line that were cut off. */
  z.strictObject({ type: z.literal('resumed'), cut: z.int().min(0), mixed: z.boolean() }),
  ...searchEventSchema.options,
]);

export type RunEvent = z.infer<typeof runEventSchema>;

/** What became of an export. */
export type Exported = Extract<RunEvent, { type: 'exported' }>;

/** An event as it stands in the journal. */
export type Entry = RunEvent & {
  /** From 0, without gaps. */
  readonly n: number;
  /** Active seconds since the run began; the time between an end and a resume is not counted. */
  readonly t: number;
  /** The wall clock, for people. */
  readonly at: string;
};

const envelope = { n: z.int().min(0), t: z.number().min(0), at: z.string() };
export const entrySchema = z.discriminatedUnion('type', runEventSchema.options.map((option) => option.extend(envelope)) as never);

/** What is told while a task goes on, and not kept. */
export const progressSchema = z.strictObject({
  type: z.literal('progress'),
  task: z.string(),
  line: z.string(),
  /** Minibatches. */
  done: z.number(),
  count: z.number(),
  /** Of the last minibatch. */
  loss: z.number(),
  /** Bytes: the most that its worker has had. */
  peak: z.number(),
});

export type Progress = Readonly<z.infer<typeof progressSchema>>;

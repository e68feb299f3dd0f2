/** config.json: everything that determines a run. */
import { z } from 'zod';
import { givenReading, readingSchema } from '../../data/reading.ts';
import { operatorTimesSchema } from '../../deploy/latency.ts';
import type { Bits } from '../../engine/bits.ts';
import { devices } from '../../engine/open.ts';
import { precisions } from '../../program/precision.ts';
import { settingsSchema } from '../../search/settings.ts';
import { comparisonSchema, hashSchema, type DataReference, type EngineReference } from '../../training/job.ts';
import { reasonOf } from '../../util/files.ts';
import { readRunText } from '../../util/run-files.ts';
import { UserError } from '../../util/user-error.ts';
import { beginChain } from './chain.ts';
import { format } from './journal.ts';

export const configSchema = z.strictObject({
  format: z.literal(format),
  instar: z.string(),
  node: z.string(),
  platform: z.string(),
  preset: z.string(),
  settings: settingsSchema,
  data: z.strictObject({
    /** As it was given: a name or a path. */
    reference: z.string(),
    /** Where that is, if it is a path: it was given from the folder in which the run was begun. Absent: a name, or not known. */
    where: z.string().optional(),
    imageSize: z.int().nullable(),
    /** The table of labels and its column, where they were given. */
    labels: z.strictObject({ file: z.string().optional(), column: z.string().optional() }).optional(),
    /** How a folder of images is read. Absent: as the first version did. */
    reading: readingSchema.optional(),
    /** The folder of `--data`, where one was given. */
    folder: z.string().nullable(),
    /** The decoded dataset's file and the hash of its content. */
    path: z.string(),
    hash: z.string(),
    name: z.string(),
    classes: z.array(z.string()),
    shape: z.strictObject({ channels: z.int(), height: z.int(), width: z.int() }),
    mean: z.array(z.number()),
    std: z.array(z.number()),
    trainImages: z.int(),
    /** How many there are, where a sample of them was decoded. */
    sampledFrom: z.int().optional(),
    testImages: z.int(),
    /** How many of the training images are given to validate. Absent: a share of them validates. */
    validationImages: z.int().min(1).optional(),
  }),
  /** The trained network that the search starts from; null for the vanilla one. */
  from: z
    .strictObject({
      /** As it was given: a run or a model. */
      reference: z.string(),
      /** The hash of the checkpoint that holds it. */
      checkpoint: hashSchema,
      /** Pixels a side that folders of images are brought to for it. */
      imageSize: z.int().nullable(),
      /** What was said of the pixels that it takes, as it was given. */
      pixels: z.string().optional(),
      mean: z.array(z.number()).optional(),
      std: z.array(z.number()).optional(),
      /** Whether mean and std of `data` are its own and not the data's. */
      normalises: z.boolean(),
      compared: comparisonSchema.nullable(),
    })
    .nullable()
    .default(null),
  /** Times of operations, which latencies are predicted from, where latency is limited. */
  times: operatorTimesSchema.optional(),
  /** The run whose trained vanilla network was taken over, as it was given. */
  vanilla: z.string().nullable().default(null),
  engine: z.strictObject({
    name: z.enum(['reference', 'onednn', 'onnx']),
    /** Runs that were begun before there was a choice computed on the processor. */
    device: z.enum(devices).default('cpu'),
    convolution: z.enum(['direct', 'auto']),
    /** Of training. Missing: f32. */
    precision: z.enum(precisions).optional(),
    version: z.string(),
    instructionSet: z.string(),
  }),
  /** Jobs of one thread side by side. */
  workers: z.int().min(1).max(1024),
  /** The most threads of one job; as many as there are workers, where nothing else was said. */
  threads: z.int().min(1).max(1024).optional(),
  /** Seconds for all of it; null where steps and epochs limit it. */
  budget: z.number().positive().nullable(),
  /** Of the settings that a plan of work decides (`plannedByWork`), those that were given and stay. */
  given: z.array(z.string()).optional(),
});

export type Config = z.infer<typeof configSchema>;

/** What a job reads of the run's data. */
export function dataReference({ data, from }: Config, images: number | null, validation: number): DataReference {
  const { path, hash, mean, std } = data;
  return { path, hash, images, validation, ...(from?.normalises === true ? { normalisation: { mean, std } } : {}) };
}

/** How the run's images are read, where they are a folder. */
export const readingOf = ({ data }: Config) => givenReading(data.reading);

/** What the run was begun with. */
export function bitsOfRun({ engine: { name: engine, version, instructionSet }, node }: Config): Bits {
  return { engine, version, instructionSet, node };
}

/** What a job of the run computes with. */
export function engineOf({ engine: { name, device, convolution, precision } }: Config, threads: number): EngineReference {
  return { name, device, convolution, threads, ...(precision === undefined ? {} : { precision }) };
}

/** The value of config.json, unchecked. */
function valueIn(path: string): unknown {
  const text = readRunText(path).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${reasonOf(error)}`);
  }
}

/** The configuration, and what the chain of the run's journal begins with. */
export function readChainedConfig(path: string): { readonly config: Config; readonly first: string } {
  const value = valueIn(path);
  const written = (value as { format?: unknown } | null)?.format;
  if (typeof written === 'number' && written > format)
    throw new UserError(`${path}: written by a newer Instar (format ${written}, this one reads ${format})`);
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) throw new UserError(`${path}: ${z.prettifyError(parsed.error).split('\n').join(' ')}`);
  return { config: parsed.data, first: beginChain(value) };
}

export const readConfig = (path: string): Config => readChainedConfig(path).config;

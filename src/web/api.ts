/** What server and page say to each other. Types alone, but for the forms that come from a page and are checked. */
import { z } from 'zod';
import type { Condition } from '../run/record/condition.ts';
import type { Config } from '../run/record/config.ts';

/** Of a folder in the list. `damaged`: it cannot be read; `not begun`: a search was started in it and wrote no run. */
export type RowState = Condition | 'damaged' | 'not begun' | 'starting';

export interface RunRow {
  /** What the address of the run is made of: the folder's name, below its study's where it belongs to one. */
  readonly id: string;
  readonly name: string;
  readonly study: string | null;
  readonly state: RowState;
  /** Why it cannot be read, or did not begin. */
  readonly problem: string | null;
  readonly method: string | null;
  readonly data: string | null;
  readonly preset: string | null;
  readonly seed: number | null;
  /** The best network so far: its validation accuracy, parameters, multiply-adds. */
  readonly best: {
    readonly line: string;
    readonly accuracy: number | null;
    readonly parameters: number;
    readonly multiplyAdds: number;
  } | null;
  /** Of the finished winner. */
  readonly test: number | null;
  readonly steps: number;
  /** Active seconds. */
  readonly seconds: number;
  readonly budget: number | null;
  /** The wall clock: of the first event, and of the last change, in milliseconds since 1970. */
  readonly begun: number | null;
  readonly changed: number;
  readonly events: number;
  /** Validation accuracies along the winner's line. */
  readonly sparkline: readonly number[];
}

export interface StudyRow {
  readonly id: string;
  readonly title: string;
  readonly problem: string | null;
  /** Of its runs: finished, and planned. */
  readonly finished: number;
  readonly planned: number;
  readonly changed: number;
}

export interface Listing {
  readonly folder: string;
  readonly runs: readonly RunRow[];
  readonly studies: readonly StudyRow[];
  /** Whether this viewer may change things: whoever opened the page with the token. */
  readonly mayChange: boolean;
}

/** What belongs to a run beside its events. */
export interface RunFacts {
  readonly id: string;
  readonly name: string;
  readonly config: Config;
  /** What runs it again. */
  readonly command: string;
  /** What goes on with it. */
  readonly resume: string;
  /** Lines whose numbers are on disk still. */
  readonly kept: readonly string[];
}

/** A data set that a search can be begun with. */
export interface DataChoice {
  readonly id: string;
  readonly name: string;
  readonly where: string;
  /** As the command line is told. */
  readonly options: readonly string[];
}

export interface Choices {
  readonly data: readonly DataChoice[];
  readonly engines: readonly string[];
  readonly workers: number;
}

/** Of a run's data, what a page may look at. */
export const partNames = ['validation', 'test'] as const;
export type PartName = (typeof partNames)[number];

/** The images of a part of the run's data, as they are numbered by `pixels`. */
export interface ImagesFacts {
  readonly count: number;
  readonly labels: readonly number[];
  readonly shape: { readonly channels: number; readonly height: number; readonly width: number };
}

export interface StudyPage {
  readonly title: string;
  /** The report's own sections, of the runs as they are. */
  readonly html: string;
  readonly changed: number;
}

/** What stands behind an event of the stream: `entries`, `live`, `condition`, `problem`. */
export interface ConditionNews {
  readonly condition: Condition;
  readonly kept: readonly string[];
}

const amount = z.string().regex(/^\d{1,12}(\.\d{1,6})?[kKmMgG]?$/);
const time = z.string().regex(/^((\d{1,7}(\.\d{1,3})?[smhd])+|\d{1,7}(\.\d{1,3})?)$/, 'a time, such as 10m or 1h30m');

/** A search to begin, or to plan. Each is an option of the command line of the same name. */
export const searchForm = z.strictObject({
  data: z.string().max(5000),
  name: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}$/u, 'letters, digits, spaces, dots, hyphens, underscores: at most 80')
    .optional(),
  preset: z.enum(['quick', 'laptop', 'paper']),
  method: z.enum(['nash', 'sh', 'shr', 'shrsep', 'random', 'vanilla']),
  budget: time.optional(),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  steps: z.int().min(0).max(10_000).optional(),
  maxParams: amount.optional(),
  maxMacs: amount.optional(),
  images: amount.optional(),
  imageSize: z.int().min(1).max(1024).optional(),
  workers: z.int().min(1).max(1024).optional(),
  engine: z.enum(['auto', 'onednn', 'onnx', 'reference']),
  baseline: z.boolean(),
});

export type SearchForm = z.infer<typeof searchForm>;

export const renameForm = z.strictObject({ name: searchForm.shape.name.unwrap() });
/** The name again: whoever deletes says twice what. */
export const deleteForm = z.strictObject({ name: z.string().max(300), sure: z.literal(true) });
export const resumeForm = z.strictObject({ budget: time.optional() });

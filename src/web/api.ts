/** What server and page say to each other. Types alone, but for the forms that come from a page and are checked. */
import { z } from 'zod';
import { fieldSchema, formShape, type FormValues } from '../options/form.ts';
import { planOptions } from '../options/table.ts';
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

/** The name of a run and of its folder. */
export const runName = z
  .string()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}$/u,
    'must be letters, digits, spaces, dots, hyphens and underscores, at most 80, and begin with a letter or a digit',
  );

/** A search to start or to plan: options of the command line by their keys, as texts or switches. */
export const searchForm = z
  .strictObject({ data: z.string().max(5000), name: runName.optional(), ...formShape(planOptions) })
  .transform((form) => form as SearchForm);

export type SearchForm = FormValues & { readonly data: string; readonly name?: string };

export const renameForm = z.strictObject({ name: runName });
/** The name again: whoever deletes says twice what. */
export const deleteForm = z.strictObject({ name: z.string().max(300), sure: z.literal(true) });
export const resumeForm = z.strictObject({ budget: fieldSchema(planOptions.budget).optional() });

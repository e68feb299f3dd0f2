/** The interface between server and page: types, and the schemas of what a page sends. */
import { z } from 'zod';
import type { DataEvent } from '../data/source.ts';
import { fieldSchema, formShape, type FormValues } from '../options/form.ts';
import { planOptions } from '../options/table.ts';
import type { Condition } from '../run/record/read.ts';
import type { Config } from '../run/record/config.ts';

/** The header in which a request brings the token. It is not Authorization, which a proxy may use for its own passwords. */
export const tokenHeader = 'Instar-Token';

/** Of a folder in the list. `damaged`: it cannot be read; `not begun`: a search was started in it and failed before it wrote a run. */
export type RowState = Condition | 'damaged' | 'not begun' | 'starting';

/** A list or a group of settings as JSON; null where there is no value. */
export type SettingValue = string | number | boolean | null;

/** What an operator gained: by how much ln loss of the children that it had a part in was below the median of their step (`search/gains.ts`). */
export interface OperatorGain {
  readonly children: number;
  /** Of the gains, and of their squares. */
  readonly sum: number;
  readonly squares: number;
  /** Those of the children that won their step. */
  readonly winners: number;
}

/** What a person keeps with a run. */
export interface RunNotes {
  readonly tags: readonly string[];
  readonly note: string;
  /** Why it cannot be read. */
  readonly problem: string | null;
}

export interface RunRow {
  /** Names the run in addresses: the folder's name, behind its study's where it belongs to one. */
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
  readonly best: { readonly accuracy: number | null; readonly parameters: number; readonly multiplyAdds: number } | null;
  /** Test accuracy of the final network. */
  readonly test: number | null;
  readonly steps: number;
  /** Active seconds. */
  readonly seconds: number;
  readonly budget: number | null;
  /** Of the first event and the last change: milliseconds since 1970. */
  readonly begun: number | null;
  readonly changed: number;
  readonly events: number;
  /** Validation accuracies along the winner's lineage. */
  readonly sparkline: readonly number[];
  /** By their names, such as `step.eta`; null without a readable run. */
  readonly settings: Readonly<Record<string, SettingValue>> | null;
  /** By the names of operators. */
  readonly gains: Readonly<Record<string, OperatorGain>>;
  readonly notes: RunNotes;
}

export interface StudyRow {
  readonly id: string;
  readonly title: string;
  readonly problem: string | null;
  /** Runs. */
  readonly finished: number;
  readonly planned: number;
  readonly changed: number;
}

export interface Listing {
  readonly folder: string;
  readonly runs: readonly RunRow[];
  readonly studies: readonly StudyRow[];
  /** Whether the request came with the token. */
  readonly mayChange: boolean;
}

/** What a page needs of a run beside its events. */
export interface RunFacts {
  readonly id: string;
  readonly name: string;
  readonly config: Config;
  /** Runs the same search again. */
  readonly command: string;
  /** Resumes it. */
  readonly resume: string;
  /** Candidates whose checkpoints are on disk. */
  readonly kept: readonly string[];
}

/** A dataset that a search can be started with. */
export interface DataChoice {
  readonly id: string;
  readonly name: string;
  readonly where: string;
  /** For the command line. */
  readonly options: readonly string[];
}

/** Begins the id of a dataset that is named by its path below the data folder. */
export const inDataFolder = 'in:';

export interface Choices {
  readonly data: readonly DataChoice[];
  readonly workers: number;
  /** The folder that the server was started with, to which folders can be sent; null where there is none. */
  readonly folder: string | null;
}

/** A folder below the data folder. */
export interface DataListing {
  /** Names with slashes between them; empty for the data folder itself. */
  readonly path: string;
  /** With what is directly in each; null where that was not counted. */
  readonly folders: readonly { readonly name: string; readonly folders: number | null; readonly images: number | null }[];
  /** Archives, tables and Parquet files. */
  readonly files: readonly string[];
  /** Images directly in it. */
  readonly images: number;
  /** Folders that are not listed. */
  readonly more: number;
}

/** A folder that was sent. */
export interface Uploaded {
  /** In the data folder. */
  readonly name: string;
  /** What was done. */
  readonly words: string;
}

/** Pictures of a class, as addresses that hold them. */
export interface ClassSamples {
  readonly name: string;
  readonly pictures: readonly string[];
}

/** What the check of a search's data says: what is read and noted, and at the end what it found. */
export type CheckNews =
  | DataEvent
  | {
      readonly kind: 'checked';
      /** Data and settings, as a search says them. */
      readonly lines: readonly string[];
      /** Images that cannot be read, the first of them. */
      readonly leftOut: readonly string[];
      readonly samples: readonly ClassSamples[];
    }
  | { readonly kind: 'failed'; readonly message: string };

/** The parts of a run's data that a page may look at. */
export const partNames = ['validation', 'test'] as const;
export type PartName = (typeof partNames)[number];

/** The images of a part of a run's data, numbered from 0. */
export interface ImagesFacts {
  readonly count: number;
  readonly labels: readonly number[];
  readonly shape: { readonly channels: number; readonly height: number; readonly width: number };
}

export interface StudyPage {
  readonly title: string;
  /** The sections of the report. */
  readonly html: string;
  readonly changed: number;
}

/** The data of a `condition` event. */
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

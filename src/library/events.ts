/**
 * What `search` and `resume` yield: `begin`; the entries of the run's journal, each after it was written; `progress` between them;
 * `done`. The compiler holds the entries equal to the journal's schemas (`test/library/events.test.ts`).
 */
import type { Edit } from '../morphism/edit.ts';
import type { Network } from '../network/network.ts';
import type { StopReason } from '../search/events.ts';
import type { Certificate, Failure, LogitComparison, Measured, Verified } from '../training/job.ts';

export type { StopReason };

/**
 * Names a candidate, a network in training: `vanilla` (the start network), `s1c3` (step 1, child 3), `final`, `baseline`.
 */
export type CandidateName = string;

/** The first item: the run has a folder. What goes before, such as reading the data, is told to `onData`. */
export interface BeginEvent {
  readonly type: 'begin';
  /** The run's folder, for `resume`, `load`, `report`. */
  readonly folder: string;
}

/** How far a task is. Comes a few times a second, and is not kept. */
export interface ProgressEvent {
  readonly type: 'progress';
  readonly task: string;
  readonly line: CandidateName;
  /** Minibatches done, of `count`; 0 of 0 where the task does not train. */
  readonly done: number;
  readonly count: number;
  /** Mean cross-entropy of the last minibatch, nats. */
  readonly loss: number;
  /** The most memory that its worker has had, bytes. */
  readonly peak: number;
}

/** The files of a run that are there; null for those that are not. Paths begin with the run's folder. */
export interface RunFiles {
  /** `best.onnx`, to deploy: bytes of pixels in, logits and probabilities out. */
  readonly onnx: string | null;
  /** `best.safetensors`, to train further: the network and its weights. */
  readonly weights: string | null;
  /** `best.json`, to read: layers, classes, normalisation. */
  readonly network: string | null;
  readonly config: string;
  readonly journal: string;
  /** `report.html`, where one was written (`report`). */
  readonly report: string | null;
  /** `left-out.txt`: images that could not be read. */
  readonly leftOut: string | null;
}

/** The last item: what the run has come to, also where it was interrupted. It does not come after an error. */
export interface DoneEvent {
  readonly type: 'done';
  readonly folder: string;
  /** Whether the search ended by itself. Else it was interrupted, and `resume` goes on. */
  readonly finished: boolean;
  /** Why the search ended: `steps`, `time` (its budget), `limits` of size, `parent` (children were no longer better). Null before that. */
  readonly reason: StopReason | null;
  readonly files: RunFiles;
  /** The best network; null before there is one. */
  readonly best: { readonly line: CandidateName; readonly parameters: number; readonly multiplyAdds: number } | null;
  /** Of the best network, 0 to 1; null where it was not measured: `test` comes last, and the final network is not validated. */
  readonly accuracy: {
    readonly test: number | null;
    readonly validation: number | null;
    /** On the test images, the mean over classes. */
    readonly balanced: number | null;
    /** On the test images, of the start network trained for as long, where the setting `baseline` asks for it. */
    readonly baseline: number | null;
  };
  /** Active seconds of the run, those before a resume included. */
  readonly seconds: number;
}

/** What each entry of the journal has. */
export interface JournalEntry {
  /** From 0, without gaps. */
  readonly n: number;
  /** Active seconds since the run began; the time between an end and a resume is not counted. */
  readonly t: number;
  /** The wall clock, ISO 8601. */
  readonly at: string;
}

/** The first entry: the version of the journal and of Instar. */
export interface OpeningEvent extends JournalEntry {
  readonly type: 'run';
  readonly format: number;
  readonly instar: string;
}

/** What a budget was planned to: how it scales the settings, and how its time is shared. */
export interface PlanEvent extends JournalEntry {
  readonly type: 'plan';
  /** Seconds. */
  readonly budget: number;
  readonly plan: {
    /** Training images. */
    readonly images: number;
    readonly vanillaEpochs: number;
    readonly children: number;
    readonly stepEpochs: number;
    /** Where the method plans by work (multiply-adds of training): sizes of the networks, rounds, steps. */
    readonly sizes?:
      | {
          readonly work: number;
          readonly widths: readonly number[];
          readonly rounds: number;
          readonly steps: number;
          readonly multiplyAdds: number;
        }
      | undefined;
    /** Active seconds until which the steps may go on. */
    readonly searchUntil: number;
    /** Measured: seconds a multiply-add of training, for one job of all threads alone, and for jobs of one thread side by side. */
    readonly alone: number;
    readonly beside: number;
  };
}

/** The budget was extended to so many seconds. */
export interface ExtendedEvent extends JournalEntry {
  readonly type: 'extended';
  readonly budget: number;
  readonly searchUntil: number;
}

/** A task was given to a worker. */
export interface TaskEvent extends JournalEntry {
  readonly type: 'task';
  readonly task: string;
  readonly line: CandidateName;
  readonly threads: number;
  /** Passes of a minibatch, where memory does not hold it whole. */
  readonly passes?: number | undefined;
}

/** A worker of another machine computes the task from here on. */
export interface WorkerEvent extends JournalEntry {
  readonly type: 'worker';
  readonly task: string;
  readonly line: CandidateName;
  readonly name: string;
  /** Engine, processor and Node, which the bits of the result depend on. */
  readonly bits: string;
  readonly instar: string;
}

/** The ONNX file of a candidate was compared with the engine, or could not be: `problem` says why it is not to be trusted. */
export interface ExportedEvent extends JournalEntry {
  readonly type: 'exported';
  readonly line: CandidateName;
  readonly checkpoint: string;
  readonly verified: Verified | null;
  readonly problem: string | null;
}

/** There is a new best network: its files are written next. */
export interface BestEvent extends JournalEntry {
  readonly type: 'best';
  readonly line: CandidateName;
  readonly checkpoint: string;
  /** SHA-256 of the content of `best.onnx`, `best.safetensors`, `best.json`. */
  readonly files: { readonly model: string; readonly tensors: string; readonly network: string };
}

/** The run was stopped in order. */
export interface InterruptedEvent extends JournalEntry {
  readonly type: 'interrupted';
}

/** The run goes on after it was stopped or killed. */
export interface ResumedEvent extends JournalEntry {
  readonly type: 'resumed';
  /** Bytes of a torn last line that were cut off. */
  readonly cut: number;
  /** Whether engine, processor or Node are others than before, so that bits may differ. */
  readonly mixed: boolean;
}

/** The start network. `from`: one that was trained before. */
export interface VanillaEvent extends JournalEntry {
  readonly type: 'vanilla';
  readonly network: Network;
  readonly from?: { readonly checkpoint: string; readonly compared: LogitComparison | null } | undefined;
}

/** A step begins with its children. Child 0 is the parent itself in the paper's methods. */
export interface StepEvent extends JournalEntry {
  readonly type: 'step';
  /** From 1. */
  readonly step: number;
  readonly parent: CandidateName;
  readonly children: readonly {
    readonly line: CandidateName;
    /** What makes the child of its parent. */
    readonly edits: readonly Edit[];
    readonly parameters: number;
    /** Of an image. */
    readonly multiplyAdds: number;
  }[];
  /** The only child that is trained, where the method samples it. */
  readonly drawn?: CandidateName | undefined;
}

/** The edits of a child are made, and the certificate says how nearly it computes what its parent does. */
export interface GrownEvent extends JournalEntry {
  readonly type: 'grown';
  readonly line: CandidateName;
  readonly certificate: Certificate;
}

/** An epoch of a candidate ended, or its task. */
export interface EpochEvent extends JournalEntry {
  readonly type: 'epoch';
  readonly line: CandidateName;
  readonly task: string;
  /** Minibatches of the task. */
  readonly done: number;
  /** Epochs of the candidate, from 1. */
  readonly epoch: number;
  /** Mean cross-entropy of training since the last such event, nats. */
  readonly loss: number;
  /** On the validation images; null where it was not measured. */
  readonly validation: Measured | null;
  /** On augmented validation images, where a setting asks for it. */
  readonly augmented?: Measured | undefined;
  readonly checkpoint: string;
}

/** A task failed. Where it is not retried, its candidate is lost. */
export interface FailedEvent extends JournalEntry {
  readonly type: 'failed';
  readonly line: CandidateName;
  readonly task: string;
  readonly failure: Failure;
  readonly message: string;
  readonly retried: boolean;
}

/** A rung of successive halving ended. */
export interface RungEvent extends JournalEntry {
  readonly type: 'rung';
  readonly step: number;
  /** From 0. */
  readonly rung: number;
  readonly survivors: readonly CandidateName[];
  readonly dropped: readonly CandidateName[];
}

/** A candidate enters a rung by itself, where the method has no barrier between rungs; rung 0 begins its training. */
export interface PromotionEvent extends JournalEntry {
  readonly type: 'promotion';
  readonly step: number;
  readonly line: CandidateName;
  readonly rung: number;
}

/** A step ended: this is the next parent. */
export interface SelectedEvent extends JournalEntry {
  readonly type: 'selected';
  readonly step: number;
  readonly line: CandidateName;
}

/** The steps end; the final training starts from this candidate. */
export interface StopEvent extends JournalEntry {
  readonly type: 'stop';
  readonly reason: StopReason;
  readonly line: CandidateName;
  readonly checkpoint?: string | undefined;
}

/** A part of the final training or of the baseline is planned. */
export interface SliceEvent extends JournalEntry {
  readonly type: 'slice';
  readonly line: 'final' | 'baseline';
  /** The largest learning rate of the schedule. */
  readonly rate: number;
  /** Of the schedule, 0 to 1. */
  readonly from: number;
  readonly to: number;
  /** Minibatches. */
  readonly count: number;
  /** Whether it is the last. */
  readonly whole: boolean;
  /** Whether the optimizer starts anew. */
  readonly restart: boolean;
}

/** A test evaluation. */
export interface TestEvent extends JournalEntry {
  readonly type: 'test';
  readonly line: CandidateName;
  /** How many test evaluations the run has had with this one. */
  readonly reading: number;
  readonly measured: Measured;
  /** confusion[class][predicted class], images. */
  readonly confusion: readonly (readonly number[])[];
}

/** The final training is taken back, since it validated worse, or there is none, since the head alone is trained: the network is that of an earlier candidate. */
export interface UndoneEvent extends JournalEntry {
  readonly type: 'undone';
  readonly line: 'final';
  readonly to: CandidateName;
  readonly checkpoint: string;
}

/** The search has ended. */
export interface FinishedEvent extends JournalEntry {
  readonly type: 'finished';
  readonly line: CandidateName;
}

/** A search that had ended continues with more time. Its final training is discarded. */
export interface ReopenedEvent extends JournalEntry {
  readonly type: 'reopened';
}

/** An entry of the journal. */
export type JournalEvent =
  | OpeningEvent
  | PlanEvent
  | ExtendedEvent
  | TaskEvent
  | WorkerEvent
  | ExportedEvent
  | BestEvent
  | InterruptedEvent
  | ResumedEvent
  | VanillaEvent
  | StepEvent
  | GrownEvent
  | EpochEvent
  | FailedEvent
  | RungEvent
  | PromotionEvent
  | SelectedEvent
  | StopEvent
  | SliceEvent
  | TestEvent
  | UndoneEvent
  | FinishedEvent
  | ReopenedEvent;

/** What `search` and `resume` yield. `type` tells which it is. */
export type SearchItem = BeginEvent | JournalEvent | ProgressEvent | DoneEvent;

/**
 * The contract of a method: what a step starts, which operators its children are sampled from, who trains for how long next,
 * by which learning rate, and who is selected. A method is a value without state; it decides from the state of the search alone.
 * `search/next.ts` asks it, and so does the simulation that plans and forecasts.
 */
import type { OperatorWeights } from '../../morphism/operators.ts';
import type { Schedule } from '../../training/schedule.ts';
import type { Random } from '../../util/random.ts';
import type { SearchEvent } from '../events.ts';
import type { CandidateId, SearchState, Step } from '../state.ts';
import type { StepSettings } from '../step-settings.ts';

/** A stage of a step: a candidate that enters it trains for so many epochs. */
export interface Rung {
  /** Candidates that are planned to train in it. */
  readonly size: number;
  /** Epochs of each of them. */
  readonly epochs: number;
}

/** How the learning rate runs over the rungs that a candidate climbs. */
export interface LearningRate {
  /** Where the schedule and the optimizer start anew: at each rung, or with the step alone. */
  readonly restart: 'step' | 'rung';
  /** The segment of the schedule that a rung trains, over its minibatches. */
  segment(step: StepSettings, rungs: readonly Rung[], rung: number): Schedule;
}

/** A candidate that trains in a rung. */
export interface Entry {
  readonly candidate: CandidateId;
  readonly rung: number;
  /** How many train beside it, itself included: its share of the cores follows from that. */
  readonly beside: number;
}

/** A step in progress. */
export interface OpenStep {
  readonly state: SearchState;
  readonly step: Step;
  readonly settings: StepSettings;
  readonly rungs: readonly Rung[];
  /** Whether the candidate has all the epochs of the rung. */
  isDone(candidate: CandidateId, rung: number): boolean;
}

export type Advance =
  /**
   * These train. `whenIdle` is recorded as soon as all of them have a worker and another worker is idle: it lets another candidate
   * enter, without a barrier between rungs.
   */
  | { readonly kind: 'train'; readonly entries: readonly Entry[]; readonly whenIdle?: SearchEvent }
  | { readonly kind: 'record'; readonly event: SearchEvent }
  /** The step ends. Null: the parent goes on as it was before the step. */
  | { readonly kind: 'select'; readonly candidate: CandidateId | null };

/** A step that is to start. */
export interface StepQuestion {
  readonly settings: StepSettings;
  /** From 1. */
  readonly step: number;
  /** Of the parent, an image. */
  readonly multiplyAdds: number;
  /** How many times the limits of its size the parent is, by the one that it is furthest over. */
  readonly excess: number;
  /** Null: no limit. */
  readonly limits: { readonly steps: number | null; readonly multiplyAdds: number | null };
}

/** Multiply-adds an image, or how many times the limits. */
export type SizeMeasure = 'multiply-adds' | 'excess';

/** What a step starts. */
export interface StepStart {
  /** Children, the unmutated parent included. */
  readonly children: number;
  /** The size that mutated children are to have, by its measure; missing: each has as many mutations as the settings say. */
  readonly size?: { readonly of: SizeMeasure; readonly least: number; readonly most: number };
  /** Whether the first child is the parent without mutations. */
  readonly unmutated: boolean;
  /** The only child that is trained; null where they compete. */
  readonly trained: number | null;
}

export interface Method {
  /** In tables and figures, such as `SHR`. */
  readonly label: string;
  /** What it does, in one line for people who choose. */
  readonly summary: string;
  /** How it selects, such as `successive halving`. */
  readonly selection: string;
  /** What happens to the children of a step, as a clause. */
  readonly training: string;
  /** `baseline`: methods are compared with it; its children do not compete. */
  readonly role: 'search' | 'baseline';
  /** Whether mutated children are trained at all. */
  readonly grows: boolean;
  /**
   * Whether the search is one training: the optimizer's states and the learning rate go on from the start network through the steps to the
   * final training, and all candidates see the same minibatches in the same order.
   */
  readonly continuous: boolean;
  /**
   * Whether it fine-tunes a given network: trains the head alone first, then all layers; and takes a final training back that validates
   * worse than what was there before.
   */
  readonly tunes: boolean;
  /** Whether it makes a given network smaller, step by step, until it is within the limits of its size. */
  readonly shrinks: boolean;
  /** Steps that the parent without mutations may win in a row before growth ends; null for any number. */
  readonly parentWins: number | null;
  /** Children a step, at least. */
  readonly fewestChildren: number;
  /** What children are sampled from, unless the settings say otherwise. */
  readonly operators: OperatorWeights;
  readonly learningRate: LearningRate;
  start(asked: StepQuestion, random: Random): StepStart;
  /** The rungs of a step, in order. A rung of 0 epochs says that the settings have too few. */
  rungs(step: StepSettings): readonly Rung[];
  /** The fewest epochs a step that give each rung one. */
  fewestEpochs(step: StepSettings): number;
  /** What happens next. */
  advance(step: OpenStep): Advance;
}

/**
 * What a display shows of a run: its state, the replay of its journal, and what was told of the tasks that run. Pure; time
 * comes in as active seconds. Nothing in here is kept.
 */
import { splitCounts } from '../../data/split-counts.ts';
import type { Config } from '../record/config.ts';
import { plannedSettings } from '../planning/budget.ts';
import type { Entry, Progress } from '../record/events.ts';
import { emptyRun, replayEntry, type RunState } from '../record/replay.ts';
import { currentParent } from '../../search/ranking.ts';
import type { Settings } from '../../search/settings.ts';
import { candidateOfTask, lineage, validationOf, type CandidateId, type SearchState, type Step } from '../../search/state.ts';
import { alwaysCopied, type Copy } from '../../util/copies.ts';

/** A task that a worker is on. */
export interface Running {
  readonly task: string;
  /** Minibatches of the task. */
  readonly done: number;
  /** As its worker says; null until it has. */
  readonly count: number | null;
  /** Of the last minibatch; null before the first. */
  readonly loss: number | null;
}

interface Sample {
  readonly t: number;
  /** Minibatches trained since the display began. */
  readonly minibatches: number;
}

export interface View {
  readonly run: RunState;
  readonly running: ReadonlyMap<CandidateId, Running>;
  /** Of the last seconds, for the speed. */
  readonly samples: readonly Sample[];
  /** What went wrong, the latest last. */
  readonly messages: readonly string[];
}

export const viewOf = (run: RunState): View => ({ run, running: new Map(), samples: [], messages: [] });
export const emptyView: View = viewOf(emptyRun);

/** Seconds over which the speed is measured, and messages that are kept. */
const speedWindow = 12;
const keptMessages = 20;

function advance(view: View, line: CandidateId, next: Running, now: number): View {
  const before = view.running.get(line);
  const gained = before?.task === next.task ? Math.max(0, next.done - before.done) : 0;
  const last = view.samples.at(-1) ?? { t: now, minibatches: 0 };
  const samples = [...view.samples, { t: now, minibatches: last.minibatches + gained }].filter(
    (sample) => sample.t >= now - speedWindow,
  );
  return { ...view, samples, running: new Map(view.running).set(line, next) };
}

const without = (view: View, gone: (line: CandidateId) => boolean): View => ({
  ...view,
  running: new Map([...view.running].filter(([line]) => !gone(line))),
});

const withMessage = (view: View, message: string): View => ({
  ...view,
  messages: [...view.messages, message].slice(-keptMessages),
});

function observeEntry(view: View, entry: Entry, now: number, copy: Copy): View {
  const next: View = { ...view, run: replayEntry(view.run, entry, copy) };
  switch (entry.type) {
    case 'task': {
      const done = next.run.search.tasks.get(entry.task) ?? 0;
      return { ...next, running: new Map(next.running).set(entry.line, { task: entry.task, done, count: null, loss: null }) };
    }
    case 'epoch': {
      const count = next.running.get(entry.line)?.count ?? null;
      return advance(next, entry.line, { task: entry.task, done: entry.done, count, loss: entry.loss }, now);
    }
    case 'failed':
      return withMessage(
        without(next, (line) => line === entry.line),
        `${entry.line} ${entry.retried ? 'failed, tried again' : 'lost'}: ${entry.failure}: ${entry.message.split('\n')[0] ?? ''}`,
      );
    case 'test':
    case 'undone':
    case 'promotion':
      return without(next, (line) => line === entry.line);
    case 'rung':
    case 'selected':
    case 'stop':
    case 'interrupted':
    case 'resumed':
    case 'reopened':
    case 'finished':
      return without(next, () => true);
    case 'run':
    case 'plan':
    case 'extended':
    case 'vanilla':
    case 'step':
    case 'grown':
    case 'worker':
    case 'exported':
    case 'best':
    case 'slice':
      return next;
  }
}

/** The view after that item. `now`: active seconds. `copy`: of the maps of the run's state. */
export function observe(view: View, item: Entry | Progress, now: number, copy: Copy = alwaysCopied): View {
  if (item.type !== 'progress') return observeEntry(view, item, now, copy);
  const { task, done, count, loss } = item;
  return advance(view, candidateOfTask(task), { task, done, count, loss }, now);
}

/** What the start network and the steps count: epochs, or the rounds that they are divided into. */
export const unitOf = ({ rounds }: Settings): 'epoch' | 'round' => (rounds === 1 ? 'epoch' : 'round');

/** The settings that hold: those of the configuration, as a budget scaled them. */
export const settingsOf = ({ run }: View, config: Config): Settings => plannedSettings(config.settings, run.plan);

/** Minibatches an epoch, from the counts: up to the rounding of each class's share. `whole`: with the validation images. */
export function minibatchesAnEpoch({ data }: Config, settings: Settings, whole: boolean): number {
  const { train, validation } = splitCounts(data, settings);
  return Math.max(1, Math.floor((train + (whole ? validation : 0)) / settings.batch));
}

export type Phase =
  | { readonly kind: 'start' }
  | { readonly kind: 'vanilla' }
  /** `rung`: of all candidates, from 0; null where they are promoted one by one. */
  | { readonly kind: 'step'; readonly step: Step; readonly rung: number | null }
  | { readonly kind: 'final' | 'baseline' | 'test' | 'verification' | 'done' };

export function phaseOf({ candidates, steps, stop, segments, finished, tests }: SearchState, running: View['running']): Phase {
  if (finished) return { kind: 'done' };
  if (stop !== null) {
    if ([...running.values()].some(({ task }) => task.endsWith('/test'))) return { kind: 'test' };
    if (segments.baseline.length > 0 && !tests.has('baseline')) return { kind: 'baseline' };
    // What is left after the last test evaluation: the exported file is run beside the engine.
    return { kind: tests.has('final') ? 'verification' : 'final' };
  }
  const step = steps.at(-1);
  if (step !== undefined) return { kind: 'step', step, rung: step.promotions.length > 0 ? null : step.rungs.length };
  return { kind: candidates.has('vanilla') ? 'vanilla' : 'start' };
}

/** Images a second that are trained now; null before that is known, and where nothing runs. */
export function imagesPerSecond(view: View, config: Config, now: number): number | null {
  if (view.run.interrupted || view.run.search.finished) return null;
  const [first, last] = [view.samples[0], view.samples.at(-1)];
  if (first === undefined || last === undefined || now - last.t > speedWindow || last.t - first.t < 1) return null;
  const speed = ((last.minibatches - first.minibatches) * settingsOf(view, config).batch) / (last.t - first.t);
  return speed > 0 ? speed : null;
}

/** The vanilla network and the winners since, each with its validation accuracy. */
export function winners(search: SearchState): readonly { readonly line: CandidateId; readonly accuracy: number | null }[] {
  if (!search.candidates.has('vanilla')) return [];
  return lineage(search, search.stop?.line ?? currentParent(search)).map(({ id }) => ({
    line: id,
    accuracy: validationOf(search, id)?.accuracy ?? null,
  }));
}

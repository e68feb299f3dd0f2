/** A search without training. Losses and accuracies are a hash of (candidate, epoch); tasks end in a given or random order. */
import assert from 'node:assert/strict';
import type { SearchEvent } from '../../src/search/events.ts';
import { minibatchesPerEpoch, type Context, type Task, type TrainingTask } from '../../src/search/next.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { formatRungs, planRungs } from '../../src/search/rungs.ts';
import { presets, type Settings } from '../../src/search/settings.ts';
import { simulate as simulateSearch, wholeFinal } from '../../src/search/simulation.ts';
import { emptyState, reduce, type SearchState } from '../../src/search/state.ts';
import type { Schedule } from '../../src/training/schedule.ts';
import { sha256 } from '../../src/util/hash.ts';
import { random, type Random } from '../../src/util/random.ts';

/** 130 training and 14 validation images of 8×8: 13 minibatches of 10 an epoch, 14 with the validation images. */
export function contextOf(settings: Partial<Settings> = {}, passesFor: Context['passesFor'] = () => 1): Context {
  const base: Settings = { ...presets.paper, widths: [2, 3], batch: 10 };
  const counts = { shape: { channels: 1, height: 8, width: 8 }, classes: 3, train: 130, validation: 14 };
  return { settings: { ...base, limits: { ...base.limits, steps: 2 }, ...settings }, counts, passesFor, startStep: sampleStep };
}

const ladder = (settings: Settings): string => {
  const rungs = planRungs(settings);
  return typeof rungs === 'string' ? rungs : formatRungs(rungs);
};

/** The rungs of a method as text, or the reason why they are not possible. */
export const drawRungs = (method: Settings['method'], children: number, epochs: number, eta = 2): string =>
  ladder(contextOf({ method, step: { ...presets.paper.step, children, epochs, eta } }).settings);

/** Rounded to two decimals, so that there are ties. */
const measuredOf = (candidate: string, epoch: number): { loss: number; accuracy: number } => {
  const stream = random('simulated', candidate, epoch);
  return { loss: stream.integer(100) / 100, accuracy: stream.integer(20) / 20 };
};

/** The remaining events of a task, one per epoch, as training would report them. */
export function eventsOf(task: Task, context: Context): SearchEvent[] {
  if (task.kind === 'test') return [testEvent(task.line)];
  const perEpoch = minibatchesPerEpoch(context, task.whole);
  const { first, count, done } = task.minibatches;
  const events: SearchEvent[] = [];
  if (task.start.edits.length > 0) events.push({ type: 'grown', line: task.line, certificate: { evaluation: 0, training: 0 } });
  for (let at = done; at < count; at++) {
    const within = (first + at) % perEpoch;
    if (within !== perEpoch - 1 && at !== count - 1) continue;
    const epoch = Math.floor((first + at) / perEpoch) + 1;
    const { line: candidate, id, whole } = task;
    const validation = whole ? null : measuredOf(candidate, epoch);
    const checkpoint = sha256(candidate, String(first + at), id.startsWith('final') || id.startsWith('baseline') ? id : '');
    events.push({ type: 'epoch', line: candidate, task: id, done: at + 1, epoch, loss: 1, validation, checkpoint });
  }
  return events;
}

const testEvent = (candidate: string, reading = 1): SearchEvent => ({
  type: 'test',
  line: candidate,
  reading,
  measured: { loss: 0.5, accuracy: 0.5 },
  confusion: [[1]],
});

const slice = (schedule: Schedule): string =>
  schedule.kind === 'constant'
    ? `at ${schedule.rate}`
    : `at ${schedule.rate} from ${round(schedule.from)} to ${round(schedule.to)}`;
const round = (value: number): string => String(Number(value.toFixed(3)));

export function printTask(task: Task, context: Context): string {
  if (task.kind === 'test') return `test ${task.line}`;
  const { first, count, done } = task.minibatches;
  const perEpoch = minibatchesPerEpoch(context, task.whole);
  const epochs = `${round(first / perEpoch)}–${round((first + count) / perEpoch)}`;
  const from = task.start.from.kind === 'initial' ? 'anew' : task.start.edits.length > 0 ? 'grown' : 'on';
  const momentum = task.start.optimizerState === 'kept' ? ' with momentum' : '';
  return `${task.id}: epochs ${epochs}${done === 0 ? '' : ` (${done} of ${count} done)`} ${slice(task.schedule)}, ${from}${momentum}`;
}

export function printEvent(event: SearchEvent): string {
  switch (event.type) {
    case 'vanilla':
      return 'vanilla';
    case 'step':
      return `step ${event.step} of ${event.parent}: ${event.children.map((child) => `${child.line}(${child.edits.length})`).join(' ')}`;
    case 'rung':
      return `rung ${event.rung}: ${event.survivors.join(' ')} | ${event.dropped.join(' ')}`;
    case 'selected':
      return `selected ${event.line}`;
    case 'stop':
      return `stop (${event.reason}) with ${event.line}`;
    case 'slice':
      return `slice of ${event.line}: ${event.count} minibatches from ${round(event.from)} to ${round(event.to)}${event.restart ? ', anew' : ''}`;
    case 'epoch':
      return `${event.task} ${event.done}`;
    default:
      return event.type;
  }
}

export interface Simulation {
  readonly context: Context;
  readonly events: readonly SearchEvent[];
  readonly state: SearchState;
  /** The decisions, one per line. Each task is listed once. */
  readonly transcript: readonly string[];
}

export interface Intervention {
  /** Called before each decision. If it returns an event, that is recorded first. */
  readonly before?: (state: SearchState, events: readonly SearchEvent[]) => SearchEvent | null;
  /** Replaces the events of a task. */
  readonly instead?: (task: Task, state: SearchState) => SearchEvent[] | null;
  /** Chooses the open task that reports the next event. */
  readonly order?: Random;
  readonly from?: readonly SearchEvent[];
}

/** Simulates a search to its end. The final training is one segment. Without `order`, tasks run one after another. */
export function simulate(context: Context, { before, instead, order, from = [] }: Intervention = {}): Simulation {
  const events = [...from];
  const transcript: string[] = [];
  const seen = new Set<string>();
  let state = from.reduce((now, event) => reduce(now, event), emptyState);
  const simulated = simulateSearch({
    context,
    cores: order === undefined ? { workers: 1, threads: 1 } : { workers: 64, threads: 1 },
    model: {
      cost: () => ({ start: order?.float() ?? 0, minibatch: order?.float() ?? 1, epoch: 0 }),
      validation: ({ id }, epoch) => measuredOf(id, epoch),
    },
    from: state,
    before: (now) => {
      const extra = before?.(now, events) ?? null;
      if (extra !== null) transcript.push(printEvent(extra));
      return extra;
    },
    reports: (task, now) => instead?.(task, now) ?? eventsOf(task, context),
    onDecision(decision, now) {
      const { failures } = now;
      if (decision.kind === 'record') transcript.push(printEvent(decision.event));
      if (decision.kind === 'plan') transcript.push(printEvent(wholeFinal(context, now)));
      for (const task of decision.kind === 'work' ? decision.tasks : []) {
        const attempt = `${task.id} ${failures.get(task.id)?.count ?? 0}`;
        if (!seen.has(attempt)) transcript.push(`  ${printTask(task, context)}`);
        seen.add(attempt);
      }
    },
  });
  for (const { event } of simulated) {
    assert.ok(events.length < 20_000, 'the search ends');
    events.push(event);
    state = reduce(state, event);
  }
  return { context, events, state, transcript };
}

/** Whether a task is a training. */
export const isTraining = (task: Task): task is TrainingTask => task.kind === 'training';

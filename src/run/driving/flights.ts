/** The tasks that workers have: each as a job, what is reported of it, and the speeds that are measured on the way. */
import type { JobObserver, Pool } from '../../execution/pool.ts';
import type { Task } from '../../search/next.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { evaluationWeightsOf, finalLearningOf, learningOf, type Settings } from '../../search/settings.ts';
import { candidateOf, type CandidateId } from '../../search/state.ts';
import type { Job, Report } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { taskStart } from '../planning/budget.ts';
import type { Pace } from '../planning/clock.ts';
import { dataReference, engineOf, type Config } from '../record/config.ts';
import type { ComputedBy, Plan } from '../record/events.ts';
import type { Recorded } from './recorder.ts';

/** A task that a worker has. */
export interface Flight {
  /** The candidate that it trains; null where it only evaluates. */
  readonly trains: CandidateId | null;
  readonly threads: number;
  readonly abort: AbortController;
  /** Active seconds when it was given to the worker. */
  readonly begun: number;
  /** When its first minibatches were done, by the worker's clock. */
  first: { readonly clock: number; readonly done: number } | null;
}

export interface TaskReport {
  readonly kind: 'report';
  readonly task: Task;
  readonly report: Report;
  /** Bytes: the most that its worker has had. */
  readonly peak: number;
  /** Seconds of the worker's clock. */
  readonly clock: number;
  /** Null: a worker of this machine. */
  readonly by: ComputedBy | null;
}

export type FlightNews = TaskReport | { readonly kind: 'ended'; readonly task: Task; readonly error: Error | null };

function jobOf(task: Task, config: Config, settings: Settings, threads: number, attempt: number): Job {
  const { images, validation } = settings;
  const data = dataReference(config, images, validation);
  const engine = engineOf(config, threads);
  const { batch, augmentation } = settings;
  const weights = evaluationWeightsOf(settings);
  const passes = task.passes === undefined ? {} : { passes: task.passes };
  if (task.kind === 'test') {
    const { id, network, checkpoint } = task;
    const { normalise } = augmentation;
    return { kind: 'evaluation', id, network, checkpoint, data, part: 'test', normalise, batch, ...passes, engine, ...weights };
  }
  const { id, network, start, whole, schedule, key, minibatches, interval, stream, part, teacher } = task;
  const learning = (task.line === 'final' || task.line === 'baseline' ? finalLearningOf : learningOf)(settings);
  const job = { id, attempt, network, start, data, whole, batch, augmentation, learning, schedule, key, minibatches, engine };
  return {
    kind: 'training',
    ...job,
    ...passes,
    ...weights,
    ...(part === undefined ? {} : { part }),
    ...(interval === undefined ? {} : { interval }),
    ...(stream === undefined ? {} : { stream }),
    ...(teacher === undefined ? {} : { teacher: { ...teacher, share: settings.distillation } }),
    ...(settings.augmentedValidation ? { augmentedValidation: true } : {}),
    ...(settings.balance ? { balanced: true } : {}),
  };
}

export interface Flights {
  readonly all: ReadonlyMap<string, Flight>;
  /** What was measured, or is planned where nothing was. */
  pace(plan: Plan | null, settings: Settings): Pace;
  start(task: Task, settings: Settings, threads: number, attempt: number): void;
  /** Measures the speed by a report. A worker of another machine has another clock. */
  measure(report: TaskReport, isOtherWorker: boolean): void;
  end(task: Task): void;
  abortAll(): void;
}

type Run = Pick<Recorded, 'config' | 'elapsed'> & { readonly pool: Pool };

export function createFlights({ config, pool, elapsed }: Run, tell: (news: FlightNews) => void): Flights {
  const { threads: most } = coresOfRun(config);
  const all = new Map<string, Flight>();
  /** Seconds a minibatch of a candidate's last task, and from its start to its first sign; with all threads. */
  const minibatches = new Map<CandidateId, number>();
  const starts = new Map<CandidateId, number>();
  return {
    all,
    pace: (plan, { batch }) => ({
      minibatch(id, state) {
        const { multiplyAdds, parent } = candidateOf(state, id);
        const measured = minibatches.get(id) ?? (parent === null ? undefined : minibatches.get(parent));
        return measured ?? multiplyAdds * must(plan, 'plan').alone * batch;
      },
      start: (id) => starts.get(id) ?? taskStart,
    }),
    start(task, settings, threads, attempt) {
      const abort = new AbortController();
      const trains = task.kind === 'training' ? task.line : null;
      all.set(task.id, { trains, threads, abort, begun: elapsed(), first: null });
      const report: JobObserver['report'] = (each, peak, clock, by) =>
        tell({ kind: 'report', task, report: each, peak, clock, by: by ?? null });
      pool.run(jobOf(task, config, settings, threads, attempt), { report }, abort.signal).then(
        () => tell({ kind: 'ended', task, error: null }),
        (error: Error) => {
          if (!abort.signal.aborted) tell({ kind: 'ended', task, error });
        },
      );
    },
    measure({ task, report, clock }, isOtherWorker) {
      const flight = must(all.get(task.id), `flight of ${task.id}`);
      if (isOtherWorker) flight.first = null;
      if ((report.kind !== 'progress' && report.kind !== 'epoch') || flight.threads !== most) return;
      if (flight.first === null) {
        flight.first = { clock, done: report.done };
        starts.set(task.line, elapsed() - flight.begun);
      } else if (report.done > flight.first.done)
        minibatches.set(task.line, (clock - flight.first.clock) / (report.done - flight.first.done));
    },
    end: ({ id }) => void all.delete(id),
    abortAll() {
      for (const { abort } of all.values()) abort.abort(new Error('left'));
      all.clear();
    },
  };
}

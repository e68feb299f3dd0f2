/**
 * One search as it happens: asks `search` what to do, gives tasks to workers, and writes down what comes of it. Everything
 * that it decides by the clock becomes an event, so that a replay never measures again.
 */
import { rmSync } from 'node:fs';
import type { Pool } from '../../execution/pool.ts';
import type { SearchEvent } from '../../search/events.ts';
import { baselineSegments, minibatchesPerEpoch, next, rungsOf, type Context, type Task } from '../../search/next.ts';
import { coresOfRun, coresOf, type Cores } from '../../search/rungs.ts';
import { bestCandidate, bestSoFar } from '../../search/ranking.ts';
import { learningOf, type Settings } from '../../search/settings.ts';
import { candidateOf, type CandidateId } from '../../search/state.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import { exportProblem, JobFailure, type Job, type Report, type Verified } from '../../training/job.ts';
import { channel } from '../../util/channel.ts';
import { must } from '../../util/assert.ts';
import { RunError } from '../../util/user-error.ts';
import { admitsStep, epochImages, plannedSettings, planSegment, readingSeconds, taskStart } from '../planning/budget.ts';
import { dataReference, engineOf, type Config } from '../record/config.ts';
import type { ComputedBy, Entry, Progress, RunEvent } from '../record/events.ts';
import { collectCheckpoints, neededCheckpoints, toVerify, writeBest, type Folder } from '../record/folder.ts';
import type { Journal } from '../record/journal.ts';
import { measureBudget } from '../planning/measure.ts';
import { entryOf, replayEntry, type RunState } from '../record/replay.ts';
import { verificationJob, verifyIn } from './verification.ts';

export interface Drive {
  readonly folder: Folder;
  readonly config: Config;
  readonly journal: Journal;
  readonly pool: Pool;
  readonly state: RunState;
  /** Active seconds since the run began. */
  elapsed(): number;
  /** What the search knows of its data under these settings. */
  contextFor(settings: Settings): Context;
  readonly signal: AbortSignal;
}

export type RunItem = Entry | Progress;

type Happening =
  | {
      readonly kind: 'report';
      readonly task: Task;
      readonly report: Report;
      readonly peak: number;
      readonly clock: number;
      readonly by: ComputedBy | null;
    }
  | { readonly kind: 'ended'; readonly task: Task; readonly error: Error | null }
  | { readonly kind: 'verified'; readonly line: CandidateId; readonly checkpoint: string; readonly outcome: Verified | Error }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'interrupt' };

/** A task that a worker has. */
interface Flight {
  /** The line that it trains; null where it only measures. */
  readonly trains: CandidateId | null;
  readonly threads: number;
  readonly abort: AbortController;
  /** Active seconds when it was given to the worker. */
  readonly begun: number;
  /** When its first minibatches were done, by the worker's clock. */
  first: { readonly clock: number; readonly done: number } | null;
}

/** Lines without which there is no result. */
const essential = new Set<CandidateId>(['vanilla', 'final', 'baseline']);
/** Failures that another try may not repeat. */
const worthRetrying = new Set(['crashed', 'hung', 'memory']);
/** The cores that a task gets: those that the plan leaves it beside the others of its rung. */
const threadsOf = (task: Task, cores: Cores): number => (task.kind === 'test' ? cores.threads : coresOf(cores, task.planned));

function jobOf(task: Task, config: Config, settings: Settings, threads: number, attempt: number): Job {
  const { images, validation } = settings;
  const data = dataReference(config, images, validation);
  const engine = engineOf(config, threads);
  const { batch, augmentation } = settings;
  if (task.kind === 'test') {
    const { id, network, checkpoint } = task;
    return { kind: 'evaluation', id, network, checkpoint, data, part: 'test', normalise: augmentation.normalise, batch, engine };
  }
  const { id, network, start, whole, schedule, key, minibatches } = task;
  const learning = learningOf(settings);
  const job = { id, attempt, network, start, data, whole, batch, augmentation, learning, schedule, key, minibatches, engine };
  return { kind: 'training', ...job, ...(settings.augmentedValidation ? { augmentedValidation: true } : {}) };
}

export async function* drive(run: Drive): AsyncGenerator<RunItem> {
  const { folder, config, journal, pool, signal } = run;
  const cores = coresOfRun(config);
  let state = run.state;
  let written: string | null = null;
  const origin = config.from?.checkpoint ?? null;
  const happenings = channel<Happening>();
  const inFlight = new Map<string, Flight>();

  const onInterrupt = (): void => happenings.put({ kind: 'interrupt' });
  signal.addEventListener('abort', onInterrupt);
  const stopWork = (): void => {
    for (const { abort } of inFlight.values()) abort.abort(new Error('left'));
    inFlight.clear();
    verifying?.abort(new Error('left'));
    verifying = null;
  };

  function append(event: RunEvent): Entry {
    const entry = entryOf(state, event, run.elapsed());
    journal.append(entry);
    const before = neededCheckpoints(state.search, origin);
    state = replayEntry(state, entry);
    const after = neededCheckpoints(state.search, origin);
    for (const hash of before) if (!after.has(hash)) rmSync(checkpointPath(folder.checkpoints, hash), { force: true });
    return entry;
  }

  async function keepBest(): Promise<void> {
    const best = bestCandidate(state.search);
    if (best === null) return;
    const mark = `${candidateOf(state.search, best).checkpoint} ${state.search.tests.has(best)}`;
    if (mark === written) return;
    await writeBest(folder, config, state.search, best);
    written = mark;
  }

  /** A verification goes on beside the search, on a thread of its own; one at a time. */
  let verifying: AbortController | null = null;
  function verifyBest(wants: readonly Task[]): void {
    if (verifying !== null) return;
    const training = wants.flatMap((task) => (task.kind === 'training' ? [task.line] : []));
    const wanted = toVerify(state, new Set([...training, ...[...inFlight.values()].map(({ trains }) => trains)]));
    if (wanted === null) return;
    const threads = wanted.part === 'test' && !settings().baseline ? cores.threads : 1;
    const job = verificationJob(folder, config, settings(), state.search, { ...wanted, threads });
    const abort = new AbortController();
    verifying = abort;
    const tell = (outcome: Verified | Error): void => {
      if (!abort.signal.aborted) happenings.put({ kind: 'verified', line: wanted.line, checkpoint: job.checkpoint, outcome });
    };
    verifyIn(pool, job, abort.signal).then(tell, tell);
  }

  /** A file that could not be verified costs the run nothing but its word for it. */
  function verified(line: CandidateId, checkpoint: string, outcome: Verified | Error): Entry {
    verifying = null;
    const found = outcome instanceof Error ? null : outcome;
    const problem = outcome instanceof Error ? (outcome.message.split('\n')[0] ?? '') : exportProblem(outcome);
    return append({ type: 'exported', line, checkpoint, verified: found, problem });
  }

  const settings = (): Settings => plannedSettings(config.settings, state.plan);

  function start(task: Task): void {
    const threads = threadsOf(task, cores);
    const abort = new AbortController();
    inFlight.set(task.id, {
      trains: task.kind === 'training' ? task.line : null,
      threads,
      abort,
      begun: run.elapsed(),
      first: null,
    });
    const watch = {
      report: (report: Report, peak: number, clock: number, by: ComputedBy | null = null): void =>
        happenings.put({ kind: 'report', task, report, peak, clock, by }),
      started: (): void => undefined,
    };
    pool.run(jobOf(task, config, settings(), threads, state.search.failures.get(task.id) ?? 0), watch, abort.signal).then(
      () => happenings.put({ kind: 'ended', task, error: null }),
      (error: Error) => {
        if (!abort.signal.aborted) happenings.put({ kind: 'ended', task, error });
      },
    );
  }

  /** Events that a report becomes; a progress is passed on and not kept. */
  function heard(task: Task, report: Report, peak: number): RunItem | null {
    switch (report.kind) {
      case 'progress': {
        const count = task.kind === 'training' ? task.minibatches.count : 0;
        return { type: 'progress', task: task.id, line: task.line, done: report.done, count, loss: report.loss, peak };
      }
      case 'grown':
        return append({ type: 'grown', line: task.line, certificate: report.certificate });
      case 'epoch': {
        const { kind: _kind, ...epoch } = report;
        return append({ type: 'epoch', line: task.line, task: task.id, ...epoch });
      }
      case 'verified':
      case 'reached':
        return null;
      case 'evaluated':
        return append({
          type: 'test',
          line: task.line,
          reading: state.search.readings + 1,
          measured: report.measured,
          confusion: report.confusion.map((row) => [...row]),
        });
    }
  }

  function failed(task: Task, error: Error): Entry {
    if (!(error instanceof JobFailure)) throw error;
    const { failure, message } = error;
    const retried = worthRetrying.has(failure) && (state.search.failures.get(task.id) ?? 0) === 0;
    const entry = append({ type: 'failed', line: task.line, task: task.id, failure, message, retried });
    if (!retried && (essential.has(task.line) || task.kind === 'test'))
      throw new RunError(`${task.line} could not be trained (${failure}): ${message}`);
    return entry;
  }

  /** Seconds a minibatch of a line, with all threads: as its last task ran, or from the plan. */
  function minibatchSeconds(line: CandidateId): number {
    const { plan, search } = state;
    const { multiplyAdds, parent } = candidateOf(search, line);
    const measured = speeds.get(line) ?? (parent === null ? undefined : speeds.get(parent));
    return measured ?? multiplyAdds * must(plan, 'plan').alone * settings().batch;
  }
  const speeds = new Map<CandidateId, number>();
  /** Seconds from the start of a line's last task to its first sign. */
  const starts = new Map<CandidateId, number>();

  function measureSpeed(task: Task, flight: Flight, done: number, clock: number): void {
    if (flight.threads !== cores.threads) return;
    if (flight.first === null) {
      flight.first = { clock, done };
      starts.set(task.line, run.elapsed() - flight.begun);
    } else if (done > flight.first.done) speeds.set(task.line, (clock - flight.first.clock) / (done - flight.first.done));
  }

  function nextSegment(): SearchEvent {
    const { final, batch } = settings();
    if (state.budget === null || state.plan === null) {
      const count = final.epochs * minibatchesPerEpoch(context, true);
      return { type: 'slice', line: 'final', rate: final.rate, from: 0, to: 1, count, whole: true, restart: true };
    }
    const { baseline } = settings();
    const searched = baseline ? baselineSegments(state.search, context).filter((slice) => !slice.whole) : [];
    const toStart = starts.get('final') ?? taskStart;
    const slice = planSegment({
      budget: state.budget,
      elapsed: run.elapsed(),
      planned: state.search.segments.final,
      rate: final.rate,
      minibatch: minibatchSeconds('final'),
      baselineMinibatch: baseline ? minibatchSeconds('vanilla') : 0,
      baselineSearched: searched.reduce((sum, { count }) => sum + count, 0),
      test: readingSeconds(baseline, toStart, config.data.testImages / batch, minibatchSeconds('final')),
      start: toStart,
    });
    return { type: 'slice', line: 'final', ...slice };
  }

  /** When the search has to end, in active seconds. */
  const searchUntil = (): number => {
    if (state.searchUntil !== null) return state.searchUntil;
    return config.settings.limits.seconds ?? Infinity;
  };

  /** A step that would not fit into what is left of the search is not begun. */
  function allowed(event: SearchEvent): SearchEvent {
    if (event.type !== 'step') return event;
    const { plan, search } = state;
    const rungs = rungsOf(settings());
    const images = epochImages(minibatchesPerEpoch(context, false) * settings().batch, context.counts.validation, settings());
    const { children } = event;
    const question = plan === null ? null : { plan, rungs, children, images, cores };
    const isFirst = search.steps.length === 0;
    return admitsStep(searchUntil() - run.elapsed(), isFirst, question)
      ? event
      : { type: 'stop', reason: 'time', line: event.parent };
  }

  let context = run.contextFor(settings());
  let timer: NodeJS.Timeout | undefined;
  function watchDeadline(): void {
    clearTimeout(timer);
    const left = searchUntil() - run.elapsed();
    if (left === Infinity) return;
    // A timer holds less than 2³¹ ms; a limit that is further away is looked at again then.
    const wait = Math.min(Math.max(0, Math.ceil(left * 1000)), 2 ** 31 - 1);
    timer = setTimeout(() => happenings.put({ kind: 'deadline' }), wait);
  }

  try {
    if (config.budget !== null && state.plan === null) {
      let planned: RunEvent;
      try {
        planned = await measureBudget(run, context, state.budget ?? config.budget);
      } catch (error) {
        if (error instanceof JobFailure)
          throw new RunError(`the speed could not be measured (${error.failure}): ${error.message}`);
        if (!signal.aborted) throw error;
        yield append({ type: 'interrupted' });
        return;
      }
      yield append(planned);
      context = run.contextFor(settings());
    }
    collectCheckpoints(folder, state.search, origin);
    watchDeadline();
    for (;;) {
      if (signal.aborted) {
        stopWork();
        await keepBest();
        yield append({ type: 'interrupted' });
        return;
      }
      const decision = next(state.search, context);
      if (decision.kind === 'end') break;
      verifyBest(decision.kind === 'work' ? decision.tasks : []);
      const finishes = decision.kind === 'record' && decision.event.type === 'finished';
      // What was reported last is verified once its worker is done with it.
      if (decision.kind === 'record' && !(finishes && (verifying !== null || inFlight.size > 0))) {
        yield append(allowed(decision.event));
        await keepBest();
        continue;
      }
      if (decision.kind === 'plan') {
        yield append(nextSegment());
        continue;
      }
      for (const task of decision.kind === 'work' ? decision.tasks : []) {
        const used = [...inFlight.values()].reduce((sum, { threads }) => sum + threads, 0);
        const threads = threadsOf(task, cores);
        if (inFlight.has(task.id) || used + threads > config.workers) continue;
        yield append({ type: 'task', task: task.id, line: task.line, threads });
        start(task);
      }
      const happening = await happenings.take();
      switch (happening.kind) {
        case 'report': {
          const { task, report, peak, clock, by } = happening;
          const flight = inFlight.get(task.id);
          if (flight === undefined) break;
          if (by !== null && by.name !== state.computedBy.get(task.id)?.at(-1)?.name) {
            const { name, bits, instar } = by;
            flight.first = null; // Another clock.
            yield append({ type: 'worker', task: task.id, line: task.line, name, bits, instar });
          }
          if (report.kind === 'progress' || report.kind === 'epoch') measureSpeed(task, flight, report.done, clock);
          const item = heard(task, report, peak);
          if (item !== null) yield item;
          await keepBest();
          break;
        }
        case 'ended': {
          const { task, error } = happening;
          inFlight.delete(task.id);
          if (error !== null) yield failed(task, error);
          break;
        }
        case 'deadline':
          if (state.search.stop !== null) break;
          // Timers may be early by a millisecond.
          if (run.elapsed() < searchUntil()) {
            watchDeadline();
            break;
          }
          // Without a trained vanilla network there is nothing to go on from: its training is finished first.
          if (state.search.steps.length === 0) break;
          stopWork();
          yield append({ type: 'stop', reason: 'time', line: bestSoFar(state.search) });
          await keepBest();
          break;
        case 'verified':
          yield verified(happening.line, happening.checkpoint, happening.outcome);
          break;
        case 'interrupt':
          break;
      }
    }
    collectCheckpoints(folder, state.search, origin);
    await pool.forget();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onInterrupt);
    stopWork();
    pool.close();
  }
}

/**
 * A search as it happens: asks `search/next.ts` what to do, gives tasks to workers, and writes down what they report. Whatever it
 * decides by the clock becomes an event, so that a replay never measures again.
 */
import type { Pool } from '../../execution/pool.ts';
import { methodOf, next, type Context, type Decision, type Task } from '../../search/next.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { stopForTime } from '../../search/ranking.ts';
import type { Settings } from '../../search/settings.ts';
import { assignTasks, type ClockDecisions } from '../../search/simulation.ts';
import { failuresAfter, type CandidateId } from '../../search/state.ts';
import { JobFailure, type Failure, type Report } from '../../training/job.ts';
import { channel } from '../../util/channel.ts';
import { RunError } from '../../util/user-error.ts';
import { plannedSettings } from '../planning/budget.ts';
import { clockDecisions } from '../planning/clock.ts';
import { measureBudget } from '../planning/measure.ts';
import type { Entry, Progress, RunEvent } from '../record/events.ts';
import { collectCheckpoints, givenCheckpoint } from '../record/folder.ts';
import { createFlights, type FlightNews, type Flights, type TaskReport } from './flights.ts';
import { createPauses, pauseAfter, type Pauses } from './pauses.ts';
import { createRecorder, type Recorded, type Recorder } from './recorder.ts';
import { createVerifier, type Verification, type Verifier } from './verifier.ts';

export interface Drive extends Recorded {
  readonly pool: Pool;
  /** What the search knows about its data under these settings. */
  contextFor(settings: Settings): Context;
  readonly signal: AbortSignal;
}

export type RunItem = Entry | Progress;

type News =
  | FlightNews
  | Verification
  | { readonly kind: 'deadline' }
  | { readonly kind: 'interrupt' }
  /** The pause of a task that failed is over. */
  | { readonly kind: 'again'; readonly task: string };

/** Candidates without which there is no result. */
const essential = new Set<CandidateId>(['vanilla', 'final', 'baseline']);
/**
 * How often a task may fail in that way, one time after another without an epoch of progress, before it is given up. Those of other
 * kinds would be repeated. What happens to a worker from outside is no fault of its task.
 */
const mostFailures: { readonly [Kind in Failure]?: number } = { crashed: 2, hung: 2, memory: 4, killed: Infinity };

/** What helps where a task is given up. */
const advised: { readonly [Kind in Failure]?: string } = {
  memory:
    ': it needs more memory, or a limit is too low (ulimit -v, a container); a new search takes less with a smaller --batch or --image-size',
};

/** The event of a report; a progress is passed on and not kept. */
function itemOf({ task, report, peak }: TaskReport, recorder: Recorder): RunItem | null {
  const { line, id } = task;
  switch (report.kind) {
    case 'progress': {
      const count = task.kind === 'training' ? task.minibatches.count : 0;
      return { type: 'progress', task: id, line, done: report.done, count, loss: report.loss, peak };
    }
    case 'grown':
      return recorder.append({ type: 'grown', line, certificate: report.certificate });
    case 'epoch': {
      const { kind: _kind, ...epoch } = report;
      return recorder.append({ type: 'epoch', line, task: id, ...epoch });
    }
    case 'verified':
    case 'quantised':
    case 'reached':
      return null;
    case 'evaluated':
      return recorder.append(testEvent(line, report, recorder.state.search.readings + 1));
  }
}

function testEvent(line: CandidateId, report: Extract<Report, { kind: 'evaluated' }>, reading: number): RunEvent {
  return { type: 'test', line, reading, measured: report.measured, confusion: report.confusion.map((row) => [...row]) };
}

/** The entry of a failed task. A RunError where the run cannot go on without it. */
function failed(task: Task, error: Error, recorder: Recorder, context: Context): Entry {
  if (!(error instanceof JobFailure)) throw error;
  const { failure, message } = error;
  const { repeated } = failuresAfter(recorder.state.search, task.id, failure);
  const retried = repeated < (mostFailures[failure] ?? 0);
  const entry = recorder.append({ type: 'failed', line: task.line, task: task.id, failure, message, retried });
  // A final training that was lost is taken back where something came before it.
  const isReplaced = task.line === 'final' && methodOf(context).tunes && recorder.state.search.bestBefore !== null;
  if (!retried && ((essential.has(task.line) && !isReplaced) || task.kind === 'test'))
    throw new RunError(`${task.line} could not be trained (${failure}): ${message}${advised[failure] ?? ''}`);
  return entry;
}

/** Measures speeds and plans the budget; null where it is interrupted. */
async function planFirst(run: Drive, context: Context, budget: number): Promise<RunEvent | null> {
  try {
    return await measureBudget(run, context, budget);
  } catch (error) {
    if (!run.signal.aborted) throw error;
    return null;
  }
}

/** Calls back once when so many seconds are over. A limit beyond the 2³¹ ms that a timer holds is looked at again then. */
function createDeadline(passed: () => void): { set(left: number): void; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    set(left) {
      clearTimeout(timer);
      if (left !== Infinity) timer = setTimeout(passed, Math.min(Math.max(0, Math.ceil(left * 1000)), 2 ** 31 - 1));
    },
    clear: () => clearTimeout(timer),
  };
}

/** What a run has while it goes on. */
interface Running {
  readonly run: Drive;
  readonly recorder: Recorder;
  readonly flights: Flights;
  readonly verifier: Verifier;
  readonly pauses: Pauses;
  /** With the settings as a budget scales them. */
  context(): Context;
  clock(): ClockDecisions;
}

function stopWork({ flights, verifier }: Running): void {
  flights.abortAll();
  verifier.abort();
}

/** Verifies beside the tasks of the decision what they do not change. */
function verifyBeside({ recorder, flights, verifier, context }: Running, decision: Decision): void {
  const wanted = decision.kind === 'work' ? decision.tasks : [];
  const training = wanted.flatMap((task) => (task.kind === 'training' ? [task.line] : []));
  const inFlight = [...flights.all.values()].map(({ trains }) => trains);
  verifier.begin(recorder.state, context().settings, new Set([...training, ...inFlight]));
}

/** The event that a decision is, by the clock where it depends on it; null for tasks. */
function eventOf({ run, recorder, flights, verifier, clock }: Running, decision: Decision): RunEvent | null {
  const { search } = recorder.state;
  if (decision.kind === 'plan') return clock().segment(search, run.elapsed());
  if (decision.kind !== 'record') return null;
  // What was reported last is verified once its worker is done with it.
  if (decision.event.type === 'finished' && (verifier.isBusy || flights.all.size > 0)) return null;
  return clock().admit(decision.event, search, run.elapsed());
}

/** Gives tasks to workers that are idle. An event of the decision where a worker is idle after that. */
function* startTasks(
  { run, recorder, flights, pauses, context }: Running,
  decision: Decision,
): Generator<RunItem, RunEvent | null> {
  if (decision.kind !== 'work') return null;
  // A task that pauses keeps its cores: others start as if it ran.
  const taken = new Map([...flights.all, ...pauses.all]);
  const { starting, idle } = assignTasks(decision.tasks, taken, coresOfRun(run.config));
  for (const { task, threads } of starting) {
    const passes = task.passes === undefined ? {} : { passes: task.passes };
    yield recorder.append({ type: 'task', task: task.id, line: task.line, threads, ...passes });
    flights.start(task, context().settings, threads, recorder.state.search.failures.get(task.id)?.count ?? 0);
  }
  return idle ? (decision.whenIdle ?? null) : null;
}

function* takeReport({ recorder, flights }: Running, news: TaskReport): Generator<RunItem> {
  const { task, by } = news;
  if (!flights.all.has(task.id)) return;
  const isOtherWorker = by !== null && by.name !== recorder.state.computedBy.get(task.id)?.at(-1)?.name;
  if (isOtherWorker) {
    const { name, bits, instar } = by;
    yield recorder.append({ type: 'worker', task: task.id, line: task.line, name, bits, instar });
  }
  flights.measure(news, isOtherWorker);
  const item = itemOf(news, recorder);
  if (item !== null) yield item;
}

/** What follows from something that happened. */
function* take(running: Running, news: News): Generator<RunItem> {
  const { run, recorder, flights, verifier, pauses, clock } = running;
  switch (news.kind) {
    case 'report':
      return yield* takeReport(running, news);
    case 'ended': {
      const threads = flights.all.get(news.task.id)?.threads ?? 1;
      flights.end(news.task);
      if (news.error === null) return;
      yield failed(news.task, news.error, recorder, running.context());
      pauses.begin(news.task.id, threads, pauseAfter(recorder.state.search.failures.get(news.task.id)?.repeated ?? 1));
      return;
    }
    case 'again':
      return pauses.end(news.task);
    case 'deadline': {
      const { search } = recorder.state;
      // Before the first step there is nothing to go on from. Timers may be early by a millisecond.
      if (search.stop !== null || search.steps.length === 0 || run.elapsed() < clock().until(search)) return;
      stopWork(running);
      yield recorder.append(stopForTime(search, methodOf(running.context()).continuous));
      return;
    }
    case 'verified':
      yield recorder.append(verifier.end(news));
      return;
    case 'interrupt':
      return;
  }
}

/** The parts of a run, wired to one channel of news. */
function prepareRun(run: Drive, tell: (news: News) => void): Running {
  const { config } = run;
  const cores = coresOfRun(config);
  const recorder = createRecorder(run);
  const flights = createFlights(run, tell);
  let known: { readonly plan: unknown; readonly context: Context } | null = null;
  const context = (): Context => {
    const { plan } = recorder.state;
    if (known?.plan !== plan) known = null;
    known ??= { plan, context: run.contextFor(plannedSettings(config.settings, plan)) };
    return known.context;
  };
  const clock = (): ClockDecisions => {
    const { budget: seconds, plan, searchUntil } = recorder.state;
    const budget = seconds === null || plan === null || searchUntil === null ? null : { seconds, plan, searchUntil };
    const pace = flights.pace(plan, context().settings);
    return clockDecisions({ context: context(), cores, testImages: config.data.testImages, budget, pace });
  };
  const verifier = createVerifier(run, tell);
  const pauses = createPauses((task) => tell({ kind: 'again', task }));
  return { run, recorder, flights, verifier, pauses, context, clock };
}

/** Writes the files of the best network, and gives the event that says so, if any. */
async function* keepBest({ recorder }: Running): AsyncGenerator<RunItem> {
  const entry = await recorder.keepBest();
  if (entry !== null) yield entry;
}

export async function* drive(run: Drive): AsyncGenerator<RunItem> {
  const { folder, config, pool, signal } = run;
  const news = channel<News>();
  const running = prepareRun(run, (each) => news.put(each));
  const { recorder, clock } = running;
  const deadline = createDeadline(() => news.put({ kind: 'deadline' }));
  const left = (): number => clock().until(recorder.state.search) - run.elapsed();
  const onInterrupt = (): void => news.put({ kind: 'interrupt' });
  signal.addEventListener('abort', onInterrupt);
  try {
    if (config.budget !== null && recorder.state.plan === null) {
      const planned = await planFirst(run, running.context(), recorder.state.budget ?? config.budget);
      yield recorder.append(planned ?? { type: 'interrupted' });
      if (planned === null) return;
    }
    collectCheckpoints(folder, recorder.state.search, givenCheckpoint(config));
    deadline.set(left());
    for (;;) {
      if (signal.aborted) {
        stopWork(running);
        yield* keepBest(running);
        yield recorder.append({ type: 'interrupted' });
        return;
      }
      const decision = next(recorder.state.search, running.context());
      if (decision.kind === 'end') break;
      verifyBeside(running, decision);
      const event = eventOf(running, decision) ?? (yield* startTasks(running, decision));
      if (event !== null) {
        yield recorder.append(event);
        yield* keepBest(running);
        continue;
      }
      const each = await news.take();
      yield* take(running, each);
      if (each.kind === 'deadline' && left() > 0) deadline.set(left());
      yield* keepBest(running);
    }
    collectCheckpoints(folder, recorder.state.search, givenCheckpoint(config));
    await pool.forget();
  } finally {
    deadline.clear();
    running.pauses.clear();
    signal.removeEventListener('abort', onInterrupt);
    stopWork(running);
    pool.close();
  }
}

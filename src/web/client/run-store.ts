/**
 * The runs that a page follows: each journal is replayed here by the code that the program uses, as its events arrive. One stream
 * serves all runs of the page, since a browser has six connections to a server. After an interruption it continues behind the
 * last events that arrived.
 */
import { signal } from '@preact/signals';
import type { Condition } from '../../run/record/read.ts';
import type { Entry } from '../../run/record/events.ts';
import { linesFor } from '../../run/display/wording.ts';
import type { Live } from '../../run/display/live.ts';
import { emptyView, observe, type View } from '../../run/display/view.ts';
import { detailsOf, type RunDetails } from '../../report/run-details.ts';
import { copiedOnce } from '../../util/copies.ts';
import type { ConditionNews, RunFacts } from '../api.ts';
import { openEvents, runFacts } from './api.ts';

export interface LiveRun {
  readonly facts: RunFacts;
  readonly view: View;
  readonly entries: readonly Entry[];
  /** The lines that the live display prints. */
  readonly log: readonly string[];
  readonly condition: Condition;
  /** Candidates whose checkpoints are on disk. */
  readonly kept: ReadonlySet<string>;
  /** Active seconds at the last event or progress. */
  readonly now: number;
  /** Bytes: the peak of each candidate's worker. */
  readonly memory: ReadonlyMap<string, number>;
  /** Minibatches a second of each task, between its last two progress messages. */
  readonly speeds: ReadonlyMap<string, number>;
  /** The last progress; null where no process is on the run. */
  readonly live: Live | null;
  /** When this was last updated, by this machine's clock. */
  readonly updated: number;
}

export type RunStatus =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'run'; readonly run: LiveRun; readonly connected: boolean; readonly problem: string | null };

/** The events of the stream. `reset`: the journal starts again; `condition`: all entries so far have been sent. */
const eventNames = ['reset', 'entries', 'condition', 'live', 'problem'] as const;
type EventName = (typeof eventNames)[number];

type Replayed = Omit<LiveRun, 'facts'>;

const nothing: Replayed = {
  view: emptyView,
  entries: [],
  log: [],
  condition: 'not finished',
  kept: new Set(),
  now: 0,
  memory: new Map(),
  speeds: new Map(),
  live: null,
  updated: 0,
};

/** A task without progress keeps its speed. */
function speedsBetween(before: Live | null, live: Live | null, known: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const passed = (live?.t ?? 0) - (before?.t ?? 0);
  return new Map(
    (live?.progress ?? []).flatMap(({ task, done }) => {
      const was = before?.progress.find((each) => each.task === task)?.done ?? null;
      const speed = was === null || passed <= 0 || done <= was ? known.get(task) : (done - was) / passed;
      return speed === undefined ? [] : [[task, speed] as const];
    }),
  );
}

function withEntries(run: Replayed, { config }: RunFacts, more: readonly Entry[]): Replayed {
  const copy = copiedOnce();
  const log = [...run.log];
  let { view, now } = run;
  for (const entry of more) {
    view = observe(view, entry, entry.t, copy);
    now = Math.max(now, entry.t);
    log.push(...linesFor(entry, view, config));
  }
  return { ...run, view, now, log, entries: [...run.entries, ...more] };
}

function withLive(run: Replayed, live: Live | null): Replayed {
  const speeds = speedsBetween(run.live, live, run.speeds);
  if (live === null) return { ...run, live, speeds };
  const memory = new Map(run.memory);
  let { view } = run;
  for (const progress of live.progress) {
    view = observe(view, progress, live.t);
    memory.set(progress.line, progress.peak);
  }
  return { ...run, live, speeds, memory, view, now: Math.max(run.now, live.t) };
}

/** Replays the events of one run. */
function follower(id: string) {
  const status = signal<RunStatus>({ kind: 'loading' });
  let facts: RunFacts | null = null;
  let run = nothing;
  let problem: string | null = null;
  let connected = false;
  /** Whether all entries that there were when the stream was opened have arrived. */
  let complete = false;
  let scheduled = false;
  let closed = false;

  /** Shows a long journal once it is complete, and later events together. */
  function show(): void {
    if (scheduled || (connected && !complete)) return;
    scheduled = true;
    // A hidden page has no animation frames.
    setTimeout(() => {
      scheduled = false;
      if (facts === null || closed || (connected && !complete)) return;
      status.value = { kind: 'run', run: { facts, ...run, updated: Date.now() }, connected, problem };
    }, 30);
  }

  const handlers: { readonly [Name in EventName]: (data: string) => void } = {
    reset() {
      const { condition, kept, speeds, live } = run;
      [run, problem, complete] = [{ ...nothing, condition, kept, speeds, live }, null, false];
    },
    entries(data) {
      if (facts !== null) run = withEntries(run, facts, JSON.parse(data) as Entry[]);
    },
    condition(data) {
      const { condition, kept } = JSON.parse(data) as ConditionNews;
      [run, complete] = [{ ...run, condition, kept: new Set(kept) }, true];
    },
    live(data) {
      run = withLive(run, JSON.parse(data) as Live | null);
    },
    problem(data) {
      problem = JSON.parse(data) as string | null;
    },
  };

  return {
    id,
    status,
    /** Returns whether the run could be read. */
    async load(): Promise<boolean> {
      try {
        facts = await runFacts(id);
        return true;
      } catch (error) {
        // While the server does not answer, the last state is kept.
        if (status.value.kind !== 'run' && !closed) status.value = { kind: 'failed', message: (error as Error).message };
        return false;
      }
    },
    /** `isConnected`: null where a stream was opened and has not answered yet. */
    connect(isConnected: boolean | null) {
      if (isConnected !== true) complete = false;
      if (isConnected === null) return;
      connected = isConnected;
      show();
    },
    /** Returns whether another run has taken its place, whose facts must be loaded. */
    receive(name: EventName, data: string): boolean {
      const isReplaced = name === 'reset' && run.entries.length > 0;
      handlers[name](data);
      show();
      return isReplaced;
    },
    close() {
      closed = true;
    },
  };
}

export type FollowedRun = Pick<ReturnType<typeof follower>, 'id' | 'status'>;

/** Milliseconds before a failed request is repeated. */
const patience = 2000;

export function openRuns(ids: readonly string[]) {
  const runs = ids.map(follower);
  let source: ReturnType<typeof openEvents> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  /** Counts the calls of `begin`: only the latest one continues. */
  let turn = 0;

  function disconnect(): void {
    clearTimeout(timer);
    source?.close();
    source = null;
  }
  function later(act: () => Promise<void>): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => void act(), patience);
  }

  function open(followed: typeof runs): void {
    const opened = openEvents(followed.map(({ id }) => id));
    source = opened;
    for (const run of followed) run.connect(null);
    opened.addEventListener('open', () => followed.forEach((run) => run.connect(true)));
    opened.addEventListener('error', () => {
      followed.forEach((run) => run.connect(false));
      // It reconnects by itself, unless the server refused.
      if (opened.readyState === opened.CLOSED) later(begin);
    });
    for (const [index, run] of followed.entries())
      for (const name of eventNames)
        opened.addEventListener(followed.length === 1 ? name : `${index} ${name}`, (message) => {
          if (opened === source && run.receive(name, (message as MessageEvent<string>).data)) void begin();
        });
  }

  /** Loads those runs; those that could not be read, or null where the result is not wanted any more. */
  async function load(those: typeof runs): Promise<typeof runs | null> {
    const own = turn;
    const loaded = await Promise.all(those.map((run) => run.load()));
    if (closed || own !== turn || document.hidden) return null;
    return those.filter((_run, index) => loaded[index] !== true);
  }

  async function begin(): Promise<void> {
    turn++;
    disconnect();
    const missing = await load(runs);
    if (missing === null) return;
    if (missing.length < runs.length) open(runs.filter((run) => !missing.includes(run)));
    if (missing.length > 0) later(() => retry(missing));
  }

  async function retry(missing: typeof runs): Promise<void> {
    const still = await load(missing);
    if (still === null) return;
    if (still.length < missing.length) void begin();
    else later(() => retry(missing));
  }

  // A hidden page holds no connection.
  const onVisibility = (): void => {
    if (document.hidden) disconnect();
    else if (source === null) void begin();
  };
  document.addEventListener('visibilitychange', onVisibility);
  void begin();
  return {
    runs,
    close() {
      closed = true;
      document.removeEventListener('visibilitychange', onVisibility);
      disconnect();
      for (const run of runs) run.close();
    },
  };
}

/** For the report's figures and tables. */
export const subjectOfRun = ({ facts, view, entries, condition }: LiveRun): RunDetails =>
  detailsOf({ ...facts, state: view.run, entries, condition, torn: 0 });

/**
 * Runs as this page follows them: each journal replayed here by the same code that the program uses, event after event as they
 * come. One stream tells of all of them, since a browser holds six connections to a server and no more. Cut off, it goes on
 * behind the last events that it has.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Condition } from '../../run/record/condition.ts';
import type { Entry } from '../../run/record/events.ts';
import { linesFor } from '../../run/display/log-lines.ts';
import type { Live } from '../../run/display/live.ts';
import { emptyView, observe, type View } from '../../run/display/view.ts';
import { detailsOf, type RunDetails } from '../../report/run-details.ts';
import { copiedOnce } from '../../util/copies.ts';
import type { ConditionNews, RunFacts } from '../api.ts';
import { eventsAddress, runFacts } from './api.ts';

export interface LiveRun {
  readonly facts: RunFacts;
  readonly view: View;
  readonly entries: readonly Entry[];
  /** As the live display prints them. */
  readonly log: readonly string[];
  readonly condition: Condition;
  /** Lines whose numbers are on disk. */
  readonly kept: ReadonlySet<string>;
  /** Active seconds now, as far as they were told. */
  readonly now: number;
  /** Bytes: the most that each line's worker has had. */
  readonly memory: ReadonlyMap<string, number>;
  /** Minibatches a second, between the last two words of each task. */
  readonly speeds: ReadonlyMap<string, number>;
  /** Workers on other machines; undefined where there are none. */
  readonly elsewhere: Live['elsewhere'];
  /** When an event last came, by this machine's clock. */
  readonly heard: number;
}

export type RunStatus =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'run'; readonly run: LiveRun; readonly connected: boolean; readonly problem: string | null };

/** What the stream tells of a run: `reset` begins it anew, `condition` stands behind the entries that there are. */
const told = ['reset', 'entries', 'condition', 'live', 'problem'] as const;

/** Of a task that has said nothing since, what it was before. */
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

/** A run, made of what is told of it. */
function follower(id: string) {
  const status = signal<RunStatus>({ kind: 'loading' });
  let facts: RunFacts | null = null;
  let connected = false;
  let problem: string | null = null;
  // Changed in place while events come, and shown once a frame: a long journal comes in many pieces.
  let view: View = emptyView;
  let entries: Entry[] = [];
  let log: string[] = [];
  let condition: Condition = 'not finished';
  let kept: ReadonlySet<string> = new Set();
  let now = 0;
  let memory: Map<string, number> = new Map();
  let speeds: ReadonlyMap<string, number> = new Map();
  let heardLive: Live | null = null;
  let drawing = false;
  /** Whether all that there was when the stream was opened has come. */
  let whole = false;
  let closed = false;

  function show(): void {
    // A long journal is drawn once, unless the rest of it does not come.
    if (drawing || (connected && !whole)) return;
    drawing = true;
    // Not a frame: those do not come while the page is hidden.
    setTimeout(() => {
      drawing = false;
      if (facts === null || closed || (connected && !whole)) return;
      const run: LiveRun = {
        facts,
        view,
        entries,
        log,
        condition,
        kept,
        now,
        memory,
        speeds,
        elsewhere: heardLive?.elsewhere,
        heard: Date.now(),
      };
      status.value = { kind: 'run', run, connected, problem };
    }, 30);
  }

  function take(more: readonly Entry[]): void {
    if (facts === null) return;
    const { config } = facts;
    entries = [...entries, ...more];
    const added: string[] = [];
    const copy = copiedOnce();
    for (const entry of more) {
      view = observe(view, entry, entry.t, copy);
      now = Math.max(now, entry.t);
      added.push(...linesFor(entry, view, config));
    }
    log = [...log, ...added];
  }

  return {
    id,
    status,
    /** Reads what the run is. Says whether it could. */
    async begin(): Promise<boolean> {
      try {
        facts = await runFacts(id);
        return true;
      } catch (error) {
        // While the server is away, what was known stays.
        if (status.value.kind !== 'run' && !closed) status.value = { kind: 'failed', message: (error as Error).message };
        return false;
      }
    },
    /** A stream is opened: what there is comes once more, or what is new of it. */
    opened() {
      whole = false;
    },
    connect(is: boolean) {
      connected = is;
      show();
    },
    /** Says whether it is another run than before, whose facts are others. */
    hear(event: (typeof told)[number], data: string): boolean {
      let isAnother = false;
      switch (event) {
        case 'reset':
          isAnother = entries.length > 0;
          [view, entries, log, now, memory, problem, whole] = [emptyView, [], [], 0, new Map(), null, false];
          break;
        case 'entries':
          take(JSON.parse(data) as Entry[]);
          break;
        case 'condition': {
          const news = JSON.parse(data) as ConditionNews;
          [condition, kept, whole] = [news.condition, new Set(news.kept), true];
          break;
        }
        case 'live': {
          const live = JSON.parse(data) as Live | null;
          speeds = speedsBetween(heardLive, live, speeds);
          heardLive = live;
          if (live === null) break;
          now = Math.max(now, live.t);
          for (const progress of live.progress) {
            view = observe(view, progress, live.t);
            memory = new Map(memory).set(progress.line, progress.peak);
          }
          break;
        }
        case 'problem':
          problem = JSON.parse(data) as string | null;
      }
      show();
      return isAnother;
    },
    close() {
      closed = true;
    },
  };
}

export interface FollowedRun {
  readonly id: string;
  readonly status: ReadonlySignal<RunStatus>;
}

export interface RunStore {
  readonly runs: readonly FollowedRun[];
  close(): void;
}

/** Milliseconds before a run that could not be read is asked for again, and a server that said no. */
const patience = 2000;

export function openRuns(ids: readonly string[]): RunStore {
  const runs = ids.map(follower);
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  /** Counts the beginnings: of two, the later holds. */
  let turn = 0;

  function later(): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => void begin(), patience);
  }

  function open(those: typeof runs): void {
    const opened = new EventSource(eventsAddress(those.map(({ id }) => id)));
    source = opened;
    for (const run of those) run.opened();
    opened.addEventListener('open', () => {
      for (const run of those) run.connect(true);
    });
    opened.addEventListener('error', () => {
      for (const run of those) {
        run.opened();
        run.connect(false);
      }
      // The browser tries again by itself, unless the server said no.
      if (opened.readyState === EventSource.CLOSED) later();
    });
    for (const [index, run] of those.entries())
      for (const event of told)
        opened.addEventListener(those.length === 1 ? event : `${index} ${event}`, (message) => {
          if (opened === source && run.hear(event, (message as MessageEvent<string>).data)) void begin();
        });
  }

  async function begin(): Promise<void> {
    const own = ++turn;
    clearTimeout(timer);
    source?.close();
    source = null;
    const begun = await Promise.all(runs.map((run) => run.begin()));
    if (closed || own !== turn || document.hidden) return;
    const there = runs.filter((_run, index) => begun[index] === true);
    if (there.length > 0) open(there);
    if (there.length < runs.length) again(runs.filter((run) => !there.includes(run)));
  }

  /** Those that could not be read are followed too as soon as they can be. */
  function again(missing: typeof runs): void {
    const own = turn;
    clearTimeout(timer);
    timer = setTimeout(() => {
      void Promise.all(missing.map((run) => run.begin())).then((begun) => {
        if (closed || own !== turn || document.hidden) return;
        if (begun.includes(true)) void begin();
        else again(missing);
      });
    }, patience);
  }

  // A hidden page holds no connection.
  const onVisibility = (): void => {
    if (!document.hidden) {
      if (source === null) void begin();
      return;
    }
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  document.addEventListener('visibilitychange', onVisibility);
  void begin();
  return {
    runs,
    close() {
      closed = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
      source?.close();
      for (const run of runs) run.close();
    },
  };
}

/** The run as the report looks at it. */
export const subjectOfRun = ({ facts, view, entries, condition }: LiveRun): RunDetails =>
  detailsOf({
    name: facts.name,
    config: facts.config,
    state: view.run,
    entries,
    condition,
    torn: 0,
    command: facts.command,
  });

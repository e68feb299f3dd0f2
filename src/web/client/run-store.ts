/**
 * A run as this page follows it: its journal replayed here by the same code that the program uses, event after event as they
 * come. Cut off, it goes on behind the last event that it has.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Condition } from '../../run/condition.ts';
import type { Entry, Progress } from '../../run/events.ts';
import { linesFor } from '../../run/lines.ts';
import { emptyView, observe, type View } from '../../run/view.ts';
import { subjectOf, type Subject } from '../../report/subject.ts';
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
  /** When an event last came, by this machine's clock. */
  readonly heard: number;
}

export type RunStatus =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'run'; readonly run: LiveRun; readonly connected: boolean; readonly problem: string | null };

interface Told {
  readonly t: number;
  readonly progress: readonly Progress[];
}

export interface RunStore {
  readonly status: ReadonlySignal<RunStatus>;
  close(): void;
}

export function openRun(id: string): RunStore {
  const status = signal<RunStatus>({ kind: 'loading' });
  let facts: RunFacts | null = null;
  let source: EventSource | null = null;
  let closed = false;
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
  let drawing = false;

  function show(): void {
    if (drawing) return;
    drawing = true;
    // Not a frame: those do not come while the page is hidden.
    setTimeout(() => {
      drawing = false;
      if (facts === null || closed) return;
      const run: LiveRun = { facts, view, entries, log, condition, kept, now, memory, heard: Date.now() };
      status.value = { kind: 'run', run, connected, problem };
    }, 30);
  }

  function take(more: readonly Entry[]): void {
    if (facts === null) return;
    const { config } = facts;
    entries = [...entries, ...more];
    const added: string[] = [];
    for (const entry of more) {
      view = observe(view, entry, entry.t);
      now = Math.max(now, entry.t);
      added.push(...linesFor(entry, view, config));
    }
    log = [...log, ...added];
  }

  function open(): void {
    const opened = new EventSource(eventsAddress(id));
    source = opened;
    const on = (name: string, act: (data: string) => void): void =>
      opened.addEventListener(name, (event) => {
        act((event as MessageEvent<string>).data);
        show();
      });
    opened.addEventListener('open', () => {
      connected = true;
      show();
    });
    opened.addEventListener('error', () => {
      connected = false;
      show();
      // The browser tries again by itself, unless the server said no.
      if (opened.readyState === EventSource.CLOSED && !closed) setTimeout(() => void begin(), 2000);
    });
    on('reset', () => {
      const isAnother = entries.length > 0;
      [view, entries, log, now, memory, problem] = [emptyView, [], [], 0, new Map(), null];
      // Another run at the same place has other facts.
      if (isAnother) void begin();
    });
    on('entries', (data) => take(JSON.parse(data) as Entry[]));
    on('condition', (data) => {
      const news = JSON.parse(data) as ConditionNews;
      condition = news.condition;
      kept = new Set(news.kept);
    });
    on('live', (data) => {
      const told = JSON.parse(data) as Told | null;
      if (told === null) return;
      now = Math.max(now, told.t);
      for (const progress of told.progress) {
        view = observe(view, progress, told.t);
        memory = new Map(memory).set(progress.line, progress.peak);
      }
    });
    on('problem', (data) => (problem = JSON.parse(data) as string | null));
  }

  async function begin(): Promise<void> {
    source?.close();
    try {
      facts = await runFacts(id);
    } catch (error) {
      if (closed) return;
      const message = (error as Error).message;
      // While the server is away, what was known stays.
      if (status.value.kind !== 'run') status.value = { kind: 'failed', message };
      setTimeout(() => void begin(), 2000);
      return;
    }
    if (!closed) open();
  }

  // A hidden page holds no connection: a browser has few for one server.
  const onVisibility = (): void => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (source === null) void begin();
  };
  document.addEventListener('visibilitychange', onVisibility);
  void begin();
  return {
    status,
    close() {
      closed = true;
      document.removeEventListener('visibilitychange', onVisibility);
      source?.close();
    },
  };
}

/** The run as the report looks at it. */
export const subjectOfRun = ({ facts, view, entries, condition }: LiveRun): Subject =>
  subjectOf({
    name: facts.name,
    config: facts.config,
    state: view.run,
    entries,
    condition,
    torn: 0,
    command: facts.command,
  });

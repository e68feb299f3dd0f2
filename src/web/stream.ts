/**
 * A run's events to those who watch it: what there is, then what comes, each once and in order. A watcher that was cut off
 * goes on behind the last event that it had (Last-Event-ID). One look at the disk serves all watchers of a run.
 */
import type { Context } from 'hono';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { conditionOf, type Condition } from '../run/condition.ts';
import { readLive } from '../run/live.ts';
import { UserError } from '../util/user-error.ts';
import type { ConditionNews } from './api.ts';
import type { Feed } from './feed.ts';
import { keptLines } from './networks.ts';

/** Milliseconds between two looks at a run that is watched. */
const interval = 500;
/** Looks between two at whether a process is on it, and between two signs of life to a watcher. */
const slowly = 4;
const heartbeat = 30;
/** Characters of one message, about. */
const largest = 1 << 18;

/** What of a run, beside its journal, is told to watchers. */
interface Told {
  condition: Condition | null;
  /** As JSON. */
  live: string;
  news: string;
  problem: string | null;
}

interface Watched {
  readonly feed: Feed;
  readonly told: Told;
  readonly watchers: Set<() => void>;
  looks: number;
}

export interface Watch {
  join(feed: Feed, wake: () => void): { readonly told: Told; leave(): void };
  isWatched(feed: Feed): boolean;
  close(): void;
}

export function openWatch(): Watch {
  const all = new Map<Feed, Watched>();
  let timer: NodeJS.Timeout | null = null;

  function look(watched: Watched): void {
    const { feed, told, watchers } = watched;
    let isNew = false;
    try {
      isNew = feed.advance();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      isNew = told.problem !== error.message;
      told.problem = error.message;
    }
    const live = JSON.stringify(readLive(feed.folder.live));
    if (isNew || watched.looks++ % slowly === 0) {
      const condition = conditionOf(feed);
      const news = JSON.stringify({ condition, kept: keptLines(feed) } satisfies ConditionNews);
      isNew ||= news !== told.news;
      [told.condition, told.news] = [condition, news];
    }
    if (isNew || live !== told.live || watched.looks % heartbeat === 0) {
      told.live = live;
      for (const wake of watchers) wake();
    }
  }

  return {
    join(feed, wake) {
      const watched = all.get(feed) ?? {
        feed,
        told: { condition: null, live: 'null', news: '', problem: null },
        watchers: new Set(),
        looks: 0,
      };
      if (!all.has(feed)) {
        all.set(feed, watched);
        look(watched);
      }
      watched.watchers.add(wake);
      timer ??= setInterval(() => {
        for (const each of all.values()) look(each);
      }, interval);
      return {
        told: watched.told,
        leave() {
          watched.watchers.delete(wake);
          if (watched.watchers.size === 0) all.delete(feed);
          if (all.size > 0 || timer === null) return;
          clearInterval(timer);
          timer = null;
        },
      };
    },
    isWatched: (feed) => all.has(feed),
    close() {
      if (timer !== null) clearInterval(timer);
    },
  };
}

/** Of a watcher: the events it has had, of that journal. */
function startOf(header: string | undefined, feed: Feed): number {
  const match = /^([\w.]{1,40}):(\d{1,9})$/.exec(header ?? '');
  return match !== null && match[1] === feed.generation ? Math.min(feed.lines.length, Number(match[2]) + 1) : 0;
}

async function sendEntries(stream: SSEStreamingApi, feed: Feed, from: number): Promise<number> {
  let at = from;
  while (at < feed.lines.length) {
    const first = at;
    for (let size = 0; at < feed.lines.length && size < largest; at++) size += (feed.lines[at] as string).length;
    const id = `${feed.generation}:${at - 1}`;
    await stream.writeSSE({ event: 'entries', id, data: `[${feed.lines.slice(first, at).join(',')}]` });
  }
  return at;
}

export function streamRun(c: Context, watch: Watch, feed: Feed): Response {
  return streamSSE(c, async (stream) => {
    let isLeft = false;
    let isWoken = false;
    let resolveWoken: (() => void) | null = null;
    const wake = (): void => {
      isWoken = true;
      resolveWoken?.();
    };
    const woken = async (): Promise<void> => {
      if (!isWoken) await new Promise<void>((resolve) => (resolveWoken = resolve));
      [isWoken, resolveWoken] = [false, null];
    };
    const { told, leave } = watch.join(feed, wake);
    stream.onAbort(() => {
      isLeft = true;
      wake();
    });
    const sent = { news: '', live: '', problem: null as string | null };
    let generation = feed.generation;
    let at = startOf(c.req.header('Last-Event-ID'), feed);
    try {
      if (at === 0) await stream.writeSSE({ event: 'reset', data: '' });
      for (;;) {
        let isSilent = true;
        if (feed.generation !== generation || at > feed.lines.length) {
          // Another run at the same place.
          [generation, at] = [feed.generation, 0];
          await stream.writeSSE({ event: 'reset', data: '' });
        }
        if (at < feed.lines.length) {
          isSilent = false;
          at = await sendEntries(stream, feed, at);
        }
        for (const [event, text] of [
          ['condition', told.news],
          ['live', told.live],
        ] as const) {
          const key = event === 'condition' ? 'news' : 'live';
          if (sent[key] === text) continue;
          isSilent = false;
          sent[key] = text;
          await stream.writeSSE({ event, data: text });
        }
        if (told.problem !== sent.problem) {
          sent.problem = told.problem;
          await stream.writeSSE({ event: 'problem', data: JSON.stringify(told.problem) });
        }
        if (isSilent) await stream.writeSSE({ event: 'alive', data: '' });
        if (!isLeft) await woken();
        if (isLeft) return;
      }
    } finally {
      leave();
    }
  });
}

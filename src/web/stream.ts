/**
 * A run's events to those who watch it: what there is, then what comes, each once and in order. A watcher that was cut off
 * goes on behind the last event that it had (Last-Event-ID). One look at the disk serves all watchers of a run.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { conditionOf, type Condition } from '../run/condition.ts';
import { keptLines } from '../run/folder.ts';
import { readLive, type Live } from '../run/live.ts';
import { latch } from '../util/latch.ts';
import { UserError } from '../util/user-error.ts';
import type { ConditionNews } from './api.ts';
import type { Feed } from './feed.ts';

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

/** What a run tells of its tasks; null where no process is on it, whatever one that was killed has left. */
const liveOf = ({ folder }: Feed, condition: Condition | null): Live | null =>
  condition === 'running' ? readLive(folder.live) : null;

export function openWatch(): Watch {
  const all = new Map<Feed, Watched>();
  let timer: NodeJS.Timeout | null = null;

  function look(watched: Watched): void {
    const { feed, told, watchers } = watched;
    let isNew = false;
    let problem: string | null = null;
    try {
      isNew = feed.advance();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problem = error.message;
    }
    isNew ||= problem !== told.problem;
    told.problem = problem;
    const turn = watched.looks++;
    if (isNew || turn % slowly === 0) {
      const condition = conditionOf(feed);
      const news = JSON.stringify({ condition, kept: keptLines(feed.folder, feed.state.search) } satisfies ConditionNews);
      isNew ||= news !== told.news;
      [told.condition, told.news] = [condition, news];
    }
    const live = JSON.stringify(liveOf(feed, told.condition));
    if (isNew || live !== told.live || turn % heartbeat === 0) {
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
        look(watched);
        all.set(feed, watched);
      }
      watched.watchers.add(wake);
      timer ??= setInterval(() => {
        for (const each of all.values())
          try {
            look(each);
          } catch (error) {
            // Of one run; the others are looked at all the same.
            process.stderr.write(`${(error as Error).stack}\n`);
          }
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

/** The name of an event in the stream: its number and its content, so that it means the same to another server. */
const nameOf = (line: string, at: number): string =>
  `${at}-${createHash('sha256').update(line).digest('base64url').slice(0, 22)}`;

/** Of a watcher: how many events it has had, of this journal. */
function startOf(header: string | undefined, { lines }: Feed): number {
  const at = Number(/^(\d{1,9})-/.exec(header ?? '')?.[1] ?? -1);
  const line = lines[at];
  return line !== undefined && header === nameOf(line, at) ? at + 1 : 0;
}

async function sendEntries(stream: SSEStreamingApi, feed: Feed, from: number): Promise<number> {
  let at = from;
  // Another journal's begin anew: while a slow watcher takes what it is sent, the feed may come to one.
  const { lines } = feed;
  while (lines === feed.lines && at < lines.length) {
    const first = at;
    for (let size = 0; at < lines.length && size < largest; at++) size += (lines[at] as string).length;
    const id = nameOf(lines[at - 1] as string, at - 1);
    await stream.writeSSE({ event: 'entries', id, data: `[${lines.slice(first, at).join(',')}]` });
  }
  return at;
}

export function streamRun(c: Context, watch: Watch, feed: Feed): Response {
  return streamSSE(c, async (stream) => {
    let isLeft = false;
    const { wake, woken } = latch();
    const { told, leave } = watch.join(feed, wake);
    stream.onAbort(() => {
      isLeft = true;
      wake();
    });
    const sent = { condition: '', live: '', problem: null as string | null };
    let generation = feed.generation;
    let at = startOf(c.req.header('Last-Event-ID'), feed);
    try {
      if (at === 0) await stream.writeSSE({ event: 'reset', data: '' });
      for (;;) {
        let isSilent = true;
        if (feed.generation !== generation) {
          // Another run at the same place.
          [generation, at] = [feed.generation, 0];
          await stream.writeSSE({ event: 'reset', data: '' });
        }
        if (at < feed.lines.length) {
          isSilent = false;
          at = await sendEntries(stream, feed, at);
        }
        for (const event of ['condition', 'live'] as const) {
          const text = event === 'condition' ? told.news : told.live;
          if (sent[event] === text) continue;
          isSilent = false;
          sent[event] = text;
          await stream.writeSSE({ event, data: text });
        }
        if (told.problem !== sent.problem) {
          isSilent = false;
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

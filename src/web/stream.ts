/**
 * A run's events to those who watch it: what there is, then what comes, each once and in order. A watcher that was cut off
 * goes on behind the last event that it had (Last-Event-ID). One look at the disk serves all watchers of a run.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { conditionOf, type Condition } from '../run/record/condition.ts';
import { keptCandidates } from '../run/record/folder.ts';
import { readLive, type Live } from '../run/display/live.ts';
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
      const news = JSON.stringify({ condition, kept: keptCandidates(feed.folder, feed.state.search) } satisfies ConditionNews);
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

/** A run as one watcher has it. */
interface Had {
  readonly feed: Feed;
  readonly told: Told;
  leave(): void;
  /** Before the names of its events, where the stream tells of several runs: its place among them. */
  readonly prefix: string;
  generation: number;
  /** Events that were sent, and the name of the last; empty before the first. */
  at: number;
  name: string;
  readonly sent: { condition: string; live: string; problem: string | null };
}

/** What a watcher of a journal has had of it, by the name of the last event that came to it. */
function startOf(name: string, { lines }: Feed): { readonly at: number; readonly name: string } {
  const at = Number(/^(\d{1,9})-/.exec(name)?.[1] ?? -1);
  const line = lines[at];
  return line !== undefined && name === nameOf(line, at) ? { at: at + 1, name } : { at: 0, name: '' };
}

/**
 * Several runs go through one stream, since a browser holds few connections to a server: the names of its events are then
 * `0 entries`, `1 live`, and what a watcher has had is the names of the last events of all of them.
 */
export function streamRuns(c: Context, watch: Watch, feeds: readonly Feed[]): Response {
  return streamSSE(c, async (stream) => {
    let isLeft = false;
    const { wake, woken } = latch();
    stream.onAbort(() => {
      isLeft = true;
      wake();
    });
    const before = (c.req.header('Last-Event-ID') ?? '').split(',');
    const all: Had[] = [];
    try {
      for (const [index, feed] of feeds.entries()) {
        const { told, leave } = watch.join(feed, wake);
        all.push({
          feed,
          told,
          leave,
          prefix: feeds.length === 1 ? '' : `${index} `,
          generation: feed.generation,
          ...startOf(before[index] ?? '', feed),
          sent: { condition: '', live: '', problem: null },
        });
      }
      for (const had of all) if (had.at === 0) await reset(stream, had);
      for (;;) {
        let isSilent = true;
        for (const had of all) if (await tell(stream, had, all)) isSilent = false;
        if (isSilent) await stream.writeSSE({ event: 'alive', data: '' });
        if (!isLeft) await woken();
        if (isLeft) return;
      }
    } finally {
      for (const { leave } of all) leave();
    }
  });
}

async function reset(stream: SSEStreamingApi, had: Had): Promise<void> {
  [had.generation, had.at, had.name] = [had.feed.generation, 0, ''];
  // Told behind the entries: with it all is there.
  had.sent.condition = '';
  await stream.writeSSE({ event: `${had.prefix}reset`, data: '' });
}

async function sendEntries(stream: SSEStreamingApi, had: Had, all: readonly Had[]): Promise<void> {
  // Another journal's begin anew: while a slow watcher takes what it is sent, the feed may come to one.
  const { lines } = had.feed;
  while (lines === had.feed.lines && had.at < lines.length) {
    const first = had.at;
    for (let size = 0; had.at < lines.length && size < largest; had.at++) size += (lines[had.at] as string).length;
    had.name = nameOf(lines[had.at - 1] as string, had.at - 1);
    const data = `[${lines.slice(first, had.at).join(',')}]`;
    await stream.writeSSE({ event: `${had.prefix}entries`, id: all.map(({ name }) => name).join(), data });
  }
}

/** What is new of a run. Says whether anything is. */
async function tell(stream: SSEStreamingApi, had: Had, all: readonly Had[]): Promise<boolean> {
  const { feed, told, sent, prefix } = had;
  let isNew = false;
  // Another run at the same place.
  if (feed.generation !== had.generation) await reset(stream, had);
  if (had.at < feed.lines.length) {
    isNew = true;
    await sendEntries(stream, had, all);
  }
  for (const event of ['condition', 'live'] as const) {
    const text = event === 'condition' ? told.news : told.live;
    if (sent[event] === text) continue;
    isNew = true;
    sent[event] = text;
    await stream.writeSSE({ event: `${prefix}${event}`, data: text });
  }
  if (told.problem !== sent.problem) {
    isNew = true;
    sent.problem = told.problem;
    await stream.writeSSE({ event: `${prefix}problem`, data: JSON.stringify(told.problem) });
  }
  return isNew;
}

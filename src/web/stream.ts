/**
 * The events of runs as server-sent events: all that a journal holds, then what comes, each once and in order. A watcher that
 * was cut off continues after the last event that it received (Last-Event-ID). All watchers of a run share one poll of the disk.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { conditionOf, type Condition } from '../run/record/read.ts';
import { keptCandidates } from '../run/record/folder.ts';
import { readLive } from '../run/display/live.ts';
import { latch } from '../util/latch.ts';
import { UserError } from '../util/user-error.ts';
import { printableLines } from '../util/words.ts';
import type { ConditionNews } from './api.ts';
import type { Feed } from './feed.ts';

/** Milliseconds between two polls of a watched run. */
const interval = 500;
/** Polls between two looks for the run's process, and between two heartbeats to a watcher. */
const slowly = 4;
const heartbeat = 30;
/** Characters of one message, about. */
const largest = 1 << 18;

/** What watchers are sent beside the entries of the journal: the last message of each kind, as JSON. */
const kinds = ['condition', 'live', 'problem'] as const;
type Messages = Record<(typeof kinds)[number], string>;

interface Watched {
  readonly feed: Feed;
  condition: Condition | null;
  readonly messages: Messages;
  readonly watchers: Set<() => void>;
  polls: number;
}

export type Watch = ReturnType<typeof openWatch>;

function poll(watched: Watched): void {
  const { feed, messages, watchers } = watched;
  let isNew = false;
  let problem: string | null = null;
  const set = (kind: keyof Messages, value: unknown): void => {
    const text = JSON.stringify(value);
    isNew ||= messages[kind] !== text;
    messages[kind] = text;
  };
  try {
    isNew = feed.advance();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problem = error.message;
  }
  set('problem', problem);
  const turn = watched.polls++;
  if (isNew || turn % slowly === 0) {
    watched.condition = conditionOf(feed);
    const kept = keptCandidates(feed.folder, feed.state.search);
    set('condition', { condition: watched.condition, kept } satisfies ConditionNews);
  }
  // A process that was killed leaves its last progress behind.
  set('live', watched.condition === 'running' ? readLive(feed.folder.live) : null);
  if (isNew || turn % heartbeat === 0) for (const wake of watchers) wake();
}

export function openWatch() {
  const all = new Map<Feed, Watched>();
  let timer: NodeJS.Timeout | undefined;

  function pollAll(): void {
    for (const each of all.values())
      try {
        poll(each);
      } catch (error) {
        // The other runs are polled all the same.
        process.stderr.write(`${printableLines((error as Error).stack ?? '')}\n`);
      }
  }

  return {
    join(feed: Feed, wake: () => void): Pick<Subscription, 'messages' | 'leave'> {
      let watched = all.get(feed);
      if (watched === undefined) {
        const messages = { condition: '', live: 'null', problem: 'null' };
        watched = { feed, condition: null, messages, watchers: new Set(), polls: 0 };
        poll(watched);
        all.set(feed, watched);
      }
      const { messages, watchers } = watched;
      watchers.add(wake);
      timer ??= setInterval(pollAll, interval);
      return {
        messages,
        leave() {
          watchers.delete(wake);
          if (watchers.size === 0) all.delete(feed);
          if (all.size > 0) return;
          clearInterval(timer);
          timer = undefined;
        },
      };
    },
    isWatched: (feed: Feed): boolean => all.has(feed),
    close: (): void => clearInterval(timer),
  };
}

/** The ID of an event in the stream: its number and its content, so that it means the same to another server. */
const eventId = (line: string, at: number): string =>
  `${at}-${createHash('sha256').update(line).digest('base64url').slice(0, 22)}`;

/** What one watcher has received of a run. */
interface Subscription {
  readonly feed: Feed;
  readonly messages: Readonly<Messages>;
  leave(): void;
  /** Before the names of its events: the run's index, where the stream has several runs. */
  readonly prefix: string;
  generation: number;
  /** Entries that were sent, and the ID of the last; empty before the first. */
  at: number;
  lastId: string;
  readonly sent: Messages;
}

/** Where a watcher continues, by the ID of the last event that it received. */
function startOf(id: string, { lines }: Feed): { readonly at: number; readonly lastId: string } {
  const at = Number(/^(\d{1,9})-/.exec(id)?.[1] ?? -1);
  const line = lines[at];
  return line !== undefined && id === eventId(line, at) ? { at: at + 1, lastId: id } : { at: 0, lastId: '' };
}

/**
 * One stream for all runs of a page, since a browser has six connections to a server. With several runs, events are named
 * `0 entries`, `1 live`, and an event's ID lists the last IDs of all runs.
 */
export function streamRuns(c: Context, watch: Watch, feeds: readonly Feed[]): Response {
  // Proxies that know this header (nginx) pass each event on at once.
  c.header('X-Accel-Buffering', 'no');
  return streamSSE(c, async (stream) => {
    let isLeft = false;
    const { wake, woken } = latch();
    stream.onAbort(() => {
      isLeft = true;
      wake();
    });
    const lastIds = (c.req.header('Last-Event-ID') ?? '').split(',');
    const all: Subscription[] = [];
    try {
      for (const [index, feed] of feeds.entries()) {
        const { messages, leave } = watch.join(feed, wake);
        const { generation } = feed;
        const prefix = feeds.length === 1 ? '' : `${index} `;
        const sent = { condition: '', live: '', problem: 'null' };
        all.push({ feed, messages, leave, prefix, generation, ...startOf(lastIds[index] ?? '', feed), sent });
      }
      for (const each of all) if (each.at === 0) await sendReset(stream, each);
      for (;;) {
        let isSilent = true;
        for (const each of all) if (await sendNews(stream, each, all)) isSilent = false;
        if (isSilent) await stream.writeSSE({ event: 'alive', data: '' });
        if (!isLeft) await woken();
        if (isLeft) return;
      }
    } finally {
      for (const { leave } of all) leave();
    }
  });
}

async function sendReset(stream: SSEStreamingApi, to: Subscription): Promise<void> {
  [to.generation, to.at, to.lastId] = [to.feed.generation, 0, ''];
  // Sent again after the entries: it says that they are complete.
  to.sent.condition = '';
  await stream.writeSSE({ event: `${to.prefix}reset`, data: '' });
}

async function sendEntries(stream: SSEStreamingApi, to: Subscription, all: readonly Subscription[]): Promise<void> {
  // While a slow watcher receives, another journal may take the place of this one: its lines are another array.
  const { lines } = to.feed;
  while (lines === to.feed.lines && to.at < lines.length) {
    const first = to.at;
    for (let size = 0; to.at < lines.length && size < largest; to.at++) size += (lines[to.at] as string).length;
    to.lastId = eventId(lines[to.at - 1] as string, to.at - 1);
    const data = `[${lines.slice(first, to.at).join(',')}]`;
    await stream.writeSSE({ event: `${to.prefix}entries`, id: all.map(({ lastId }) => lastId).join(), data });
  }
}

/** Returns whether anything was sent. */
async function sendNews(stream: SSEStreamingApi, to: Subscription, all: readonly Subscription[]): Promise<boolean> {
  const { feed, messages, sent, prefix } = to;
  if (feed.generation !== to.generation) await sendReset(stream, to);
  let isNew = to.at < feed.lines.length;
  if (isNew) await sendEntries(stream, to, all);
  for (const kind of kinds) {
    if (sent[kind] === messages[kind]) continue;
    isNew = true;
    sent[kind] = messages[kind];
    await stream.writeSSE({ event: `${prefix}${kind}`, data: sent[kind] });
  }
  return isNew;
}

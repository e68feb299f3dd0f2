/** A watcher of a run's events, as a browser's EventSource hears them, which can be cut off and come back. */
import { get, type ClientRequest } from 'node:http';

export interface Heard {
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
}

export interface Watcher {
  readonly heard: readonly Heard[];
  /** Numbers of the entries since the last reset; of the run of that place, where there are several. */
  numbers(place?: number): readonly number[];
  /** The last of that name; null where there was none. */
  last(event: string): unknown;
  /** To be sent as Last-Event-ID. */
  readonly lastId: string | null;
  cut(): void;
}

/** `run`: several, where the names of their events begin with their places. */
export function watch(port: number, run: string | readonly string[], lastId: string | null = null): Watcher {
  const heard: Heard[] = [];
  let id = lastId;
  let rest = '';
  const query = [run]
    .flat()
    .map((each) => `run=${encodeURIComponent(each)}`)
    .join('&');
  const headers: Record<string, string> = lastId === null ? {} : { 'Last-Event-ID': lastId };
  const request: ClientRequest = get(
    { port, host: '127.0.0.1', path: `/api/run/events?${query}`, headers, agent: false },
    (response) => {
      response.setEncoding('utf8').on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const fields = block.split('\n');
          const field = (name: string): string[] =>
            fields.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
          const own = field('id')[0] ?? null;
          id = own ?? id;
          heard.push({ event: field('event')[0] ?? '', data: field('data').join('\n'), id: own });
        }
      });
      response.on('error', () => undefined);
    },
  );
  request.on('error', () => undefined); // Cut off, by us or by the server.
  return {
    heard,
    numbers(place) {
      const before = place === undefined ? '' : `${place} `;
      const from = heard.map(({ event }) => event).lastIndexOf(`${before}reset`) + 1;
      return heard
        .slice(from)
        .filter(({ event }) => event === `${before}entries`)
        .flatMap(({ data }) => (JSON.parse(data) as { n: number }[]).map(({ n }) => n));
    },
    last(event) {
      const found = heard.filter((each) => each.event === event).at(-1);
      return found === undefined ? null : JSON.parse(found.data === '' ? 'null' : found.data);
    },
    get lastId() {
      return id;
    },
    cut: () => request.destroy(),
  };
}

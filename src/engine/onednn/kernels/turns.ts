/**
 * How threads take turns: the first thread writes what to do and begins a turn, every helper does its part, and the first one waits for
 * all. A thread that waits looks for a short while and then sleeps: the library's own threads need the processors too.
 */
import type { Call } from './calls.ts';

/** What a helper starts with. `control` is shared. */
export interface Start {
  readonly path: string;
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly part: number;
  readonly parts: number;
}

/** Read in a turn whose session is negative. */
export type Message =
  | { readonly kind: 'open'; readonly session: number; readonly memory: WebAssembly.Memory; readonly calls: readonly Call[] }
  | { readonly kind: 'close'; readonly session: number };

export const word = { turn: 0, busy: 1, session: 2, call: 3, failed: 4, words: 16 } as const;

/** Looks at a word before sleeping: some ten microseconds. */
const looks = 2_000;

type Control = Int32Array<SharedArrayBuffer>;

/** Waits until a turn other than the last one has begun. */
export function awaitTurn(control: Control, last: number): number {
  for (let look = 0; look < looks; look++) {
    const turn = Atomics.load(control, word.turn);
    if (turn !== last) return turn;
  }
  Atomics.wait(control, word.turn, last);
  return Atomics.load(control, word.turn);
}

export function begin(control: Control, helpers: number, session: number, call: number): void {
  control[word.session] = session;
  control[word.call] = call;
  Atomics.store(control, word.busy, helpers);
  Atomics.add(control, word.turn, 1);
  Atomics.notify(control, word.turn);
}

export function finish(control: Control): void {
  if (Atomics.sub(control, word.busy, 1) === 1) Atomics.notify(control, word.busy);
}

export function awaitAll(control: Control): void {
  for (let look = 0; look < looks; look++) if (Atomics.load(control, word.busy) === 0) return;
  for (let busy = Atomics.load(control, word.busy); busy > 0; busy = Atomics.load(control, word.busy))
    Atomics.wait(control, word.busy, busy);
}

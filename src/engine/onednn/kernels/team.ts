/** The threads that perform calls: the one that asks, and helpers, which all sessions of the process share. */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { assert } from '../../../util/assert.ts';
import type { OneDnn } from '../library.ts';
import { perform, type Call } from './calls.ts';
import { kernelsOver } from './module.ts';
import { productOver } from './product.ts';
import { awaitAll, begin, word, type Message, type Start } from './turns.ts';

/**
 * Whether kernels of our own compute convolutions: on x86-64 with AVX2 and version 2 of the library, whose products are fast there and which has no
 * Winograd convolutions in f32. With AVX-512 it has them.
 */
export const usesWinograd = ({ major, instructionSet }: OneDnn): boolean => major === 2 && instructionSet.startsWith('avx2');

interface Team {
  readonly control: Start['control'];
  readonly helpers: readonly { readonly worker: Worker; readonly port: MessagePort }[];
  sessions: number;
}

/** By the library's path and the number of threads. */
const teams = new Map<string, Team>();

function teamOf({ path, threads }: OneDnn): Team {
  const key = `${threads} ${path}`;
  const known = teams.get(key);
  if (known !== undefined) return known;
  const control = new Int32Array(new SharedArrayBuffer(4 * word.words));
  const helpers = Array.from({ length: threads - 1 }, (_none, index) => {
    const { port1, port2 } = new MessageChannel();
    const start: Start = { path, control, part: index + 1, parts: threads };
    const worker = new Worker(new URL('./helper.js', import.meta.url), {
      workerData: { ...start, port: port2 },
      transferList: [port2],
      execArgv: [],
    });
    // The process may end while it waits.
    worker.unref();
    port1.unref();
    return { worker, port: port1 };
  });
  const team = { control, helpers, sessions: 0 };
  teams.set(key, team);
  return team;
}

/** Performs the calls of one session, by their numbers. */
export interface Performer {
  perform(call: number): void;
  close(): void;
}

export function openPerformer(library: OneDnn, memory: WebAssembly.Memory, calls: readonly Call[]): Performer {
  const bytes = new Uint8Array(memory.buffer);
  const numbers = new Float32Array(memory.buffer);
  const context = { kernels: kernelsOver(memory), product: productOver(library.handle, bytes) };
  const { threads } = library;
  const callOf = (index: number): Call => {
    const call = calls[index];
    assert(call !== undefined, () => `call ${index} of ${calls.length}`);
    return call;
  };
  if (threads === 1) return { perform: (index) => perform(context, callOf(index), [0, 1], numbers), close: () => undefined };

  const team = teamOf(library);
  const { control, helpers } = team;
  const session = ++team.sessions;
  const turn = (of: number, call: number, own: () => void): void => {
    begin(control, helpers.length, of, call);
    own();
    awaitAll(control);
    if (control[word.failed] === 0) return;
    const texts = helpers.map(({ port }) => (receiveMessageOnPort(port) as { readonly message: string } | undefined)?.message);
    throw new Error(`bug: a thread of the engine: ${texts.filter((text) => text !== undefined).join('; ')}`);
  };
  const tell = (message: Message): void => {
    for (const { port } of helpers) port.postMessage(message);
    turn(-1, 0, () => undefined);
  };
  tell({ kind: 'open', session, memory, calls });
  return {
    perform(index) {
      const call = callOf(index);
      library.claimThreads(1);
      turn(session, index, () => perform(context, call, [0, threads], numbers));
      library.claimThreads();
    },
    close: () => tell({ kind: 'close', session }),
  };
}

/** A thread that performs its parts of calls. It holds no state but the memories of open sessions. */
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { perform, type Call, type Context } from './calls.ts';
import { kernelsOver } from './module.ts';
import { productOver } from './product.ts';
import { awaitTurn, finish, word, type Message, type Start } from './turns.ts';
import { koffi } from '../../../util/koffi.ts';

const { path, control, port, part, parts } = workerData as Start & { readonly port: MessagePort };
const library = koffi.load(path);
// Of this thread alone.
(library.func('omp_set_num_threads', 'void', ['int']) as (threads: number) => void)(1);

interface Opened {
  readonly context: Context;
  readonly calls: readonly Call[];
  readonly memory: Float32Array;
}

const sessions = new Map<number, Opened>();

function receive(): void {
  const received = receiveMessageOnPort(port) as { readonly message: Message } | undefined;
  if (received === undefined) throw new Error('bug: a message that did not come');
  const { message } = received;
  if (message.kind === 'close') sessions.delete(message.session);
  else {
    const { session, memory, calls } = message;
    const context = { kernels: kernelsOver(memory), product: productOver(library, new Uint8Array(memory.buffer)) };
    sessions.set(session, { context, calls, memory: new Float32Array(memory.buffer) });
  }
}

for (let turn = 0; ;) {
  turn = awaitTurn(control, turn);
  const session = control[word.session] as number;
  const call = control[word.call] as number;
  try {
    if (session < 0) receive();
    else {
      const opened = sessions.get(session);
      const asked = opened?.calls[call];
      if (opened === undefined || asked === undefined) throw new Error(`bug: no call ${call} of session ${session}`);
      perform(opened.context, asked, [part, parts], opened.memory);
    }
  } catch (error) {
    port.postMessage(error instanceof Error ? error.message : String(error));
    Atomics.store(control, word.failed, 1);
  }
  finish(control);
}

/**
 * Runs models from untrusted files in a child process. This process only gets numbers, or one line that says what went wrong.
 * A child that dies is replaced for the next model.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sizeOf } from '../network/tensor.ts';
import { UserError } from '../util/user-error.ts';
import { forkWorker } from './pool.ts';

/** Messages between the process that runs an untrusted model and its parent. */
export type ToModelWorker =
  | {
      readonly kind: 'open';
      readonly model: Uint8Array;
      readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
    }
  | RunModel;

export interface RunModel {
  readonly kind: 'run';
  readonly input: string;
  readonly elementType: 'uint8' | 'float32';
  readonly data: Uint8Array | Float32Array;
  readonly shape: readonly number[];
  readonly output: string;
}

export type FromModelWorker =
  | { readonly kind: 'ready' | 'opened' }
  | { readonly kind: 'result'; readonly data: Float32Array; readonly shape: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string };

export interface ModelRunner {
  /** Rejects with a UserError of one line, as does `run`. */
  open(model: Uint8Array, external: readonly { readonly path: string; readonly data: Uint8Array }[]): Promise<void>;
  /** The output: as many numbers as its shape says. */
  run(request: Omit<RunModel, 'kind'>): Promise<{ readonly data: Float32Array; readonly shape: readonly number[] }>;
  close(): void;
}

export interface ModelLimits {
  /** Bytes of memory of the child. */
  readonly memory: number;
  /** Seconds for opening the model, and for running a batch. */
  readonly seconds: number;
}

interface Child {
  readonly process: ChildProcess;
  errors: string;
}

const entry = fileURLToPath(new URL('./model-worker.js', import.meta.url));

function startChild(memory: number, cwd: string): Child {
  // Only what is needed to find libraries and, under Yarn's Plug'n'Play, modules: the environment may hold secrets.
  const of = (name: string): string => process.env[name] ?? '';
  const found = { PATH: of('PATH'), LD_LIBRARY_PATH: of('LD_LIBRARY_PATH'), NODE_OPTIONS: of('NODE_OPTIONS') };
  const env = { ...found, OMP_NUM_THREADS: '1' };
  const child: Child = {
    process: forkWorker(entry, [String(memory)], { env, cwd, serialization: 'advanced' }, (text) => {
      child.errors = (child.errors + text).slice(-2048);
    }),
    errors: '',
  };
  holdProcess(child, false);
  return child;
}

/** Whether this process stays for the child: only while it waits for an answer, so that a program ends that forgets to close. */
function holdProcess({ process: child }: Child, isHeld: boolean): void {
  const held = [child, child.channel, child.stderr as Socket | null];
  for (const each of held) {
    if (isHeld) each?.ref();
    else each?.unref();
  }
}

function exitProblem(code: number | null, signal: string | null, errors: string, memory: number): string {
  if (/bad_alloc|out of memory|allocation/i.test(errors)) return `needs more than ${Math.round(memory / 2 ** 20)} MiB`;
  const last = errors.trim().split('\n').at(-1) ?? '';
  return `ended ONNX Runtime (${signal ?? code})${last === '' ? '' : `: ${last.slice(0, 200)}`}`;
}

/** The child's next message; rejects with a line that says why there is none. */
function nextMessage(of: Child, { memory, seconds }: ModelLimits): Promise<FromModelWorker> {
  const { process: child } = of;
  return new Promise((resolve, reject) => {
    function settle(): void {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
    }
    function fail(text: string): void {
      settle();
      reject(new Error(text));
    }
    const timer = setTimeout(() => fail(`took longer than ${seconds} s and was ended`), seconds * 1000);
    const onMessage = (message: FromModelWorker): void => {
      settle();
      resolve(message);
    };
    const onExit = (code: number | null, signal: string | null): void => fail(exitProblem(code, signal, of.errors, memory));
    const onError = (error: Error): void => fail(error.message);
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
  });
}

/** `where` begins the error messages. */
export function createModelRunner(where: string, limits: ModelLimits): ModelRunner {
  let child: Child | undefined;

  function close(): void {
    child?.process.kill('SIGKILL');
    child = undefined;
  }

  async function answerOf(of: Child): Promise<FromModelWorker> {
    holdProcess(of, true);
    try {
      return await nextMessage(of, limits);
    } catch (error) {
      close();
      throw new UserError(`${where}: ${(error as Error).message}`);
    } finally {
      holdProcess(of, false);
    }
  }

  /** A child that is ready. */
  async function start(): Promise<Child> {
    const folder = mkdtempSync(join(tmpdir(), 'instar-model-'));
    child = startChild(limits.memory, folder);
    const started = child;
    try {
      await answerOf(started);
    } finally {
      // The child stays in the removed folder, to which nothing can be added.
      rmSync(folder, { recursive: true, force: true });
    }
    return started;
  }

  async function request(message: ToModelWorker): Promise<FromModelWorker> {
    const to = child?.process.connected === true ? child : await start();
    const answer = answerOf(to);
    to.process.send(message, (error) => void (error !== null && to.process.kill('SIGKILL')));
    const received = await answer;
    if (received.kind === 'failed') throw new UserError(`${where}: ONNX Runtime: ${received.message}`);
    return received;
  }

  return {
    async open(model, external) {
      await request({ kind: 'open', model, external });
    },
    async run(model) {
      const result = await request({ kind: 'run', ...model });
      // The child runs untrusted code.
      if (
        result.kind !== 'result' ||
        !(result.data instanceof Float32Array) ||
        !Array.isArray(result.shape) ||
        sizeOf(result.shape) !== result.data.length
      )
        throw new UserError(`${where}: ONNX Runtime returned no valid tensor`);
      return { data: result.data, shape: result.shape };
    },
    close,
  };
}

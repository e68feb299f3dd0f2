/**
 * Foreign models, run in a process of their own. Whatever the file is, this process only sees numbers, or one line that says
 * what went wrong. The child is used for one model after another until it dies; then there is a new one.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sizeOf } from '../network/tensor.ts';
import { UserError } from '../util/user-error.ts';
import type { FromModelWorker, RunModel, ToModelWorker } from './model-messages.ts';

export interface ModelRunner {
  /** Rejects with a UserError of one line, as does `run`. */
  open(model: Uint8Array, external: readonly { readonly path: string; readonly data: Uint8Array }[]): Promise<void>;
  /** The output: as many numbers as its shape says. */
  run(request: Omit<RunModel, 'kind'>): Promise<{ readonly data: Float32Array; readonly shape: readonly number[] }>;
  close(): void;
}

export interface ModelLimits {
  /** Bytes that the child may have. */
  readonly memory: number;
  /** Seconds that opening the model, or running a batch, may take. */
  readonly seconds: number;
}

const entry = fileURLToPath(new URL('./model-worker.js', import.meta.url));

/** `where` begins the messages. */
export function createModelRunner(where: string, { memory, seconds }: ModelLimits): ModelRunner {
  let child: ChildProcess | undefined;
  let errors = '';

  function end(): void {
    child?.kill('SIGKILL');
    child = undefined;
  }

  /** A child that is ready. */
  async function start(): Promise<ChildProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'instar-model-'));
    errors = '';
    const started = fork(entry, [String(memory)], {
      cwd: folder,
      // What is in the environment is none of its business; the library's path alone is needed to find libraries.
      env: { PATH: process.env['PATH'] ?? '', LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '', OMP_NUM_THREADS: '1' },
      execArgv: [],
      serialization: 'advanced',
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    started.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2048)));
    child = started;
    try {
      await hear(started);
    } finally {
      // It stands there all the same, and nobody can put anything beside it; however this process ends, nothing is left.
      rmSync(folder, { recursive: true, force: true });
    }
    return started;
  }

  /** One answer, or why there is none. */
  function hear(asked: ChildProcess): Promise<FromModelWorker> {
    return new Promise((resolve, reject) => {
      const fail = (text: string): void => {
        settle();
        end();
        reject(new UserError(`${where}: ${text}`));
      };
      const timer = setTimeout(() => fail(`took longer than ${seconds} s and was ended`), seconds * 1000);
      const onMessage = (message: FromModelWorker): void => {
        settle();
        resolve(message);
      };
      const onExit = (code: number | null, signal: string | null): void => {
        const last = errors.trim().split('\n').at(-1) ?? '';
        const memoryRanOut = /bad_alloc|out of memory|allocation/i.test(errors);
        const how = memoryRanOut
          ? `needs more than ${Math.round(memory / 2 ** 20)} MiB`
          : `ended ONNX Runtime (${signal ?? code})`;
        fail(`${how}${last === '' || memoryRanOut ? '' : `: ${last.slice(0, 200)}`}`);
      };
      const onError = (error: Error): void => fail(error.message);
      function settle(): void {
        clearTimeout(timer);
        asked.off('message', onMessage);
        asked.off('exit', onExit);
        asked.off('error', onError);
      }
      asked.on('message', onMessage);
      asked.on('exit', onExit);
      asked.on('error', onError);
    });
  }

  async function ask(message: ToModelWorker): Promise<FromModelWorker> {
    const asked = child?.connected === true ? child : await start();
    const heard = hear(asked);
    asked.send(message, (error) => void (error !== null && asked.kill('SIGKILL')));
    const reply = await heard;
    if (reply.kind === 'failed') throw new UserError(`${where}: ONNX Runtime: ${reply.message}`);
    return reply;
  }

  return {
    async open(model, external) {
      await ask({ kind: 'open', model, external });
    },
    async run(request) {
      const reply = await ask({ kind: 'run', ...request });
      // The child is not trusted either.
      if (
        reply.kind !== 'result' ||
        !(reply.data instanceof Float32Array) ||
        !Array.isArray(reply.shape) ||
        sizeOf(reply.shape) !== reply.data.length
      )
        throw new UserError(`${where}: what came back is no tensor`);
      return { data: reply.data, shape: reply.shape };
    },
    close: end,
  };
}

/**
 * Jobs in worker processes on this machine. A worker that dies, hangs or runs out of memory costs its job and nothing else.
 * Who may run when is the caller's business: here each job gets a process at once.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Fingerprint } from '../engine/engine.ts';
import { JobFailure, type Job, type Report } from '../training/job.ts';
import { unreachable } from '../util/assert.ts';
import { RunError } from '../util/user-error.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { WorkerWord } from './queue/messages.ts';

export interface Watch {
  /** `clock`: seconds of the worker's own clock. `by`: who says so, where that is another machine's worker. */
  report(report: Report, peakBytes: number, clock: number, by?: WorkerWord): void;
  started(fingerprint: Fingerprint): void;
}

/** Jobs that are done on other machines. */
export interface Elsewhere {
  /** Jobs of the run that nobody has taken yet. */
  readonly waiting: number;
  /** Jobs on the queue that nobody has taken yet, other runs' included; not below `waiting`. */
  readonly queued: number;
  /** Who is on which task, and what with. */
  readonly workers: readonly { readonly task: string; readonly worker: string; readonly engine: string }[];
  /** Workers that take from the queue and are on no task of the run: free, or on another's. */
  readonly others: readonly string[];
}

export interface Pool {
  /** Resolves when the job is done. Rejects with a JobFailure, with a RunError where no retry helps, or with the signal's
   * reason after it was aborted. */
  run(job: Job, watch: Watch, signal: AbortSignal): Promise<void>;
  /** Process numbers of the workers that are there now. */
  workers(): readonly number[];
  /** As far as it is known here; only where workers are on other machines. */
  elsewhere?(): Elsewhere;
  /** Ends all workers at once. */
  close(): void;
  /** The run has ended: nothing of it that others keep is needed any more. Called before `close`. */
  forget(): Promise<void>;
}

export interface PoolOptions {
  /** The folder of checkpoints. */
  readonly checkpoints: string;
  /** Seconds without a sign of life after which a worker counts as hung, at least; ten of its steps where those are longer. */
  readonly patience: number;
}

interface Worker {
  readonly process: ChildProcess;
  readonly threads: number;
  busy: boolean;
  errors: string;
}

/** Milliseconds between two looks at the time since a worker's last sign of life. */
const lookEvery = 500;

const entry = fileURLToPath(new URL('./worker.js', import.meta.url));

function describeEnd(code: number | null, signal: NodeJS.Signals | null, errors: string): JobFailure {
  const last = errors.trim().split('\n').slice(-3).join(' ').slice(-300);
  const memory = signal === 'SIGKILL' || /bad_alloc|out of memory|Cannot allocate memory/i.test(errors);
  // The kernel ends with SIGKILL what takes too much; so does `kill -9`, and nothing tells them apart.
  const killed = signal === 'SIGKILL' ? ', as when memory runs out' : '';
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}${killed}`;
  return new JobFailure(memory ? 'memory' : 'crashed', `the worker ${how}${last === '' ? '' : `: ${last}`}`);
}

/** Milliseconds in which the end of a process is heard of, once it cannot be written to. */
const exitFollows = 2000;

export function createPool({ checkpoints, patience }: PoolOptions): Pool {
  const workers = new Set<Worker>();

  function start(threads: number): Worker {
    const child = fork(entry, [], {
      // Threads that wait without spinning: beside other work, spinning at each barrier made two threads tens of times slower.
      env: { OMP_WAIT_POLICY: 'passive', ...process.env, OMP_NUM_THREADS: String(threads) },
      execArgv: [],
      serialization: 'json',
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const worker: Worker = { process: child, threads, busy: false, errors: '' };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (worker.errors = (worker.errors + text).slice(-4096)));
    child.on('exit', () => workers.delete(worker));
    // A process that could not be started has no exit. Without a listener the error would end this one.
    child.on('error', () => workers.delete(worker));
    workers.add(worker);
    return worker;
  }

  /** Ends a worker at once. From here on it is given nothing more, though its process may take a moment to go. */
  function end(worker: Worker): void {
    workers.delete(worker);
    worker.process.kill('SIGKILL');
  }

  /** One that waits with that many threads; else a new one, in the place of one that waits with another number. */
  function take(threads: number): Worker {
    const idle = [...workers].filter((worker) => !worker.busy);
    const fitting = idle.find((worker) => worker.threads === threads);
    if (fitting !== undefined) return fitting;
    if (idle[0] !== undefined) end(idle[0]);
    return start(threads);
  }

  return {
    run(job, watch, signal) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      const worker = take(job.engine.threads);
      const { process: child } = worker;
      worker.busy = true;
      return new Promise((resolve, reject) => {
        let alive = performance.now();
        let slowest = 0;
        let settled = false;
        let looked = alive;
        const timer = setInterval(() => {
          const now = performance.now();
          // While this process itself stood still (Ctrl-Z), what the workers said waited to be read.
          if (now - looked > 10 * lookEvery) alive = now;
          looked = now;
          const silence = (now - alive) / 1000;
          if (silence < Math.max(patience, 10 * slowest)) return;
          end(worker);
          settle(new JobFailure('hung', `no sign of life from the worker for ${Math.round(silence)} s`));
        }, lookEvery);
        const abort = (): void => {
          end(worker);
          settle(signal.reason as Error);
        };
        const onError = (error: Error): void => {
          end(worker);
          settle(new JobFailure('crashed', `the worker: ${error.message}`));
        };
        const onExit = (code: number | null, by: NodeJS.Signals | null): void => settle(describeEnd(code, by, worker.errors));
        const onMessage = (message: FromWorker): void => {
          const now = performance.now();
          if (message.kind === 'report') slowest = Math.max(slowest, (now - alive) / 1000);
          alive = now;
          switch (message.kind) {
            case 'alive':
              return;
            case 'started':
              return watch.started(message.fingerprint);
            case 'report':
              return watch.report(message.report, message.peak, message.clock);
            case 'done':
              return settle(null);
            case 'failed':
              // What is left in a process whose memory ran out is not to be trusted.
              if (message.failure === 'memory' || message.failure === 'error') end(worker);
              return settle(new JobFailure(message.failure, message.message));
            case 'refused':
              return settle(new RunError(message.message));
            default:
              return unreachable(message);
          }
        };
        function settle(error: Error | null): void {
          settled = true;
          clearInterval(timer);
          child.off('exit', onExit);
          child.off('error', onError);
          child.off('message', onMessage);
          signal.removeEventListener('abort', abort);
          worker.busy = false;
          // It ran beside the workers that the run planned with, and its memory is not planned for.
          if (job.kind === 'verification') end(worker);
          if (error === null) resolve();
          else reject(error);
        }
        child.on('exit', onExit);
        child.on('error', onError);
        child.on('message', onMessage);
        signal.addEventListener('abort', abort);
        const message: ToWorker = { kind: 'job', job, checkpoints };
        child.send(message, (error) => {
          // A worker that died while it waited: `exit` is about to say how. Only where it does not is this the reason.
          if (error !== null) setTimeout(() => settled || onError(error), exitFollows);
        });
      });
    },
    workers: () => [...workers].map((worker) => worker.process.pid ?? 0),
    close() {
      for (const worker of workers) end(worker);
    },
    forget: () => Promise.resolve(),
  };
}

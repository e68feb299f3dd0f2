/**
 * Jobs in worker processes on this machine. A worker that dies, hangs or runs out of memory fails its job only. The caller
 * schedules: each job gets a process at once.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Fingerprint } from '../engine/engine.ts';
import { JobFailure, type Failure, type Job, type Report } from '../training/job.ts';
import { RunError } from '../util/user-error.ts';
import type { WorkerIdentity } from './queue/messages.ts';
import { isWantOfMemory, readText } from './resources.ts';

export interface JobObserver {
  /** `clock`: seconds of the worker's clock. `by`: the worker, where it is on another machine. */
  report(report: Report, peakBytes: number, clock: number, by?: WorkerIdentity): void;
  started?(fingerprint: Fingerprint): void;
}

/** Workers on other machines and their jobs. */
export interface RemoteStatus {
  /** Jobs of the run that no worker has taken. */
  readonly waiting: number;
  /** Jobs on the queue that no worker has taken, those of other runs included; at least `waiting`. */
  readonly queued: number;
  /** Which worker does which task, and its engine. */
  readonly workers: readonly { readonly task: string; readonly worker: string; readonly engine: string }[];
  /** Tasks that a worker gave back, and why, until another takes them. */
  readonly returned?: readonly { readonly task: string; readonly worker: string; readonly reason: string }[];
  /** Workers of the queue without a task of this run. */
  readonly others: readonly string[];
}

export interface Pool {
  /**
   * Resolves when the job is done. Rejects with a JobFailure, with a RunError where a retry cannot help, or with the signal's
   * reason after it was aborted.
   */
  run(job: Job, observer: JobObserver, signal: AbortSignal): Promise<void>;
  /** Process numbers of the current workers. */
  workers(): readonly number[];
  /** Only of pools whose workers are on other machines. */
  elsewhere?(): RemoteStatus;
  /** Ends all workers at once. */
  close(): void;
  /** Removes what is kept of the run on other machines. Called at the run's end, before `close`. */
  forget(): Promise<void>;
}

export interface PoolOptions {
  /** The folder of checkpoints. */
  readonly checkpoints: string;
  /** Seconds without a message after which a worker counts as hung; ten of its minibatches where those take longer. */
  readonly patience: number;
}

/** Messages between a worker process and its parent. */
export type ToWorker = { readonly kind: 'job'; readonly job: Job; readonly checkpoints: string };
export type FromWorker =
  /** The worker runs, though no minibatch has ended. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'started'; readonly fingerprint: Fingerprint }
  /**
   * `peak`: the process's peak memory, bytes. `clock`: seconds of its own clock, which measure its speed even where the parent
   * receives the message late.
   */
  | { readonly kind: 'report'; readonly report: Report; readonly peak: number; readonly clock: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly message: string }
  /** The data or the machine's set-up is wrong, and a retry cannot help: the run ends. */
  | { readonly kind: 'refused'; readonly message: string };

interface Worker {
  readonly process: ChildProcess;
  /** Of its last job. */
  threads: number;
  busy: boolean;
  errors: string;
  /** Processes that the kernel had killed for want of memory when it began; null where that is not known. */
  readonly kills: number | null;
}

/** Milliseconds between checks of the time since a worker's last message. */
const checkEvery = 500;
/** Milliseconds within which a process reports its exit, once it cannot be written to. */
const exitDelay = 2000;

const entry = fileURLToPath(new URL('./worker.js', import.meta.url));

/** Forks a process of a group of its own, and calls `onError` with what it writes to stderr. */
export function forkWorker(
  module: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string; readonly serialization: 'json' | 'advanced' },
  onError: (text: string) => void,
): ChildProcess {
  const child = fork(module, args, { ...options, execArgv: [], detached: true, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  child.stderr?.setEncoding('utf8').on('data', onError);
  return child;
}

/** Processes that the kernel has killed since the machine began because memory ran out; null where it does not say. */
function memoryKills(): number | null {
  const found = /^oom_kill (\d+)$/m.exec(readText('/proc/vmstat') ?? '')?.[1];
  return found === undefined ? null : Number(found);
}

/** Signals that come from outside: no process ends itself by them. */
const fromOutside: ReadonlySet<NodeJS.Signals | null> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** `before`: `memoryKills` when the worker began. */
function exitFailure(code: number | null, signal: NodeJS.Signals | null, { errors, kills: before }: Worker): JobFailure {
  const last = errors.trim().split('\n').slice(-3).join(' ').slice(-300);
  const kills = memoryKills();
  // The kernel sends SIGKILL when memory runs out; `kill -9` looks the same, but is not counted.
  const isOut = signal === 'SIGKILL' && (kills === null || before === null || kills > before);
  const isShort = isOut || isWantOfMemory(errors);
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}${isOut ? ', as when memory runs out' : ''}`;
  const failure = isShort ? 'memory' : fromOutside.has(signal) ? 'killed' : 'crashed';
  return new JobFailure(failure, `the worker ${how}${last === '' ? '' : `: ${last}`}`);
}

/** Calls `onHung` with the seconds of silence once a worker has been silent for too long. */
function watchSilence(patience: number, onHung: (seconds: number) => void) {
  let alive = performance.now();
  let checked = alive;
  let slowest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    // Messages were not read while this process itself was stopped (Ctrl-Z).
    if (now - checked > 10 * checkEvery) alive = now;
    checked = now;
    const silence = (now - alive) / 1000;
    if (silence >= Math.max(patience, 10 * slowest)) onHung(silence);
  }, checkEvery);
  return {
    heard(kind: FromWorker['kind']): void {
      const now = performance.now();
      if (kind === 'report') slowest = Math.max(slowest, (now - alive) / 1000);
      alive = now;
    },
    stop: () => clearInterval(timer),
  };
}

/** Runs a job on a worker until it ends, fails or is aborted. `kill` ends the worker at once. */
function runOn(
  worker: Worker,
  message: ToWorker,
  observer: JobObserver,
  signal: AbortSignal,
  patience: number,
  kill: () => void,
): Promise<void> {
  const { process: child } = worker;
  return new Promise((resolve, reject) => {
    let settled = false;
    function settle(error: Error | null): void {
      settled = true;
      silence.stop();
      child.off('exit', onExit).off('error', onError).off('message', onMessage);
      signal.removeEventListener('abort', onAbort);
      if (error === null) resolve();
      else reject(error);
    }
    function fail(error: Error): void {
      kill();
      settle(error);
    }
    const silence = watchSilence(patience, (seconds) =>
      fail(new JobFailure('hung', `no sign of life from the worker for ${Math.round(seconds)} s`)),
    );
    const onAbort = (): void => fail(signal.reason as Error);
    const onError = (error: Error): void => fail(new JobFailure('crashed', `the worker: ${error.message}`));
    const onExit = (code: number | null, by: NodeJS.Signals | null): void => settle(exitFailure(code, by, worker));
    const onMessage = (received: FromWorker): void => {
      silence.heard(received.kind);
      switch (received.kind) {
        case 'alive':
          return;
        case 'started':
          return observer.started?.(received.fingerprint);
        case 'report':
          return observer.report(received.report, received.peak, received.clock);
        case 'done':
          return settle(null);
        case 'failed': {
          const { failure } = received;
          // A process whose memory ran out is in an unknown state.
          const end = failure === 'memory' || failure === 'error' ? fail : settle;
          return end(new JobFailure(failure, received.message));
        }
        case 'refused':
          return settle(new RunError(received.message));
      }
    };
    child.on('exit', onExit).on('error', onError).on('message', onMessage);
    signal.addEventListener('abort', onAbort);
    child.send(message, (error) => {
      // The worker died while it was idle. `exit` tells how; this is the reason only where it does not come.
      if (error !== null) setTimeout(() => settled || onError(error), exitDelay);
    });
  });
}

export function createPool({ checkpoints, patience }: PoolOptions): Pool {
  const workers = new Set<Worker>();

  function start(threads: number): Worker {
    // Threads wait without spinning: beside other work, spinning at each barrier made two threads tens of times slower.
    const env = { OMP_WAIT_POLICY: 'passive', ...process.env, OMP_NUM_THREADS: String(threads) };
    const child = forkWorker(entry, [], { env, serialization: 'json' }, (text) => {
      worker.errors = (worker.errors + text).slice(-4096);
    });
    const worker: Worker = { process: child, threads, busy: false, errors: '', kills: memoryKills() };
    child.on('exit', () => workers.delete(worker));
    // A process that could not be started has no exit. Without a listener the error would end this process.
    child.on('error', () => workers.delete(worker));
    workers.add(worker);
    return worker;
  }

  /** Ends a worker at once: it gets no more jobs, though its process may take a moment to exit. */
  function kill(worker: Worker): void {
    workers.delete(worker);
    worker.process.kill('SIGKILL');
  }

  /** An idle worker, rather one that had as many threads last, or a new one. Engines take their number of threads by the job. */
  function take(threads: number): Worker {
    const idle = [...workers].filter((worker) => !worker.busy);
    const worker = idle.find((each) => each.threads === threads) ?? idle[0] ?? start(threads);
    worker.threads = threads;
    return worker;
  }

  return {
    async run(job, observer, signal) {
      signal.throwIfAborted();
      const worker = take(job.engine.threads);
      worker.busy = true;
      try {
        await runOn(worker, { kind: 'job', job, checkpoints }, observer, signal, patience, () => kill(worker));
      } finally {
        worker.busy = false;
        // It ran beside the planned workers, and its memory is not planned for.
        if (job.kind === 'verification' || job.kind === 'quantisation') kill(worker);
      }
    },
    workers: () => [...workers].map((worker) => worker.process.pid ?? 0),
    close() {
      for (const worker of workers) kill(worker);
    },
    forget: () => Promise.resolve(),
  };
}

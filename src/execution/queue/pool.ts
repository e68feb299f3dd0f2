/**
 * A pool whose jobs are done by workers on other machines, through a queue. Names of jobs follow from the run alone, so that a
 * resumed run finds its jobs again.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueEvents } from 'bullmq';
import { RunError } from '../../util/user-error.ts';
import type { Pool, RemoteStatus } from '../pool.ts';
import { patientStore } from '../store/open.ts';
import { StoreFailure } from '../store/store.ts';
import type { Broker } from './connections.ts';
import type { Answer, Request } from './messages.ts';
import { monitorQueue, type QueueMonitor } from './monitor.ts';
import { cancel, patience, runRemotely, type RunQueue } from './remote-job.ts';
import { removeAll, type RunFiles } from './run-files.ts';

export interface QueuePoolOptions extends Pick<RunFiles, 'store' | 'run' | 'checkpoints'> {
  readonly broker: Broker;
  /** The queue's name. */
  readonly queue: string;
  /** Shows a line to the user. */
  say(line: string): void;
}

/** Milliseconds for closing the connections. */
const closingTime = 3000;

/** Errors that need no handling: the request is repeated, or what it would remove expires. */
const ignore = (): void => undefined;

/** Passes the queue's events to the jobs that wait for them. */
function listen(events: QueueEvents, { waiting }: RunQueue, monitor: QueueMonitor): void {
  events.on('error', ignore);
  events.on('active', ({ jobId }) => {
    monitor.markActive();
    const remote = waiting.get(jobId);
    if (remote !== undefined) remote.isTaken = true;
  });
  events.on('progress', ({ jobId, data }) => waiting.get(jobId)?.events.put({ kind: 'status', value: data }));
  events.on('completed', ({ jobId, returnvalue }) => {
    monitor.markActive();
    waiting.get(jobId)?.events.put({ kind: 'answer', value: returnvalue });
  });
  events.on('failed', ({ jobId, failedReason }) => waiting.get(jobId)?.events.put({ kind: 'failed', reason: failedReason }));
}

function statusOf({ waiting }: RunQueue, monitor: QueueMonitor): RemoteStatus {
  const jobs = [...waiting.values()];
  const workers = jobs.flatMap(({ worker }) => worker ?? []);
  const { workers: connected, queued } = monitor.latest();
  const others = connected.filter((name) => !workers.some(({ worker }) => worker.startsWith(name)));
  const unclaimed = jobs.filter(({ isTaken }) => !isTaken).length;
  const returned = jobs.flatMap(({ job, returned: by }) => (by === null ? [] : [{ task: job.id, ...by }]));
  const status = { waiting: unclaimed, queued: Math.max(unclaimed, queued), workers, others };
  return returned.length === 0 ? status : { ...status, returned };
}

export function createQueuePool({ broker, queue: name, run, checkpoints, store, say }: QueuePoolOptions): Pool {
  const stop = new AbortController();
  // One listener for each job in progress.
  setMaxListeners(0, stop.signal);
  const queue = broker.queue<Request, Answer>(name);
  queue.on('error', ignore);
  const patient = patientStore(store, patience, stop.signal);
  const files: RunFiles = { store: patient, run, checkpoints, uploaded: new Set(), damaged: new Set() };
  const on: RunQueue = { queue, files, submitted: new Set(), waiting: new Map(), say };
  const monitor = monitorQueue(broker, queue, () => on.submitted.size > 0, say);
  const events = broker.events(name);
  listen(events, on, monitor);
  const cancelling: Promise<void>[] = [];

  return {
    async run(job, observer, signal) {
      const both = AbortSignal.any([signal, stop.signal]);
      try {
        await runRemotely(on, job, { ...observer, report: (...what) => void (both.aborted || observer.report(...what)) }, both);
      } catch (error) {
        if (signal.aborted) {
          cancelling.push(cancel(on, job).catch(ignore));
          throw signal.reason as Error;
        }
        if (error instanceof StoreFailure) throw new RunError(`the store: ${error.message}`);
        throw error;
      }
    },
    workers: () => [],
    elsewhere: () => statusOf(on, monitor),
    close() {
      stop.abort(new Error('closed'));
      monitor.stop();
      const closed = Promise.allSettled(cancelling).then(() => Promise.allSettled([queue.close(), events.close()]));
      // Does not wait for an unreachable server.
      void Promise.race([closed, sleep(closingTime)]).then(() => broker.leave());
    },
    async forget() {
      for (const each of on.submitted) await queue.remove(each).catch(ignore);
      await removeAll(files);
    },
  };
}

/** Watches a queue: which workers take jobs from it, how many jobs wait, and a message to the user when no worker comes. */
import { plural } from '../../util/words.ts';
import type { Broker } from './connections.ts';
import { heterogeneousQueue } from './messages.ts';

/** Milliseconds without any worker's activity before the user is told. */
const warnAfter = 20_000;
/** Milliseconds between polls. */
const pollEvery = 2000;

/** The worker's name within its connection's name, as BullMQ builds it. PostgreSQL truncates connection names to 63 bytes. */
const workerOf = (client: string): readonly string[] => client.match(/:w:(.+)$/)?.slice(1) ?? [];

/** The server may be unreachable; the next poll tries again. */
const ignore = (): void => undefined;

export interface QueueMonitor {
  /** A worker has taken or finished a job. */
  markActive(): void;
  /** Workers of the queue and unclaimed jobs, as last polled. */
  latest(): { readonly workers: readonly string[]; readonly queued: number };
  stop(): void;
}

/** `hasJobs`: whether the run has submitted any; `say`: shows a line to the user. */
export function monitorQueue(
  broker: Broker,
  queue: Pick<ReturnType<Broker['queue']>, 'getWorkers' | 'getWorkersCount' | 'getJobCountByTypes'>,
  hasJobs: () => boolean,
  say: (line: string) => void,
): QueueMonitor {
  let isActive = false;
  let latest = { workers: [] as readonly string[], queued: 0 };

  let isPolling = false;
  async function poll(): Promise<void> {
    // One at a time: requests wait while the server is unreachable.
    if (isPolling) return;
    isPolling = true;
    const answers = Promise.all([queue.getWorkers(), queue.getJobCountByTypes('waiting', 'delayed')]);
    const [clients, queued] = await answers.finally(() => (isPolling = false));
    const workers = new Set(clients.flatMap(({ rawname = '' }) => workerOf(rawname)));
    latest = { workers: [...workers].toSorted(), queued };
  }
  const polling = setInterval(() => void poll().catch(ignore), pollEvery).unref();

  async function warn(): Promise<void> {
    if (isActive || !hasJobs() || (await queue.getWorkersCount()) > 0) return;
    const common = broker.queue(heterogeneousQueue);
    common.on('error', ignore);
    const others = await common.getWorkersCount().finally(() => void common.close().catch(ignore));
    say(
      others === 0
        ? 'no worker is connected to the queue: start one with instar worker and the same --queue and --store'
        : `no worker can take this run's jobs: ${plural(others, 'worker')} on the queue with another engine, processor, Node or Instar; --mixed allows them`,
    );
  }
  const warning = setTimeout(() => void warn().catch(ignore), warnAfter).unref();

  return {
    markActive: () => void (isActive = true),
    latest: () => latest,
    stop() {
      clearTimeout(warning);
      clearInterval(polling);
    },
  };
}

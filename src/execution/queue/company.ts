/** Who else is on a queue: workers that take from it, jobs that nobody has taken, and what is said where nobody comes. */
import { plural } from '../../util/words.ts';
import type { Broker } from './broker.ts';

/** Milliseconds without a word from anybody after which it is said who is there. */
const lonelyAfter = 20_000;
/** Milliseconds between two looks. */
const surveyEvery = 2000;

/** The worker's name in that of its connection, as BullMQ makes it. PostgreSQL cuts a connection's name to 63 bytes. */
const nameOfClient = (client: string): readonly string[] => client.match(/:w:(.+)$/)?.slice(1) ?? [];

/** A server that is away is asked again. */
const ignored = (): void => undefined;

export interface CompanyOptions {
  readonly broker: Broker;
  readonly queue: Pick<ReturnType<Broker['queue']>, 'getWorkers' | 'getWorkersCount' | 'getJobCountByTypes'>;
  /** A queue that all workers look at, whatever they compute with. */
  readonly everybody: string;
  /** Whether there is a job to wait for. */
  waits(): boolean;
  /** What a person should know. */
  say(line: string): void;
}

export interface Company {
  /** Somebody has taken a job, or ended one. */
  heard(): void;
  /** As it was last looked at: workers that take from the queue, and jobs that nobody has taken. */
  seen(): { readonly workers: readonly string[]; readonly queued: number };
  leave(): void;
}

export function openCompany({ broker, queue, everybody, waits, say }: CompanyOptions): Company {
  let isAlone = true;
  let seen = { workers: [] as readonly string[], queued: 0 };

  let isSurveying = false;
  async function survey(): Promise<void> {
    // One at a time: while the server is away, what is asked waits.
    if (isSurveying) return;
    isSurveying = true;
    const asking = Promise.all([queue.getWorkers(), queue.getJobCountByTypes('waiting', 'delayed')]);
    const [clients, queued] = await asking.finally(() => (isSurveying = false));
    const workers = new Set(clients.flatMap(({ rawname = '' }) => nameOfClient(rawname)));
    seen = { workers: [...workers].toSorted(), queued };
  }
  const surveying = setInterval(() => void survey().catch(ignored), surveyEvery).unref();

  /** Who waits for workers that will never come should hear of it. */
  async function lonely(): Promise<void> {
    if (!isAlone || !waits() || (await queue.getWorkersCount()) > 0) return;
    const all = broker.queue(everybody);
    all.on('error', ignored);
    const others = await all.getWorkersCount().finally(() => void all.close().catch(ignored));
    say(
      others === 0
        ? 'no worker is on the queue yet: instar worker with the same --queue and --store starts one'
        : `no worker is there for this run: ${plural(others, 'worker')} on the queue would compute other bits, with another engine, processor, Node or Instar (--mixed lets them)`,
    );
  }
  const timer = setTimeout(() => void lonely().catch(ignored), lonelyAfter).unref();

  return {
    heard: () => void (isAlone = false),
    seen: () => seen,
    leave() {
      clearTimeout(timer);
      clearInterval(surveying);
    },
  };
}

/** BullMQ's connections to the queue's server. Its packages are loaded only where a queue is used. */
import { reasonOf } from '../../util/files.ts';
import { importOptional } from '../../util/optional.ts';
import { UserError } from '../../util/user-error.ts';
import { patiently } from '../patience.ts';
import { queuePassword, type Environment, type QueueAddress } from './address.ts';
import type { Broker } from './connections.ts';

const servers = {
  redis: { packages: ['bullmq', 'ioredis'], load: () => import('./redis.ts') },
  postgres: { packages: ['bullmq', 'pg'], load: () => import('./postgres.ts') },
} as const;

function serverOf({ kind, text }: QueueAddress) {
  const { packages, load } = servers[kind];
  return importOptional<typeof import('./redis.ts') | typeof import('./postgres.ts')>(`--queue ${text}`, packages, load);
}

/** Errors of a server that is not up yet; any other error of a first connection is the user's mistake. */
const notYet = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', '57P03'];
const isNotYet = (error: Error): boolean =>
  notYet.includes(String((error as NodeJS.ErrnoException).code)) || error.message.startsWith('LOADING');
/** Seconds to wait at the start for a server that does not answer, and after which that is said. */
const startPatience = 30;
const silence = 2;

/** Checks that the server can be reached and accepts the password; a UserError where not. `say`: told once where it takes long. */
export async function reachQueue(
  address: QueueAddress,
  environment: Environment,
  say: (line: string) => void,
  seconds = startPatience,
): Promise<void> {
  const password = queuePassword(environment);
  const { reach } = await serverOf(address);
  const waiting = setTimeout(
    () => say(`--queue ${address.text} does not answer: waiting for it, at most ${seconds} s`),
    1000 * silence,
  );
  try {
    await patiently(() => reach(address, password), { seconds, isPassing: isNotYet });
  } catch (error) {
    throw new UserError(`--queue ${address.text}: ${reasonOf(error)}`);
  } finally {
    clearTimeout(waiting);
  }
}

export async function openBroker(address: QueueAddress, environment: Environment): Promise<Broker> {
  const password = queuePassword(environment);
  const { open } = await serverOf(address);
  return open(address, password);
}

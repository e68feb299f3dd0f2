/** BullMQ on PostgreSQL. */
import { createPostgresBackend, Queue, QueueEvents, Worker } from 'bullmq';
import pg from 'pg';
import type { QueueAddress } from './address.ts';
import type { Broker } from './connections.ts';

/**
 * A PostgreSQL connection may break when no query is pending: between the queries of a transaction, or right after it was made.
 * Node ends a process on an `error` event without listeners; here the next query rejects instead.
 */
class CalmClient extends pg.Client {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    return (event !== 'error' || this.listenerCount('error') > 0) && super.emit(event as never, ...(values as []));
  }
}

/** Node checks certificates; NODE_EXTRA_CA_CERTS names a file with more authorities. */
function postgresOptions({ host, port, user, database, tls }: QueueAddress, password: string | undefined) {
  return { host, port, database: database === '' ? undefined : database, user, password, ...(tls ? { ssl: true } : {}) };
}

export async function reach(address: QueueAddress, password: string | undefined): Promise<void> {
  const client = new CalmClient(postgresOptions(address, password));
  await client.connect();
  await client.end();
}

export function open(address: QueueAddress, password: string | undefined): Broker {
  // BullMQ's pools take `Client` from the options; its listening connection takes the module's.
  Object.assign(pg, { Client: CalmClient });
  const options = { connection: { ...postgresOptions(address, password), Client: CalmClient, migrate: true } };
  // The types are those of Redis; the factory adapts the classes to PostgreSQL.
  return {
    address,
    leave: () => undefined, // Queries to PostgreSQL fail by themselves.
    queue: (name) => new Queue(name, options as never, createPostgresBackend as never),
    events: (name) => new QueueEvents(name, options as never, createPostgresBackend as never),
    worker: (name, process, more) => new Worker(name, process, { ...options, ...more } as never, createPostgresBackend as never),
  };
}

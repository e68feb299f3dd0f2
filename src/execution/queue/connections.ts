/** What a queue needs of its server, whichever it is. */
import type { Processor, Queue, QueueEvents, Worker, WorkerOptions } from 'bullmq';
import type { QueueAddress } from './address.ts';

/** Creates BullMQ objects that share one configuration. */
export interface Broker {
  readonly address: QueueAddress;
  /** Lost connections are not restored from here on, so that an unreachable server keeps no process alive. */
  leave(): void;
  queue<Data, Result>(name: string): Queue<Data, Result>;
  events(name: string): QueueEvents;
  worker<Data, Result>(name: string, process: Processor<Data, Result>, options: Partial<WorkerOptions>): Worker<Data, Result>;
}

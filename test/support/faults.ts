/** Faults between processes: a connection that is cut for a while, a store that is full for a while. */
import { createServer as createHttpServer, request } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

export interface Wire {
  readonly port: number;
  /**
   * `stall`: nothing passes until the connection is restored; then it continues. `drop`: sent data is lost, and open connections never
   * answer again, as behind a router that lost its state.
   */
  cut(how: 'stall' | 'drop'): void;
  mend(): void;
  close(): void;
}

/** A relay to a TCP port of this machine, which can cut its connections. */
export async function wireTo(port: number): Promise<Wire> {
  let how: 'whole' | 'stall' | 'drop' = 'whole';
  interface Pair {
    readonly sockets: readonly Socket[];
    lost: boolean;
  }
  const pairs = new Set<Pair>();
  const server = createServer({ pauseOnConnect: true }, (near) => {
    const far = connect(port, '127.0.0.1');
    const pair: Pair = { sockets: [near, far], lost: how === 'drop' };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => void (pair.lost || to.write(bytes)));
      from.on('error', end);
      from.on('close', end);
    }
    if (how === 'whole') near.resume();
    else far.pause();
  });
  const made = await listening(server);
  return {
    port: made,
    cut(wanted) {
      how = wanted;
      for (const pair of pairs) {
        if (wanted === 'drop') pair.lost = true;
        else for (const socket of pair.sockets) socket.pause();
      }
    },
    mend() {
      how = 'whole';
      for (const pair of pairs) for (const socket of pair.sockets) socket.resume();
    },
    close() {
      server.close();
      for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
    },
  };
}

export interface Gate {
  readonly port: number;
  /** Whether writes are refused, with 507 Insufficient Storage. */
  full(isFull: boolean): void;
  /** The number of refused writes. */
  refused(): number;
  close(): void;
}

/** An HTTP relay to a port of this machine, which refuses writes while it is full. */
export async function gateTo(port: number): Promise<Gate> {
  let isFull = false;
  let refused = 0;
  const server = createHttpServer((asked, answer) => {
    if (isFull && (asked.method === 'PUT' || asked.method === 'POST')) {
      refused++;
      asked.resume();
      asked.on('end', () =>
        answer.writeHead(507, { 'content-type': 'application/xml' }).end('<Error><Code>InsufficientStorage</Code></Error>'),
      );
      return;
    }
    const { method, url, headers } = asked;
    const passed = request({ host: '127.0.0.1', port, method, path: url, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 500, given.headers);
      given.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  const made = await listening(server);
  return {
    port: made,
    full: (now) => void (isFull = now),
    refused: () => refused,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

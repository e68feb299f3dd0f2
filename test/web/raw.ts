/** Requests as bytes over a socket of their own: whatever a browser or a library would refuse to send. */
import { connect } from 'node:net';

export interface Answer {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

export interface RawRequest {
  readonly port: number;
  readonly address?: string;
  readonly method?: string;
  /** As it stands in the first line. */
  readonly target: string;
  /** Whole lines; none but these are sent. */
  readonly headers: readonly string[];
  readonly body?: string | Buffer;
}

/** Milliseconds after which what has come is the answer: a stream does not end. */
const longest = 5000;

export function ask({ port, address = '127.0.0.1', method = 'GET', target, headers, body = '' }: RawRequest): Promise<Answer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect(port, address);
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      const text = Buffer.concat(parts)
        .toString('latin1')
        .replace(/^HTTP\/1\.1 100 [^]*?\r\n\r\n/, '');
      const [head = '', ...rest] = text.split('\r\n\r\n');
      const [first = '', ...lines] = head.split('\r\n');
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0),
        headers: new Map(
          lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
        ),
        text: rest.join('\r\n\r\n'),
      });
    };
    const timer = setTimeout(end, longest);
    socket.on('data', (part) => {
      parts.push(part);
      // A stream of events has begun to be answered, and goes on.
      if (Buffer.concat(parts).includes('text/event-stream')) end();
    });
    socket.on('close', end);
    socket.on('error', end);
    const lines = [`${method} ${target} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n');
    socket.write(lines, 'latin1');
    socket.write(body);
  });
}

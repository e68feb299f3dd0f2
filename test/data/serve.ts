/** Servers on this machine that give a file, as the tests want it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export type Answer = (request: IncomingMessage, response: ServerResponse, times: number) => void;

export interface Server {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** The paths, and the ranges, that were asked for. */
  readonly paths: readonly string[];
  readonly asked: readonly (string | undefined)[];
  close(): void;
}

/** Ends with the test. */
export async function serve(t: Pick<TestContext, 'after'>, answer: Answer): Promise<Server> {
  const asked: (string | undefined)[] = [];
  const paths: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.range);
    paths.push(request.url ?? '');
    answer(request, response, asked.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.after(close);
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths, asked, close };
}

/** A server that can resume. */
export const whole =
  (file: Buffer): Answer =>
  (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const part = file.subarray(from);
    const range = `bytes ${from}-${file.length - 1}/${file.length}`;
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': part.length, ...(from > 0 ? { 'content-range': range } : {}) });
    response.end(part);
  };

/** Sends the first half and breaks off, the first time. */
export const breaking =
  (file: Buffer, then: Answer): Answer =>
  (request, response, times) => {
    if (times > 1) return then(request, response, times);
    response.writeHead(200, { 'content-length': file.length });
    response.write(file.subarray(0, file.length >> 1), () => setTimeout(() => response.destroy(), 1000));
  };

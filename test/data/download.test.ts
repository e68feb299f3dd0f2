/** Downloads: redirects, sizes, hashes, and two that want the same file. The rest is tested with CIFAR-10 (`cifar.test.ts`). */
import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { download, redirected, type Download } from '../../src/data/download.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { newFolder, noise, put, quiet, userError } from './places.ts';
import { serve, whole, type Answer } from './serve.ts';

const file = Buffer.from(noise(100_000, 'a file'));
const digits = createHash('sha256').update(file).digest('hex');

/** A download of that file from a server that answers so. */
async function wantedFrom(t: TestContext, answer: Answer, changes: Partial<Download> = {}) {
  const folder = await newFolder(t);
  const server = await serve(t, answer);
  const wanted: Download = {
    url: `${server.origin}/file`,
    hash: { kind: 'sha256', digits },
    path: join(folder, 'downloads', 'file'),
    most: 2 ** 30,
    advice: 'give its path',
    patience: 5000,
    ...changes,
  };
  return { wanted, server, left: () => readdir(join(folder, 'downloads')) };
}

const redirecting =
  (to: (path: string) => string | null, then: Answer): Answer =>
  (request, response, times) => {
    const location = to(request.url ?? '');
    if (location === null) return then(request, response, times);
    response.writeHead(302, { location }).end('elsewhere');
  };

test('redirects are followed, ten at most', async (t) => {
  const { wanted, server } = await wantedFrom(
    t,
    redirecting((path) => ({ '/file': '/other', '/other': '/third/file?x=1' })[path] ?? null, whole(file)),
  );
  await download(wanted, quiet);
  assert.deepEqual(await readFile(wanted.path), file);
  assert.deepEqual(server.paths, ['/file', '/other', '/third/file?x=1']);
  const round = await wantedFrom(
    t,
    redirecting(() => '/file', whole(file)),
  );
  await assert.rejects(download(round.wanted, quiet), userError(/cannot be downloaded \(more than 10 redirects\)/));
  assert.equal(round.server.paths.length, 11);
  assert.deepEqual(await round.left(), []);
});

test('no redirect leaves https, or leads from elsewhere to this machine', async (t) => {
  const at = new URL('https://example.org/a/b');
  assert.equal(redirected(at, '../c').href, 'https://example.org/c');
  assert.equal(redirected(at, 'https://cdn.example.org/b').href, 'https://cdn.example.org/b');
  assert.equal(redirected(new URL('http://localhost:1/a'), 'http://127.0.0.1:2/b').href, 'http://127.0.0.1:2/b');
  for (const [from, to] of [
    ['https://example.org/', 'http://example.org/'],
    ['https://example.org/', 'http://localhost/'],
    ['http://localhost/', 'http://example.org/'],
    ['https://example.org/', 'file:///etc/passwd'],
    ['https://example.org/', 'data:,x'],
  ] as const)
    assert.throws(() => redirected(new URL(from), to), /which is not https$/, `${from} to ${to}`);
  const { wanted, left } = await wantedFrom(
    t,
    redirecting(() => 'http://192.0.2.1/file', whole(file)),
  );
  await assert.rejects(
    download(wanted, quiet),
    userError(/^http:.*\(it leads to http:\/\/192\.0\.2\.1, which is not https\): try again, or give its path$/),
  );
  assert.deepEqual(await left(), []);
});

test('another file is refused with both hashes, and thrown away', async (t) => {
  const other = Buffer.from(noise(5000, 'another file'));
  const { wanted, left } = await wantedFrom(t, whole(other));
  const found = createHash('sha256').update(other).digest('hex');
  await assert.rejects(
    download(wanted, quiet),
    userError(new RegExp(`its SHA-256 is ${found}, not ${digits}: try again, or give its path$`)),
  );
  assert.deepEqual(await left(), []);
});

test('a part of another file is found out, and the next try begins anew', async (t) => {
  const { wanted, server } = await wantedFrom(t, whole(file));
  await put(`${wanted.path}.part`, noise(1000, 'something else'));
  await assert.rejects(download(wanted, quiet), userError(/damaged, or another file/));
  await download(wanted, quiet);
  assert.deepEqual(server.asked, ['bytes=1000-', undefined]);
  assert.deepEqual(await readFile(wanted.path), file);
});

test('a file that is too large is not downloaded, whether the server says so or not', async (t) => {
  let sent = 0;
  const silent: Answer = (_request, response) => {
    response.on('error', () => undefined);
    const send = (): void => {
      if (response.destroyed || sent > 1e8) return;
      sent += 10_000;
      response.write(file.subarray(0, 10_000), send);
    };
    send();
  };
  const promising: Answer = (_request, response) => {
    response.writeHead(200, { 'content-length': 2 ** 17 });
    response.write('a part');
  };
  for (const answer of [whole(file), promising, silent]) {
    const { wanted, left } = await wantedFrom(t, answer, { most: 2 ** 16 });
    await assert.rejects(download(wanted, quiet), userError(/\/file: is not downloaded: larger than 64(\.0)? KiB$/));
    assert.deepEqual(await left(), []);
  }
  assert.ok(sent < 1e8, 'it does not go on');
});

test('a slow server is waited for as long as bytes come', async (t) => {
  const slow: Answer = (_request, response) => {
    void (async () => {
      for (let at = 0; at < file.length; at += 20_000) {
        await sleep(150);
        response.write(file.subarray(at, at + 20_000));
      }
      response.end();
    })();
  };
  const { wanted } = await wantedFrom(t, slow, { patience: 400 });
  const events: DataEvent[] = [];
  await download(wanted, { progress: (event) => events.push(event) });
  assert.deepEqual(await readFile(wanted.path), file);
  assert.deepEqual(events.at(-1), { kind: 'download', url: wanted.url, received: file.length, total: 0 });
});

test('of two that want a file one downloads it, and the other takes it over where that one is stopped', async (t) => {
  const slow: Answer = (request, response, times) => {
    if (times > 1) return whole(file)(request, response, times);
    response.writeHead(200, { 'content-length': file.length });
    response.write(file.subarray(0, 30_000));
    setTimeout(() => response.end(file.subarray(30_000)), 700);
  };
  const both = await wantedFrom(t, slow);
  const notes: DataEvent[] = [];
  const first = download(both.wanted, quiet);
  await sleep(300);
  const second = download(both.wanted, { progress: (event) => notes.push(event) });
  await Promise.all([first, second]);
  assert.deepEqual(both.server.asked, [undefined]);
  assert.deepEqual(notes, [{ kind: 'note', message: `${both.wanted.url}: is being downloaded already: waiting for that` }]);
  assert.deepEqual(await both.left(), ['file']);

  const { wanted, server } = await wantedFrom(t, slow);
  const stop = new AbortController();
  const stopped = download(wanted, { ...quiet, signal: stop.signal });
  await sleep(300);
  const waiting = download(wanted, quiet);
  stop.abort(new Error('stopped'));
  await assert.rejects(stopped, /^Error: stopped$/);
  await waiting;
  assert.deepEqual(server.asked, [undefined, 'bytes=30000-']);
  assert.deepEqual(await readFile(wanted.path), file);
});

test('what waits for another process can be stopped', async (t) => {
  const { wanted } = await wantedFrom(t, (_request, response) => void response.writeHead(200).write('x'));
  const [first, second] = [new AbortController(), new AbortController()];
  const going = download(wanted, { ...quiet, signal: first.signal });
  await sleep(200);
  const waiting = download(wanted, { ...quiet, signal: second.signal });
  await sleep(100);
  second.abort(new Error('stopped waiting'));
  await assert.rejects(waiting, /^Error: stopped waiting$/);
  first.abort(new Error('stopped'));
  await assert.rejects(going, /^Error: stopped$/);
});

/** What every store does: a folder, and S3 as s3rver speaks it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openCheckedStore, openStore } from '../../src/execution/store/open.ts';
import { StoreFailure, type Store } from '../../src/execution/store/store.ts';
import { UserError } from '../../src/util/user-error.ts';
import { startS3 } from './brokers.ts';

const place = mkdtempSync(join(tmpdir(), 'instar-store-'));
after(() => rmSync(place, { recursive: true, force: true }));

let files = 0;
const newPath = (): string => join(place, `file-${files++}`);
function fileOf(content: string | Uint8Array): string {
  const path = newPath();
  writeFileSync(path, content);
  return path;
}

/** The same for all. */
function conformance(name: string, open: () => Promise<Store>): void {
  test(`${name}: what is put can be had, listed, overwritten and removed`, async () => {
    const store = await open();
    assert.equal(await store.has('a/one.bin'), false);
    assert.equal(await store.get('a/one.bin', newPath()), false);
    await store.put('a/one.bin', fileOf('first'));
    await store.put('a/one.bin', fileOf('second'));
    await store.put('b/two', fileOf(''));
    assert.deepEqual([await store.has('a/one.bin'), await store.has('b/two')], [true, true]);
    const path = newPath();
    assert.equal(await store.get('a/one.bin', path), true);
    assert.equal(readFileSync(path, 'utf8'), 'second');
    assert.deepEqual((await store.list('')).toSorted(), ['a/one.bin', 'b/two']);
    assert.deepEqual(await store.list('a/'), ['a/one.bin']);
    await store.remove('a/one.bin');
    await store.remove('a/one.bin');
    assert.deepEqual(await store.list(''), ['b/two']);
    await store.remove('b/two');
  });

  test(`${name}: a file of several parts comes back bit for bit`, async () => {
    const store = await open();
    const bytes = new Uint8Array(37 << 20).map((_none, index) => (index * 2654435761) >>> 24);
    await store.put('large', fileOf(bytes));
    const path = newPath();
    await store.get('large', path);
    assert.ok(Buffer.from(bytes.buffer).equals(readFileSync(path)));
    await store.remove('large');
  });

  test(`${name}: what cannot be read is not put, and leaves nothing`, async () => {
    const store = await open();
    await assert.rejects(store.put('c/none', join(place, 'is not there')), StoreFailure);
    assert.equal(await store.has('c/none'), false);
    assert.deepEqual(await store.list('c/'), []);
  });

  test(`${name}: keys that are none are mistakes`, async () => {
    const store = await open();
    for (const key of ['', '/a', 'a/', '../a', 'a/../b', 'a//b', '.a', 'a b', 'ä', 'a\\b', 'a\0'])
      await assert.rejects(async () => store.has(key), /a key, not/, JSON.stringify(key));
  });
}

describe('a folder', () => {
  const folder = join(place, 'shared');
  conformance('file', () => openStore(`file:${folder}`));

  test('half a file is never seen: names that begin with a dot are none', async () => {
    const store = await openStore(`file:${folder}`);
    mkdirSync(join(folder, 'd'), { recursive: true });
    writeFileSync(join(folder, 'd', '.1234.part'), 'half');
    assert.deepEqual(await store.list('d/'), []);
    await assert.rejects(store.put('d/x', join(place, 'is not there')));
    assert.deepEqual(readdirSync(join(folder, 'd')), ['.1234.part']);
  });

  test('parts of files that a killed writer has left are removed where a store is opened for use; those being written stay', async () => {
    const parts = join(folder, 'parts');
    mkdirSync(join(parts, 'runs', 'x'), { recursive: true });
    const [old, fresh] = [randomUUID(), randomUUID()].map((name) => join(parts, 'runs', 'x', `.${name}.part`)) as [
      string,
      string,
    ];
    const kept = join(parts, 'runs', 'x', 'old.safetensors');
    for (const path of [old, fresh, kept]) writeFileSync(path, 'half');
    const hoursAgo = Date.now() / 1000 - 2 * 3600;
    for (const path of [old, kept]) utimesSync(path, hoursAgo, hoursAgo);
    await openCheckedStore(`file:${parts}`);
    assert.deepEqual([old, fresh, kept].map(existsSync), [false, true, true]);
  });

  test('an absolute address with slashes, a folder that cannot be', async () => {
    const store = await openStore(`file://${folder}/more`);
    assert.equal(store.address, `file://${folder}/more`);
    assert.ok(existsSync(join(folder, 'more')));
    const blocked = fileOf('a file');
    await assert.rejects(openStore(`file:${blocked}/x`), UserError);
    await assert.rejects(openStore('ftp://x'), /file:DIR or s3:/);
  });
});

describe('S3', () => {
  let server: Awaited<ReturnType<typeof startS3>>;
  before(async () => {
    server = await startS3(join(place, 's3'));
    process.env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${server.port}`;
    process.env['AWS_REGION'] = 'us-east-1';
    process.env['AWS_ACCESS_KEY_ID'] = 'S3RVER';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
  });
  after(() => server.close());

  conformance('s3', () => openStore('s3://instar/some/prefix'));

  test('a bucket that is not there, an address with secrets', async () => {
    await assert.rejects(openStore('s3://elsewhere/x'), /there is no such bucket/);
    await assert.rejects(openStore('s3://key:secret@instar/x'), /no secrets/);
  });
});

test('a store is tried before work is taken: what cannot be written is refused with the reason, and nothing is left', async () => {
  const good = join(place, 'good');
  const store = await openCheckedStore(`file:${good}`);
  assert.deepEqual(await store.list(''), []);
  const bad = join(place, 'bad');
  mkdirSync(bad);
  // Whoever runs this may write everywhere: here a file stands in the way.
  writeFileSync(join(bad, 'check'), '');
  await assert.rejects(openCheckedStore(`file:${bad}`), (error: Error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /^--store file:.*bad.*: the store must let files be written, read and removed$/);
    return true;
  });
});

/**
 * Folders that are sent to the data folder: names of every kind, what leads out, what is too large, two at once, connections that end
 * midway, a full disk. Whatever is refused leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../src/util/user-error.ts';
import type { Ui } from '../../src/web/server.ts';
import { removeAbandonedUploads, takeUpload, type UploadDisk } from '../../src/web/upload.ts';
import { cleanName, cleanPaths, pathProblem, uploadLimits } from '../../src/web/upload-names.ts';
import { serveHere } from './dashboard.ts';
import { newFolder } from './folders.ts';
import { ask, type Answer } from './raw.ts';

type File = readonly [path: string, content: string];

/** An upload as a page sends it. `sizes`: what the list says in place of the true sizes. */
function packed(name: unknown, files: readonly File[], sizes?: readonly unknown[]): Buffer {
  const list = files.map(([path, content], at) => [path, sizes === undefined ? Buffer.byteLength(content) : sizes[at]]);
  const manifest = Buffer.from(JSON.stringify({ name, files: list }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(manifest.length);
  return Buffer.concat([length, manifest, ...files.map(([, content]) => Buffer.from(content))]);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const filesIn = (root: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .toSorted()
      .map((path) => [path.slice(root.length + 1), readFileSync(path, 'utf8')]),
  );

const refusal = async (folder: string, body: AsyncIterable<Uint8Array>, disk?: UploadDisk): Promise<string> => {
  const error = await takeUpload(folder, body, disk).then(
    () => assert.fail('it was taken'),
    (failed: unknown) => failed,
  );
  assert.ok(error instanceof UserError, String(error));
  assert.doesNotMatch(error.message, /\n/);
  return error.message;
};

const someFiles: readonly File[] = [
  ['cat/1.png', 'one'],
  ['cat/2.png', ''],
  ['dog/deep/er/3.png', 'three'],
];

/** Texts with the characters that names are attacked with. */
const names = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.string({ unit: fc.constantFrom('.', ' ', '/', '\\', ':', '\0', '\n', '\u001f', '\u202e'), minLength: 1, maxLength: 8 }),
  fc.string({ minLength: 150, maxLength: 400 }),
  // A dot or a space where a long name is cut.
  fc.string({ unit: fc.constantFrom('.', ' ', 'x'), minLength: 150, maxLength: 260 }),
  fc.constantFrom(
    '.',
    '..',
    '...',
    ' ',
    '-rf',
    'con',
    '.git',
    'a\u0000b',
    'a\nb',
    '\ud800',
    'é'.repeat(300),
    'x'.repeat(300) + '.jpeg',
  ),
);

test('names become such as every system takes, whatever they were', () => {
  fc.assert(
    fc.property(names, (name) => {
      const cleaned = cleanName(name);
      assert.notEqual(cleaned, '');
      assert.ok(Buffer.byteLength(cleaned) <= 200, cleaned);
      assert.doesNotMatch(cleaned, /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069/\\:*?"<>|]|^[.\s]|[.\s]$/u);
      assert.equal(cleanName(cleaned), cleaned, 'cleaning again changes nothing');
    }),
  );
  assert.deepEqual(
    ['cat.JPG', 'e\u0301t\u00e9.png', '猫 1.png', 'می‌خواهم', 'a\tb.png', '.hidden', `${'x'.repeat(300)}.jpeg`].map((name) =>
      cleanName(name),
    ),
    ['cat.JPG', 'été.png', '猫 1.png', 'می‌خواهم', 'a_b.png', 'hidden', `${'x'.repeat(195)}.jpeg`],
  );
});

test('cleaned paths differ where paths differ, and stay together where they were', () => {
  const paths = fc.uniqueArray(
    fc
      .array(
        names.filter((name) => pathProblem(name) === null && !name.includes('/')),
        { minLength: 1, maxLength: 4 },
      )
      .map((all) => all.join('/')),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(paths, (all) => {
      // A file that is a folder for another one cannot be.
      const files = all.filter((path) => !all.some((other) => other.startsWith(`${path}/`)));
      const cleaned = cleanPaths(files);
      assert.equal(new Set(cleaned).size, files.length);
      const above = (path: string): string => path.split('/').slice(0, -1).join('/');
      for (const [at, path] of cleaned.entries())
        for (const [other, another] of cleaned.entries())
          assert.equal(
            above(path) === above(another),
            above(files[at] ?? '') === above(files[other] ?? ''),
            `${files[at]}, ${files[other]}`,
          );
    }),
  );
  assert.deepEqual(cleanPaths(['a?/1.png', 'a*/1.png', 'a?/1:.png', 'a?/1?.png', 'a?/1_.png']), [
    'a_/1.png',
    'a_-2/1.png',
    'a_/1_.png',
    'a_/1_-2.png',
    'a_/1_-3.png',
  ]);
});

test('many names that become the same are told apart in no time', () => {
  const paths = Array.from(
    { length: 50_000 },
    (_none, at) =>
      `cat/${String.fromCodePoint(0x10ffff - 1 - (at % 3))}?`.repeat(1) + '\u0001'.repeat(at % 7) + (at % 2 ? '*' : ':'),
  );
  const begun = performance.now();
  assert.equal(new Set(cleanPaths(paths)).size, paths.length);
  assert.ok(performance.now() - begun < 10_000);
});

test('a folder comes as it was sent, in pieces of any size', async () => {
  for (const size of [1, 3, 7, 1000]) {
    const folder = newFolder();
    assert.deepEqual(await takeUpload(folder, inPieces(packed('photos', someFiles), size)), {
      name: 'photos',
      words: '3 files in photos',
    });
    assert.deepEqual(filesIn(folder), Object.fromEntries(someFiles.map(([path, content]) => [`photos/${path}`, content])));
  }
});

test('a name that is taken gets a number; nothing that is there is changed', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'photos'));
  writeFileSync(join(folder, 'photos-2'), 'a file');
  const both = await Promise.all([1, 5].map((size) => takeUpload(folder, inPieces(packed('photos', someFiles), size))));
  assert.deepEqual(both.map(({ name }) => name).toSorted(), ['photos-3', 'photos-4']);
  assert.match(both[0]?.words ?? '', /^3 files in photos-\d, under another name than "photos"$/);
  assert.deepEqual(readdirSync(join(folder, 'photos')), []);
  assert.equal(readFileSync(join(folder, 'photos-2'), 'utf8'), 'a file');
  const cleaned = await takeUpload(folder, inPieces(packed('../../etc\u0000\n', someFiles), 9));
  assert.equal(cleaned.name, '_.._etc__');
  assert.equal((await takeUpload(folder, inPieces(packed('', someFiles), 9))).name, '_');
});

test('what leads out, what is no list and what is not as listed is refused, and leaves nothing', async () => {
  const top = newFolder();
  const folder = join(top, 'data');
  mkdirSync(folder);
  const paths = ['../x', '/etc/x', 'a/../../x', 'a//x', '', '.', '..', 'a/', './x', 'a/./x', `${'a/'.repeat(30)}x`, 'a/..'];
  for (const path of paths) {
    const message = await refusal(
      folder,
      inPieces(
        packed('p', [
          ['ok/1.png', 'x'],
          [path, 'y'],
        ]),
        1000,
      ),
    );
    assert.match(message, /is no path below the folder|levels deep/, path);
  }
  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['half a length', Buffer.alloc(2)],
    ['an endless list', Buffer.from([255, 255, 255, 255, 1, 2])],
    ['no JSON', Buffer.concat([Buffer.from([0, 0, 0, 3]), Buffer.from('{{{')])],
    ['another JSON', Buffer.concat([Buffer.from([0, 0, 0, 4]), Buffer.from('null')])],
    ['no files', packed('p', [])],
    ['a negative size', packed('p', [['a', 'x']], [-1])],
    ['a size that is none', packed('p', [['a', 'x']], ['1'])],
    ['half a byte', packed('p', [['a', 'x']], [0.5])],
    ['a name that is none', packed(7, someFiles)],
    ['less than listed', packed('p', [['a', 'x']], [2])],
    ['more than listed', packed('p', [['a', 'xyz']], [2])],
    ['too large a file', packed('p', [['a', 'x']], [uploadLimits.file + 1])],
    [
      'too much',
      packed(
        'p',
        Array.from({ length: 9 }, (_none, at): File => [`${at}`, '']),
        Array.from({ length: 9 }, () => uploadLimits.file),
      ),
    ],
    [
      'too many',
      packed(
        'p',
        Array.from({ length: uploadLimits.files + 1 }, (_none, at): File => [`${at}`, '']),
      ),
    ],
    [
      'a file where a folder is',
      packed('p', [
        ['a/b', 'x'],
        ['a', 'y'],
        ['a', 'z'],
      ]),
    ],
  ] as const) {
    const taken = what === 'a file where a folder is' ? await takeUpload(folder, inPieces(bytes, 1000)) : null;
    if (taken === null) assert.match(await refusal(folder, inPieces(bytes, 70_000)), /./, what);
    else assert.deepEqual(Object.values(filesIn(join(folder, taken.name))).toSorted(), ['x', 'y', 'z']);
  }
  assert.deepEqual(readdirSync(top), ['data']);
  assert.deepEqual(readdirSync(folder), ['p'], 'what was taken alone is there');
});

test('a disk that is full, or fills up, is said in one line and keeps nothing', async () => {
  const folder = newFolder();
  const small: UploadDisk = { free: async () => 5, create: () => assert.fail('nothing is written') };
  assert.match(await refusal(folder, inPieces(packed('p', someFiles), 9), small), /^the folder has 8 B, and 5 B are free/);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  let left = 4;
  const filling: UploadDisk = {
    free: async () => 1e9,
    async create(path) {
      writeFileSync(path, '');
      return {
        async write(bytes) {
          left -= bytes.length;
          if (left < 0) throw full;
          writeFileSync(path, bytes, { flag: 'a' });
        },
        close: async () => undefined,
      };
    },
  };
  assert.match(await refusal(folder, inPieces(packed('p', someFiles), 9), filling), /^the disk of the data folder is full/);
  assert.deepEqual(readdirSync(folder), []);
});

test('what a killed process has left is removed when the server starts, and no other upload', async () => {
  const folder = newFolder();
  const { pid } = spawnSync(process.execPath, ['--version']);
  const host = cleanName(hostname());
  const those = [
    `.instar-upload-${host}-${pid}-a`,
    `.instar-upload-${host}-${process.pid}-b`,
    `.instar-upload-elsewhere-${pid}-c`,
    'photos',
  ];
  for (const name of those) mkdirSync(join(folder, name, 'cat'), { recursive: true });
  await removeAbandonedUploads(folder);
  assert.deepEqual(readdirSync(folder).toSorted(), those.slice(1).toSorted());
});

describe('over HTTP', () => {
  const data = newFolder();
  let ui: Ui;
  before(async () => {
    ui = await serveHere(newFolder(), data);
  });
  after(() => ui.close());

  const own = (): readonly string[] => [
    `Host: 127.0.0.1:${ui.port}`,
    `Origin: http://127.0.0.1:${ui.port}`,
    `Instar-Token: ${ui.token}`,
  ];
  const upload = (body: Buffer, headers = own(), length = body.length): Promise<Answer> =>
    ask({ port: ui.port, method: 'POST', target: '/api/data/upload', headers: [...headers, `Content-Length: ${length}`], body });

  async function untilEmpty(): Promise<void> {
    for (let turn = 0; turn < 400 && readdirSync(data).length > 0; turn++) await sleep(25);
    assert.deepEqual(readdirSync(data), []);
  }

  test('strangers, other origins and other methods are refused', async () => {
    const [host = '', origin = '', token = ''] = own();
    const body = packed('p', someFiles);
    for (const [headers, status] of [
      [[host, origin], 401],
      [[host, token], 403],
      [[host, 'Origin: http://evil.com', token], 403],
      [[host, origin, 'Instar-Token: a'], 401],
      [[host, origin, token, 'Sec-Fetch-Site: cross-site'], 403],
      [[`Host: evil.com:${ui.port}`, origin, token], 421],
    ] as const)
      assert.equal((await upload(body, headers)).status, status, headers.join());
    for (const method of ['PUT', 'GET', 'DELETE'])
      assert.equal((await ask({ port: ui.port, method, target: '/api/data/upload', headers: own() })).status, 404);
    for (const target of ['/api/data/folder', '/api/data/folder?path=x'])
      assert.equal((await ask({ port: ui.port, target, headers: [host] })).status, 401, 'not for other users of this machine');
    await untilEmpty();
  });

  test('a connection that ends midway leaves nothing, and ending the server waits for that', async () => {
    const body = packed('half', [
      ['cat/1.png', 'x'.repeat(300_000)],
      ['cat/2.png', 'y'.repeat(300_000)],
    ]);
    const begin = async (part: number): Promise<ReturnType<typeof connect>> => {
      const socket = connect(ui.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(['POST /api/data/upload HTTP/1.1', ...own(), `Content-Length: ${body.length}`, '', ''].join('\r\n'));
      socket.write(body.subarray(0, part));
      for (let turn = 0; turn < 200 && readdirSync(data).length === 0; turn++) await sleep(10);
      return socket;
    };
    for (const part of [400_000, 200_000]) {
      const socket = await begin(part);
      assert.match(readdirSync(data).join(), /^\.instar-upload-/, 'it is being written');
      socket.destroy();
      await untilEmpty();
    }
    const other = await serveHere(newFolder(), data);
    const [first, served] = [ui, other];
    ui = served;
    const socket = await begin(400_000);
    ui = first;
    await served.close();
    assert.deepEqual(readdirSync(data), []);
    socket.destroy();
  });

  test('what is refused is answered while more is sent', async () => {
    const rest = 40 << 20;
    const body = Buffer.concat([packed('p', [['../x', '']]), Buffer.alloc(rest)]);
    const { status, text } = await upload(body);
    assert.equal(status, 422);
    assert.match(text, /is no path below the folder/);
    await untilEmpty();
  });

  test('it can be listed and searched then, also two of one name', async () => {
    const both = await Promise.all([1, 2].map(() => upload(packed('photos', someFiles))));
    assert.deepEqual(
      both.map(({ status }) => status),
      [201, 201],
    );
    assert.deepEqual(readdirSync(data).toSorted(), ['photos', 'photos-2']);
    const listed = await ask({
      port: ui.port,
      target: '/api/data/folder?path=photos',
      headers: [...own(), 'Accept-Encoding: identity'],
    });
    assert.match(listed.text, /"name":"cat","images":2,"folders":0|"name":"cat","folders":0,"images":2/);
    assert.ok(existsSync(join(data, 'photos', 'dog', 'deep', 'er', '3.png')));
  });
});

/** Archives from anywhere: hostile names, links, bombs, damage. Nothing is written outside of the folder. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { archiveName } from '../../src/data/archive-source.ts';
import { readDataset } from '../../src/data/read.ts';
import { segmentsOf, unpack, usualLimits, withFolder, type ArchiveKind } from '../../src/data/unpack.ts';
import { UserError } from '../../src/util/user-error.ts';
import { gzipped, tarOf, zip, zipOf } from './packed.ts';
import { newFolder, noise, nowhere, png, put, userError } from './places.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

const hostile: readonly [what: string, name: string][] = [
  ['a folder above', '../outside.txt'],
  ['a folder above, later', 'a/b/../../../outside.txt'],
  ['an absolute path', '/tmp/outside.txt'],
  ['a drive', 'C:\\outside.txt'],
  ['a folder above, of Windows', '..\\outside.txt'],
];

for (const [what, name] of hostile)
  test(`refused in archives: ${what}`, async (t) => {
    const root = await newFolder(t);
    const entries = { 'cat/1.png': await png(1), [name]: text('x') };
    const archives: readonly [ArchiveKind, Buffer][] = [
      ['zip', zipOf(entries)],
      ['tar', await tarOf(entries)],
      ['gzip', gzipped(await tarOf(entries))],
    ];
    for (const [kind, bytes] of archives) {
      const folder = join(root, kind);
      await mkdir(folder);
      const path = join(root, `x.${kind}`);
      await put(path, bytes);
      await assert.rejects(
        unpack(path, kind, folder),
        userError(/: holds a (file called|name) .*leads out of the folder.*: not unpacked$/),
      );
      assert.deepEqual(
        (await readdir(root, { recursive: true })).filter((each) => each.includes('outside')),
        [],
        kind,
      );
    }
  });

test('any name stays in the folder or is refused', () => {
  const piece = fc.oneof(fc.constantFrom('..', '.', '', '/', '\\', 'a', 'C:', '~', '\0', '...'), fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.constantFrom('/', '\\', ''), (pieces, separator) => {
      try {
        const segments = segmentsOf('x.zip', pieces.join(separator)) ?? [];
        assert.ok(!segments.some((each) => each === '..' || each === '.' || /[/\\\0]/.test(each)), segments.join('|'));
      } catch (error) {
        assert.ok(error instanceof UserError);
      }
    }),
  );
});

test('links and devices are not unpacked, and nothing is written through them', async (t) => {
  const root = await newFolder(t);
  const outside = join(root, 'outside');
  await mkdir(outside);
  const link = { name: 'cat', type: 'symlink', linkname: outside } as const;
  const others = [
    link,
    { name: 'hard', type: 'link', linkname: '/etc/passwd' } as const,
    { name: 'null', type: 'character-device' } as const,
  ];
  const tarred = join(root, 'x.tar');
  // The link stands before the file below it.
  await put(tarred, Buffer.concat([(await tarOf({}, others)).subarray(0, -1024), await tarOf({ 'cat/1.txt': text('x') })]));
  const zipped = join(root, 'x.zip');
  await put(
    zipped,
    zip([
      { name: 'cat', bytes: text(outside), mode: 0o120777 },
      { name: 'cat/1.txt', bytes: text('x') },
    ]),
  );
  for (const [path, kind, count] of [
    [tarred, 'tar', 3],
    [zipped, 'zip', 1],
  ] as const) {
    const folder = join(root, kind);
    await mkdir(folder);
    assert.match(
      (await unpack(path, kind, folder)).join(),
      new RegExp(`^${count} links? (or|and) devices? in it (is|are) not unpacked$`),
    );
    assert.deepEqual(await readdir(outside), []);
    assert.equal(await readFile(join(folder, 'cat', '1.txt'), 'utf8'), 'x');
  }
});

test('of files with one name the last one is unpacked; a file that is also a folder is refused', async (t) => {
  const root = await newFolder(t);
  await put(
    join(root, 'x.zip'),
    zip([
      { name: 'a.txt', bytes: text('first') },
      { name: './a.txt', bytes: text('last') },
    ]),
  );
  await mkdir(join(root, 'to'));
  await unpack(join(root, 'x.zip'), 'zip', join(root, 'to'));
  assert.equal(await readFile(join(root, 'to', 'a.txt'), 'utf8'), 'last');
  await put(join(root, 'y.zip'), zipOf({ a: text('x'), 'a/b': text('x') }));
  await assert.rejects(
    unpack(join(root, 'y.zip'), 'zip', join(root, 'to')),
    userError(/y\.zip: a\/b cannot be unpacked \(E\w+\)$/),
  );
});

test('bombs are refused: bytes, files, the free disk', async (t) => {
  const root = await newFolder(t);
  await mkdir(join(root, 'to'));
  const zeros = { 'a.bin': new Uint8Array(5_000_000) };
  const many = Object.fromEntries(Array.from({ length: 50 }, (_none, at) => [`${at}.txt`, text('x')]));
  await put(join(root, 'zeros.zip'), zipOf(zeros));
  await put(join(root, 'zeros.tgz'), gzipped(await tarOf(zeros)));
  await put(join(root, 'many.zip'), zipOf(many));
  const limited = { ...usualLimits, bytes: 1_000_000 };
  const to = join(root, 'to');
  await assert.rejects(unpack(join(root, 'zeros.zip'), 'zip', to, undefined, limited), userError(/looks like a trap$/));
  await assert.rejects(unpack(join(root, 'zeros.tgz'), 'gzip', to, undefined, limited), userError(/looks like a trap$/));
  await assert.rejects(
    unpack(join(root, 'many.zip'), 'zip', to, undefined, { ...limited, files: 10 }),
    userError(/more than 10 files$/),
  );
  await assert.rejects(
    unpack(join(root, 'many.zip'), 'zip', to, undefined, { ...limited, disk: 0 }),
    /does not fit unpacked on the disk/,
  );
});

test('damaged, encrypted and other archives are named in a line', async (t) => {
  const root = await newFolder(t);
  await mkdir(join(root, 'to'));
  const good = zipOf({ 'cat/1.bin': noise(5000, 1) });
  const tarred = gzipped(await tarOf({ 'cat/1.bin': noise(5000, 1) }));
  const cases: readonly [name: string, kind: ArchiveKind, bytes: Uint8Array, message: RegExp][] = [
    ['short.zip', 'zip', good.subarray(0, 3000), /cannot be unpacked: damaged or cut short/],
    ['sum.zip', 'zip', zip([{ name: 'a', bytes: text('abc'), crc: 1 }]), /damaged.*a checksum differs/],
    ['secret.zip', 'zip', zip([{ name: 'a', bytes: text('abc'), flags: 0x801 }]), /is encrypted: unpack it/],
    ['short.tgz', 'gzip', tarred.subarray(0, 3000), /cannot be unpacked: damaged/],
    ['aes.zip', 'zip', zip([{ name: 'a', bytes: text('abc'), flags: 0x801, method: 99 }]), /is encrypted: unpack it/],
    ['bzip2.zip', 'zip', zip([{ name: 'a', bytes: text('abc'), method: 12 }]), /in a way that is not read \(bzip2\): unpack it/],
    ['odd.zip', 'zip', zip([{ name: 'a', bytes: text('abc'), method: 50 }]), /in a way that is not read \(method 50\)/],
    ['image.gz', 'gzip', gzipped(noise(300, 1)), /holds no tar archive/],
    [
      'text.gz',
      'gzip',
      gzipped(text('file,label\n'.repeat(100))),
      /holds no tar archive, or a damaged one: unpack it, and give what it makes$/,
    ],
    ['none.zip', 'zip', new Uint8Array(), /cannot be unpacked/],
  ];
  for (const [name, kind, bytes, message] of cases) {
    await put(join(root, name), bytes);
    await assert.rejects(unpack(join(root, name), kind, join(root, 'to')), userError(message), name);
  }
});

test('archives of other kinds, and what is in archives, are said in a line', async (t) => {
  const root = await newFolder(t);
  const read = (name: string) => readDataset(join(root, name), { cacheFolder: join(root, 'cache'), environment: {} }, nowhere);
  await put(join(root, 'a.rar'), text('Rar!\x1a\x07 and more'));
  await put(join(root, 'a.tar.zst'), Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3));
  await put(join(root, 'docs.zip'), zipOf({ 'docs/a.txt': text('x') }));
  await put(join(root, 'outer.zip'), zipOf({ 'in/train.zip': zipOf({ 'a.txt': text('x') }) }));
  await assert.rejects(
    read('a.rar'),
    userError(/a\.rar: an archive of a kind that is not read \(rar; zip, tar and tar\.gz are\)/),
  );
  await assert.rejects(read('a.tar.zst'), userError(/kind that is not read \(zstd/));
  await assert.rejects(read('docs.zip'), userError(/^\S*\/docs\.zip(\/docs)?: no sub-folders with images in it$/));
  await assert.rejects(
    read('outer.zip'),
    userError(/outer\.zip.*in\/train\.zip is an archive: unpack it, and give the folder that it makes\)$/),
  );
  assert.ok(!(await readdir(root)).includes('cache'));
});

test('what a killed process left unpacked is removed later, what is in use is not', async (t) => {
  const cache = await newFolder(t);
  await put(join(cache, 'unpacked', 'xold', 'a.txt'), 'x');
  await put(join(cache, 'unpacked', 'xnew', 'a.txt'), 'x');
  const old = (await stat(cache)).mtimeMs / 1000 - 3 * 24 * 3600;
  await utimes(join(cache, 'unpacked', 'xold'), old, old);
  await withFolder(cache, async () => undefined);
  assert.deepEqual(await readdir(join(cache, 'unpacked')), ['xnew']);
});

test('names of archives', () => {
  assert.deepEqual(['a/photos.zip', 'photos.tar.gz', 'my.photos.tgz', 'photos.tar'].map(archiveName), [
    'photos',
    'photos',
    'my.photos',
    'photos',
  ]);
});

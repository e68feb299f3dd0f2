/** Tables of labels: which columns are meant, what is refused, and anything at all as a table. */
import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseTable } from '../../src/data/csv.ts';
import { findImages, type FoundImages } from '../../src/data/found-images.ts';
import { indexImages } from '../../src/data/image-index.ts';
import { findLabels } from '../../src/data/label-column.ts';
import type { LabelOptions } from '../../src/data/label-table.ts';
import { layoutOfRows } from '../../src/data/labelled-rows.ts';
import { usualReading } from '../../src/data/reading.ts';
import { UserError } from '../../src/util/user-error.ts';
import { newFolder, png, put, userError } from './places.ts';

/** A folder with images at these paths, and files of text. */
async function folderOf(t: TestContext, images: readonly string[], files: Readonly<Record<string, string>>): Promise<string> {
  const root = join(await newFolder(t), 'data');
  const bytes = await png(1);
  for (const path of images) await put(join(root, path), bytes);
  for (const [path, content] of Object.entries(files)) await put(join(root, path), content);
  return root;
}

const find = (path: string, labels: LabelOptions = {}): Promise<FoundImages> =>
  findImages(path, { reading: usualReading, labels, cacheFolder: '/nonexistent' });

/** The layout as one line: `cat dog: a.png=cat b.png=dog; test c.png=cat`. */
async function lineOf(path: string, labels: LabelOptions = {}): Promise<string> {
  const { layout, where } = await find(path, labels);
  assert.ok(layout !== null);
  const { classes, train, validation, test: testing } = layout;
  const above = where.endsWith('.csv') ? where.slice(0, where.lastIndexOf('/')) : where;
  const line = (files: typeof train): string =>
    files.map((file) => `${file.path.slice(above.length + 1)}=${classes[file.label]}`).join(' ');
  const more = [
    ...(validation === undefined ? [] : [`validation ${line(validation)}`]),
    ...(testing === undefined ? [] : [`test ${line(testing)}`]),
  ];
  return [`${classes.join(' ')}: ${line(train)}`, ...more].join('; ');
}

const four = ['a.png', 'b.png', 'c.png', 'd.png'];
const usual = 'cat dog: a.png=cat c.png=cat b.png=dog d.png=dog';

const understood: readonly [what: string, table: string, line?: string, labels?: LabelOptions][] = [
  ['file and label', 'file,label\na.png,cat\nb.png,dog\nc.png,cat\nd.png,dog\n'],
  ['names without extension', 'id,breed\na,cat\nb,dog\nc,cat\nd,dog\n'],
  ['the label first', 'label,file\ncat,a.png\ndog,b.png\ncat,c.png\ndog,d.png\n'],
  ['quotes, a mark, CRLF', '\ufeff"file","label"\r\n"a.png","cat"\r\n"b.png","dog"\r\n"c.png","cat"\r\n"d.png","dog"\r\n'],
  ['no header', 'a.png,cat\nb.png,dog\nc.png,cat\nd.png,dog\n'],
  ['other columns', 'n,file,width,label\n0,a.png,5,cat\n1,b.png,6,dog\n2,c.png,7,cat\n3,d.png,8,dog\n'],
  ['numbers and names of classes', 'file,class_id,class\na.png,0,cat\nb.png,1,dog\nc.png,0,cat\nd.png,1,dog\n'],
  ['a measure beside', 'file,age,kind\na.png,0.5,cat\nb.png,1.5,dog\nc.png,0.5,cat\nd.png,1.5,dog\n'],
  ['columns of 0 and 1', 'file,cat,dog\na.png,1,0\nb.png,0,1\nc.png,1,0\nd.png,0,1\n'],
  ['paths of Windows', 'file,label\ndata\\a.png,cat\n.\\b.png,dog\nc.png,cat\nd.png,dog\n'],
  ['leading folders', 'path,label\nimages/all/a.png,cat\nimages/all/b.png,dog\nimages/all/c.png,cat\nimages/all/d.png,dog\n'],
  ['another case', 'file,label\nA.PNG,cat\nb.PNG,dog\nc.png,cat\nd.png,dog\n'],
  ['spaces', 'file, label\na.png, cat\nb.png, dog\nc.png, cat\nd.png, dog\n'],
  ['a row twice', 'file,label\na.png,cat\na.png,cat\nb.png,dog\nc.png,cat\nd.png,dog\n'],
  [
    'rows without labels',
    'file,label\na.png,cat\nb.png,dog\nc.png,\n,dog\nd.png,dog\n',
    'cat dog: a.png=cat b.png=dog d.png=dog',
  ],
  ['the column by name', 'file,x,y\na.png,p,cat\nb.png,p,dog\nc.png,q,cat\nd.png,q,dog\n', usual, { column: 'Y' }],
  ['the column by number', 'file,x,y\na.png,p,cat\nb.png,p,dog\nc.png,q,cat\nd.png,q,dog\n', usual, { column: '3' }],
  [
    'a column of parts',
    'file,label,split\na.png,cat,train\nb.png,dog,train\nc.png,cat,valid\nd.png,dog,test\n',
    'cat dog: a.png=cat b.png=dog; validation c.png=cat; test d.png=dog',
  ],
  ['a line for spreadsheets', 'sep=;\nfile;label\na.png;cat\nb.png;dog\nc.png;cat\nd.png;dog\n'],
  ['comments above', '# by me, 2020\n# MIT\nfile,label,x\na.png,cat,1\nb.png,dog,1\nc.png,cat,1\nd.png,dog,1\n'],
  ['a comment with a quote', '# "all\n#file,label\na.png,cat\nb.png,dog\nc.png,cat\nd.png,dog\n'],
  ['separators at the ends of rows', 'file,label\na.png,cat,\nb.png,dog,\nc.png,cat,\nd.png,dog,\n'],
  [
    'names of rows, as R writes them',
    '"file","label"\n"1","a.png","cat"\n"2","b.png","dog"\n"3","c.png","cat"\n"4","d.png","dog"\n',
  ],
  ['columns of yes and no', 'file,cat,dog\na.png,True,False\nb.png,False,True\nc.png,True,False\nd.png,False,True\n'],
  ['missing values', 'file,label\na.png,cat\nb.png,dog\nc.png,NaN\nd.png,nan\n', 'cat dog: a.png=cat b.png=dog'],
  ['masks beside images', 'mask_path,image_path,label\nb.png,a.png,cat\na.png,b.png,dog\nd.png,c.png,cat\nc.png,d.png,dog\n'],
  [
    'a column of training images',
    'file,label,is_train\na.png,cat,1\nb.png,dog,1\nc.png,cat,0\nd.png,dog,0\n',
    'cat dog: a.png=cat b.png=dog; test c.png=cat d.png=dog',
  ],
  [
    'a column of validation images',
    'file,label,is_valid\na.png,0,False\nb.png,1,False\nc.png,0,True\nd.png,1,False\n',
    '0 1: a.png=0 b.png=1 d.png=1; validation c.png=0',
  ],
  [
    'columns of two parts',
    'file,label,isTest,isVal\na.png,cat,0,0\nb.png,dog,0,0\nc.png,cat,1,0\nd.png,dog,0,1\n',
    'cat dog: a.png=cat b.png=dog; validation d.png=dog; test c.png=cat',
  ],
  [
    'a class called train',
    'file,train,plane\na.png,1,0\nb.png,0,1\nc.png,1,0\nd.png,0,1\n',
    'plane train: b.png=plane d.png=plane a.png=train c.png=train',
  ],
  [
    'classes by is_',
    'file,is_train,is_plane\na.png,1,0\nb.png,0,1\nc.png,1,0\nd.png,0,1\n',
    'is_plane is_train: b.png=is_plane d.png=is_plane a.png=is_train c.png=is_train',
  ],
  ['an only class called train', 'file,is_train\na.png,1\nb.png,0\nc.png,1\nd.png,0\n', '0 1: b.png=0 d.png=0 a.png=1 c.png=1'],
  [
    'rows in no part',
    'file,label,split\na.png,cat,train\nb.png,dog,train\nc.png,cat,\nd.png,dog,extra\n',
    'cat dog: a.png=cat b.png=dog',
  ],
];
for (const [what, table, line = usual, labels] of understood)
  test(`a table is understood: ${what}`, async (t) => {
    const folder = await folderOf(t, four, { 'labels.csv': table });
    assert.equal(await lineOf(folder, labels), line);
    assert.equal(await lineOf(join(folder, 'labels.csv'), labels), line, 'given itself');
    assert.equal(await lineOf(folder, { ...labels, file: 'labels.csv' }), line, 'by --labels');
  });

const refused: readonly [what: string, table: string, message: RegExp, labels?: LabelOptions][] = [
  [
    'two columns of labels',
    'file,x,y\na.png,p,cat\nb.png,p,dog\nc.png,q,cat\nd.png,q,dog\n',
    /labels\.csv: x, y may all be labels: say which with --label-column, such as --label-column x$/,
  ],
  [
    'no labels',
    'file,n\na.png,0.5\nb.png,0.6\nc.png,0.1\nd.png,0.7\n',
    /labels\.csv: no column of labels beside that of files: name one of n with --label-column$/,
  ],
  [
    'a column that is not there',
    'file,label\na.png,cat\nb.png,dog\nc.png,cat\n',
    /^--label-column breed: .*labels\.csv has no such column of labels: its columns are file, label$/,
    { column: 'breed' },
  ],
  [
    'an absolute path',
    'file,label\na.png,cat\nb.png,dog\n/etc/passwd,cat\n',
    /labels\.csv, row 4: \/etc\/passwd: a path must be relative/,
  ],
  ['a drive', 'file,label\na.png,cat\nb.png,dog\nC:\\x\\c.png,cat\n', /row 4: C:\\x\\c\.png: a path must be relative/],
  [
    'an address',
    'file,label\na.png,cat\nb.png,dog\nhttps://x.org/c.png,cat\n',
    /row 4: https:\/\/x\.org\/c\.png: a path must be relative/,
  ],
  [
    'a path that leads out',
    'file,label\na.png,cat\nb.png,dog\n../data/c.png,cat\n',
    /row 4: \.\.\/data\/c\.png: leads out of the folder/,
  ],
  [
    'two labels of an image',
    'file,label\na.png,cat\nb.png,dog\na.png,dog\n',
    /labels\.csv, row 4: \S*a\.png is dog, but cat in \S*labels\.csv, row 2: an image has one label/,
  ],
  [
    'an image in two parts',
    'file,label,split\na.png,cat,train\nb.png,dog,train\na.png,cat,test\n',
    /row 4: \S*a\.png is test, but train in/,
  ],
  [
    'several labels in a row',
    'file,cat,dog\na.png,1,0\nb.png,0,1\nc.png,1,1\nd.png,0,1\n',
    /an image with several labels \(cat, dog\)/,
  ],
  [
    'a class of the test part alone',
    'file,label,split\na.png,cat,train\nb.png,dog,train\nc.png,cow,test\n',
    /row 4: a class that the training images of \S* do not have: cow$/,
  ],
  [
    'no rows of the training part',
    'file,label,split\na.png,cat,\nb.png,dog,\nc.png,cat,test\nd.png,dog,test\n',
    /labels\.csv: column split has no training part, only nothing, test: write train into the rows that train$/,
  ],
  [
    'absolute paths from elsewhere',
    'file,label\n/home/me/a.png,cat\n/home/me/b.png,dog\n',
    /labels\.csv: column file has no paths below \S*data, but \/home\/me\/a\.png: write them from that folder on, such as a\.png/,
  ],
  ['spaces between columns', 'a.png cat\nb.png dog\n', /one column; .* with commas, semicolons, tabs or bars between them$/],
  ['a quote that does not end', 'file,label\na.png,"cat\nb.png,dog\n', /labels\.csv: cannot be read as a table: /],
  ['rows of unequal length', 'file,label\na.png,cat\nb.png,dog,brown\n', /labels\.csv: cannot be read as a table: /],
  [
    'images that are elsewhere',
    'file,label\nx.png,cat\ny.png,dog\n',
    /labels\.csv: the images of column file are not in \S*data, such as x\.png: give the folder that has them/,
  ],
  ['no images at all', 'x,y\n1,2\n3,4\n', /labels\.csv: no column names images of \S*data; its columns are x, y/],
  ['one column', 'file\na.png\nb.png\n', /labels\.csv: one column; a table of labels has/],
  ['an empty table', '', /labels\.csv: an empty table/],
];
for (const [what, table, message, labels] of refused)
  test(`a table is refused: ${what}`, async (t) => {
    const folder = await folderOf(t, four, { 'labels.csv': table });
    await assert.rejects(async () => {
      const { layout } = await find(join(folder, 'labels.csv'), labels);
      assert.fail(JSON.stringify(layout));
    }, userError(message));
    await assert.rejects(find(folder, labels), userError(/./), 'in its folder');
  });

test('numbers of rows do not name the images where another column does', async (t) => {
  const images = ['0.png', '1.png', '2.png', '3.png'];
  const names = ['3', '1', '0', '2'];
  const line = 'cat dog: 0.png=cat 3.png=cat 1.png=dog 2.png=dog';
  const table = (header: string, ending: string, rows = names): string =>
    [header, ...rows.map((name, at) => `${at},${name}${ending},${at % 2 === 0 ? 'cat' : 'dog'}`)].join('\n');
  for (const [header, ending] of [
    ['n,file,label', ''],
    [',name,label', ''],
    ['n,picture,label', '.png'],
    ['id,picture,label', '.png'],
  ] as const)
    assert.equal(await lineOf(await folderOf(t, images, { 'labels.csv': table(header, ending) })), line, header);
  // Of the files one is missing, of the numbers none.
  const missing = await folderOf(t, images, { 'labels.csv': table('n,file,label', '.png', ['3', '1', '9', '2']) });
  assert.equal(await lineOf(missing), 'cat dog: 3.png=cat 9.png=cat 1.png=dog 2.png=dog');
  const either = await folderOf(t, images, { 'labels.csv': table('n,name,label', '') });
  await assert.rejects(
    find(either),
    userError(/labels\.csv: columns n and name may both name the images: call the right one file, or remove the other/),
  );
});

test('a column of parts whose values name none is said', async (t) => {
  const fold = 'file,label,fold\na.png,cat,0\nb.png,dog,1\nc.png,cat,1\nd.png,dog,0\n';
  const { layout } = await find(await folderOf(t, four, { 'labels.csv': fold }));
  assert.deepEqual(layout?.notes, [
    'labels from labels.csv: column file, column label',
    'column fold of labels.csv is not used: its values name no parts, as train, val and test do',
  ]);
});

test('absolute paths below the folder of the images are taken', async (t) => {
  const folder = await folderOf(t, four, {});
  const rows = four.map((name, at) => `${join(folder, name)},${at % 2 === 0 ? 'cat' : 'dog'}`);
  await put(join(folder, 'labels.csv'), ['file,label', ...rows].join('\n'));
  assert.equal(await lineOf(folder), usual);
});

test('links in a table of labels must not lead out of the folder', async (t) => {
  const folder = await folderOf(t, four, { 'labels.csv': 'file,label\na.png,cat\nb.png,dog\nsecret.png,cat\n' });
  await put(join(folder, '..', 'outside', 'secret.png'), await png(2));
  await symlink(join(folder, '..', 'outside', 'secret.png'), join(folder, 'secret.png'));
  await assert.rejects(find(folder), userError(/labels\.csv, row 4: \S*secret\.png is a link that leads out of \S*data$/));
});

test('folders of classes stay what they are beside a table; folders that are no classes do not', async (t) => {
  const table = 'file,label\na.png,cat\nb.png,dog\n';
  const classes = await folderOf(t, ['red/a.png', 'blue/b.png'], { 'labels.csv': table });
  const kept = await find(classes);
  assert.equal(kept.kind, 'folders');
  assert.match(
    kept.layout?.notes.join() ?? '',
    /classes are the folders; \S*labels\.csv is not used \(--labels \S*labels\.csv takes its labels\)/,
  );
  assert.equal(await lineOf(classes, { file: join(classes, 'labels.csv') }), 'cat dog: red/a.png=cat blue/b.png=dog');
  const parts = await folderOf(t, ['images_1/a.png', 'images_2/b.png'], { 'labels.csv': table });
  assert.equal((await find(parts)).kind, 'table');
});

test("Kaggle's forms: train.csv beside train/ and test/, a test.csv without labels, a sample submission", async (t) => {
  const folder = await folderOf(t, ['train/1.png', 'train/2.png', 'train/3.png', 'test/1.png', 'test/4.png'], {
    'train.csv': 'id,label\n1,cat\n2,dog\n3,cat\n',
    'test.csv': 'id\n1\n4\n',
    'sample_submission.csv': 'id,label\n1,cat\n4,cat\n',
  });
  assert.equal(await lineOf(folder), 'cat dog: train/1.png=cat train/3.png=cat train/2.png=dog');
});

test('several tables that may be meant are named', async (t) => {
  const table = 'file,label\na.png,cat\nb.png,dog\n';
  const folder = await folderOf(t, four, { 'one.csv': table, 'two.csv': table });
  await assert.rejects(find(folder), userError(/one\.csv, two\.csv may all be its labels: name one with --labels$/));
});

test('data of object detection is said to be that', async (t) => {
  const boxes = /looks like data of object detection, such as \S*: boxes are not read/;
  const yolo = await folderOf(t, ['images/train/a.png', 'images/val/b.png'], {
    'labels/train/a.txt': '0 .5 .5 1 1',
    'data.yaml': 'nc: 1',
  });
  await assert.rejects(find(yolo), userError(boxes));
  const coco = await folderOf(t, ['train2017/a.png', 'val2017/b.png'], { 'annotations/instances_train2017.json': '{}' });
  await assert.rejects(find(coco), userError(boxes));
});

test('a folder too deep says which folder to give', async (t) => {
  const folder = await folderOf(t, ['train/cat/a.png', 'train/dog/b.png', 'test/cat/c.png', 'test/dog/d.png'], {});
  await assert.rejects(find(join(folder, 'train', 'cat')), userError(/give the folder that it lies in, \S*data\/train$/));
  assert.match(
    (await find(join(folder, 'train'))).layout?.notes.join() ?? '',
    /test\/ beside it is not read: give \S*data for all parts/,
  );
});

test('any text is a table or refused in one line, and any table gives labels or a line', () => {
  const cell = fc.oneof(
    fc.constantFrom('a.png', 'a', 'cat', '1', '0', '', '"', 'label', 'train', '../a.png', '/a.png', '-1'),
    fc.string({ maxLength: 5 }),
  );
  const separated = fc
    .tuple(
      fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 8 }),
      fc.constantFrom(',', ';', '\t', '|'),
      fc.constantFrom('\n', '\r\n', '\r'),
    )
    .map(([rows, separator, end]) => rows.map((row) => row.join(separator)).join(end));
  fc.assert(
    fc.property(fc.oneof(separated, fc.string({ unit: 'binary' })), (content) => {
      try {
        const { rows } = parseTable('x.csv', content);
        assert.ok(rows.every((row) => row.length === rows[0]?.length && row.length >= 2));
        const columns = (rows[0] ?? []).map((name, at) => ({ name, values: rows.slice(1).map((row) => row[at] ?? '') }));
        const { values } = findLabels(
          'x.csv',
          columns,
          undefined,
          columns.map(({ name }) => name),
        );
        assert.equal(values.length, rows.length - 1);
      } catch (error) {
        userError(/./)(error);
      }
    }),
    { numRuns: 2000 },
  );
});

test('any name of a file stands for an image of the tree, for none, or is refused', () => {
  const images = ['a.png', 'b/a.png', 'b/c.jpg'].map((path) => ({ path: `data/${path}`, size: 1, changed: 0 }));
  const leaf = { folders: [], others: [] };
  const [first, ...rest] = images;
  const index = indexImages({
    name: 'data',
    path: 'data',
    images: first === undefined ? [] : [first],
    others: [],
    folders: [{ name: 'b', path: 'data/b', images: rest, ...leaf }],
  });
  const piece = fc.constantFrom('a.png', 'a', 'b', 'c', 'c.jpg', '..', '.', '', 'data', 'C:');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
      try {
        const found = index.find(pieces.join('/'), '', () => false);
        assert.ok(found === undefined || found === 'several' || index.images.includes(found));
      } catch (error) {
        assert.ok(error instanceof UserError);
      }
    }),
  );
});

test('classes are in the order of their names, whatever the order of rows', () => {
  const row = (name: string, label: string) => ({
    file: { path: name, size: 1, changed: 0 },
    label,
    part: 'train' as const,
    where: name,
  });
  assert.deepEqual(layoutOfRows('x', [row('2', 'b'), row('1', '10'), row('3', '9')], []).classes, ['10', '9', 'b']);
});

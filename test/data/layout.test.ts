/** What folders are taken for, by trees of names: parts, wrappers and classes. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { allBytes } from '../../src/data/images.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { findLayout, type LabelledFile } from '../../src/data/layout.ts';
import { isPlain, partNamed } from '../../src/data/part-names.ts';
import { readDataset } from '../../src/data/read.ts';
import { splitDataset } from '../../src/data/split.ts';
import { readTree, type Folder } from '../../src/data/tree.ts';
import { usualReading } from '../../src/data/reading.ts';
import { withClassFolders } from '../../src/data/labelled-folder.ts';
import { newFolder, nowhere, png, put, quiet, userError } from './places.ts';

/** A tree with images at these paths; `a/x*3` is three of them, and a path that ends with `/` an empty folder. */
function treeOf(...paths: readonly string[]): Folder {
  const make = (name: string, path: string, inside: readonly string[]): Folder => {
    const names = [...new Set(inside.flatMap((each) => (each.includes('/') ? [each.slice(0, each.indexOf('/'))] : [])))];
    const files = inside
      .filter((each) => each !== '' && !each.includes('/'))
      .flatMap((each) => {
        const [file = '', count] = each.split('*');
        return Array.from({ length: Number(count ?? 1) }, (_none, at) => ({
          path: `${path}/${file}${count === undefined ? '' : at}`,
          size: 1,
          changed: 0,
        }));
      });
    const isOther = ({ path: file }: { path: string }): boolean => /\.(csv|json|txt)$/.test(file);
    return {
      name,
      path,
      folders: names.toSorted().map((each) =>
        make(
          each,
          `${path}/${each}`,
          inside.filter((other) => other.startsWith(`${each}/`)).map((other) => other.slice(each.length + 1)),
        ),
      ),
      images: files.filter((file) => !isOther(file)),
      others: files.filter(isOther),
    };
  };
  return make('data', 'data', paths);
}

/** The layout as one line: `cat dog: train 2+2, validation 1+1, test held out`. */
function layoutLine(...paths: readonly string[]): string {
  const { classes, train, validation, test: testing } = findLayout(treeOf(...paths));
  const counts = (files: readonly LabelledFile[]): string =>
    classes.map((_name, label) => files.filter((file) => file.label === label).length).join('+');
  return [
    `${classes.join(' ')}: train ${counts(train)}`,
    ...(validation === undefined ? [] : [`validation ${counts(validation)}`]),
    testing === undefined ? 'test held out' : `test ${counts(testing)}`,
  ].join(', ');
}

const notesOf = (...paths: readonly string[]): readonly string[] => findLayout(treeOf(...paths)).notes;

/** Folders of two classes with so many images each. */
const classesIn = (folder: string, count = 2): string[] => [`${folder}cat/x*${count}`, `${folder}dog/x*${count}`];

const layouts: readonly [what: string, paths: readonly string[], line: string][] = [
  ['classes', classesIn(''), 'cat dog: train 2+2, test held out'],
  ['a class called train', [...classesIn(''), 'train/x*3'], 'cat dog train: train 2+2+3, test held out'],
  ['classes called valid and invalid', ['valid/x*2', 'invalid/x*3'], 'invalid valid: train 3+2, test held out'],
  ['train and test', [...classesIn('train/'), ...classesIn('test/', 1)], 'cat dog: train 2+2, test 1+1'],
  ['other names', [...classesIn('Train_set/'), ...classesIn('Test_set/', 1)], 'cat dog: train 2+2, test 1+1'],
  [
    'training and validation',
    [...classesIn('training/'), ...classesIn('Validation/', 1)],
    'cat dog: train 2+2, validation 1+1, test held out',
  ],
  [
    'three parts',
    [...classesIn('TRAIN/', 3), ...classesIn('VAL/'), ...classesIn('TEST/', 1)],
    'cat dog: train 3+3, validation 2+2, test 1+1',
  ],
  [
    'a wrapper around each part, and unlabelled images in one',
    [...classesIn('seg_train/seg_train/', 3), ...classesIn('seg_test/seg_test/', 1), 'seg_pred/seg_pred/x*9'],
    'cat dog: train 3+3, test 1+1',
  ],
  ['wrappers around everything', classesIn('archive/animals/photos/'), 'cat dog: train 2+2, test held out'],
  [
    'wrappers around the parts',
    [...classesIn('a/b/train/'), ...classesIn('a/b/valid/', 1), 'a/b/test1/x*5'],
    'cat dog: train 2+2, validation 1+1, test held out',
  ],
  [
    'the same data again in a folder beside',
    [...classesIn('train/'), ...classesIn('test/', 1), ...classesIn('animals/train/', 9), ...classesIn('animals/test/', 9)],
    'cat dog: train 2+2, test 1+1',
  ],
  ['test images in one folder', [...classesIn('train/'), 'test/images/x*4'], 'cat dog: train 2+2, test held out'],
  ['train alone', classesIn('train/'), 'cat dog: train 2+2, test held out'],
  ['test alone', classesIn('test/'), 'cat dog: train 2+2, test held out'],
  ['a table beside a wrapper', [...classesIn('photos/'), 'labels.csv'], 'cat dog: train 2+2, test held out'],
  ['another case', ['train/Cat/x', 'train/Dog/x', 'test/cat/x', 'test/dog/x'], 'Cat Dog: train 1+1, test 1+1'],
  ['years', [...classesIn('train2017/'), ...classesIn('val2017/', 1)], 'cat dog: train 2+2, validation 1+1, test held out'],
  [
    'folders within classes',
    ['tomato/healthy/x', 'tomato/rust/x*2', 'potato/healthy/x', 'potato/rust/x'],
    'potato tomato: train 2+3, test held out',
  ],
  ['a test part beside the classes', [...classesIn('', 3), ...classesIn('test/', 1)], 'cat dog: train 3+3, test 1+1'],
  [
    'validation and test parts beside the classes',
    [...classesIn('', 3), ...classesIn('Val/', 2), ...classesIn('Test/', 1)],
    'cat dog: train 3+3, validation 2+2, test 1+1',
  ],
  ['a copy of the classes in their folder', [...classesIn('', 3), ...classesIn('pets/')], 'cat dog: train 3+3, test held out'],
  [
    'a copy of the classes in a part',
    [...classesIn('train/', 3), ...classesIn('train/train/'), ...classesIn('test/', 1), ...classesIn('test/test/')],
    'cat dog: train 3+3, test 1+1',
  ],
  ['the parts in the classes', ['cat/train/x*3', 'cat/test/x', 'dog/Train/x*4', 'dog/Test/x*2'], 'cat dog: train 3+4, test 1+2'],
  [
    'the parts in the classes, with folders in them',
    ['cat/train/a/x*3', 'cat/train/b/x', 'cat/val/a/x', 'dog/train/a/x', 'dog/val/a/x*2'],
    'cat dog: train 4+1, validation 1+2, test held out',
  ],
  ['parts in some classes only', ['cat/train/x*3', 'cat/test/x', 'dog/x*4'], 'cat dog: train 4+4, test held out'],
  [
    'images and masks in the classes',
    ['cat/images/x*3', 'cat/masks/x*3', 'dog/images/x*2', 'dog/masks/x*2'],
    'cat dog: train 3+2, test held out',
  ],
  ['classes of masks', ['masks/a/x*3', 'none/a/x*2'], 'masks none: train 3+2, test held out'],
  ['holdout', [...classesIn('train/'), ...classesIn('holdout/', 1)], 'cat dog: train 2+2, test 1+1'],
  [
    'a wrapper called as a part is',
    [...classesIn('training_data/train/'), ...classesIn('training_data/val/', 1)],
    'cat dog: train 2+2, validation 1+1, test held out',
  ],
];
for (const [what, paths, line] of layouts) test(`layout: ${what}`, () => assert.equal(layoutLine(...paths), line));

test('what is left alone is said, and which images validate', () => {
  assert.deepEqual(notesOf(...classesIn('train/'), 'test1/x*1200'), ['test1/ is left alone: 1,200 images in no class']);
  assert.deepEqual(notesOf(...classesIn('train/'), ...classesIn('val/'), 'docs/a.txt'), [
    'only train/ and val/ are read, not docs/',
    'the images of val/ validate',
  ]);
  assert.deepEqual(notesOf(...classesIn('photos/'), 'x*2'), [
    'its images are those of photos/',
    '2 images left out that lie in no class, such as data/x0',
  ]);
  assert.deepEqual(notesOf('tomato/healthy/x', 'tomato/rust/x', 'potato/healthy/x', 'potato/rust/x'), [
    'each class has healthy/ and rust/ in it: their images are taken together',
  ]);
  assert.deepEqual(notesOf('animals/cat/x', 'animals/dog/x', 'plants/rose/x', 'plants/lily/x'), [
    'each class has folders in it: their images are taken together; for cat/ and dog/ as classes give data/animals',
  ]);
  assert.deepEqual(notesOf(...classesIn('train/'), ...classesIn('test/')), []);
  assert.deepEqual(notesOf(...classesIn(''), ...classesIn('copy/')), [
    'copy/ has the folders of the classes again and is not read',
  ]);
  assert.deepEqual(notesOf('cat/train/x', 'cat/val/x', 'dog/train/x', 'dog/val/x'), [
    'the parts are in the folders of the classes: train/ and val/',
    'the images of val/ validate',
  ]);
  assert.deepEqual(notesOf('cat/images/x', 'cat/masks/x', 'dog/images/x', 'dog/masks/x'), [
    '2 images left out that are masks by the folder, such as data/cat/masks/x',
  ]);
});

const refused: readonly [what: string, paths: readonly string[], message: RegExp][] = [
  [
    'dogs and cats as downloaded',
    ['train/x*25', 'test1/x*12'],
    /^data\/train: holds 25 images without folders of classes: put the images of each class into a folder of its own, such as data\/train\/cat and data\/train\/dog$/,
  ],
  [
    'the same, wrapped',
    ['a/train/train/x*25', 'a/test/test/x*12', 'a/labels.json'],
    /^data\/a\/train: holds 25 images .* \(labels as in data\/a\/labels\.json are not read: save them as CSV\)$/,
  ],
  ['training images alone', ['train/x*25'], /^data\/train: holds 25 images without folders of classes/],
  [
    'test has classes, train has none',
    ['train/x*25', ...classesIn('test/')],
    /^data\/train: holds 25 images without folders of classes/,
  ],
  ['images and masks', ['train/images/x*3', 'train/masks/x*3', 'test/images/x'], /^data\/train: holds 6 images without folders/],
  [
    'no training part',
    [...classesIn('val/'), ...classesIn('test/')],
    /^data: has test\/ and val\/ but no training images: call their folder train\/$/,
  ],
  [
    'two training parts',
    [...classesIn('train1/'), ...classesIn('train2/'), ...classesIn('test/')],
    /^data: has several training parts, train1\/ and train2\/: keep one$/,
  ],
  [
    'a validation part that lacks a class',
    [...classesIn('train/'), 'val/cat/x'],
    /^data\/val: has no sub-folder of the class dog$/,
  ],
  [
    'a test part of other classes',
    [...classesIn('train/'), 'test/cow/x', 'test/horse/x'],
    /^data\/test\/cow: a class that data\/train does not have$/,
  ],
  [
    'a folder beside the training part that may be any part',
    [...classesIn('train/'), ...classesIn('other/')],
    /^data: train\/ and other\/ have the same folders in them, such as cat\/ and dog\/: call the parts train, val and test, or give one of the two; if these are classes, call train\/ otherwise$/,
  ],
  [
    'a folder beside a test part that may be any part',
    [...classesIn('pictures/'), ...classesIn('test/')],
    /^data: test\/ and pictures\/ have the same folders in them/,
  ],
  [
    'splits',
    [...classesIn('fold1/'), ...classesIn('fold2/')],
    /^data: fold1\/ and fold2\/ have the same folders in them, cat\/ and dog\/: give one of them, such as data\/fold1$/,
  ],
  [
    'splits of parts',
    [
      ...classesIn('split_1/train/'),
      ...classesIn('split_1/test/'),
      ...classesIn('split_2/train/'),
      ...classesIn('split_2/test/'),
    ],
    /^data: split_1\/ and split_2\/ have the same folders in them, test\/ and train\/: give one of them/,
  ],
  [
    'classes called as parts are',
    ['cat_train/x*3', 'dog_train/x*3'],
    /^data: cat_train\/ and dog_train\/ are called as training parts are: if they are classes, leave the word out of their names; else put the images/,
  ],
  ['one class', ['photos/cat/x*3'], /^data\/photos: only one class \(cat\)|^data: only one class \(photos\)/],
];
for (const [what, paths, message] of refused)
  test(`refused: ${what}`, () => {
    assert.throws(() => findLayout(treeOf(...paths)), userError(message));
  });

test('names of parts', () => {
  const names = [
    'train',
    'seg_train',
    'TrainingSet',
    'train2017',
    'trainval',
    'val',
    'Valid',
    'dev',
    'test1',
    'Test_set',
    'seg_pred',
  ];
  assert.equal(
    names.map((name) => partNamed(name)).join(' '),
    'train train train train train validation validation validation test test unlabelled',
  );
  for (const name of ['trains', 'invalid', 'chest_xray', 'train_test_split', 'contest', 'protrain', '2017'])
    assert.equal(partNamed(name), null, name);
  assert.deepEqual(['Train', 'seg_train', 'test1'].map(isPlain), [true, false, false]);
});

/** A folder with PNGs at these paths. */
async function filesIn(folder: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await put(join(folder, path), await png(path));
}

test('what systems leave behind is no class and no image', async (t) => {
  const folder = join(await newFolder(t), 'data');
  await filesIn(folder, [
    'cat/1.png',
    'cat/._1.png',
    'dog/1.png',
    '__MACOSX/cat/1.png',
    '.ipynb_checkpoints/1.png',
    '@eaDir/1.png',
  ]);
  await put(join(folder, 'dog', 'Thumbs.db'), 'x');
  await put(join(folder, '.DS_Store'), 'x');
  await mkdir(join(folder, '.git'));
  const { folders } = await readTree(folder);
  assert.deepEqual(
    folders.map(({ name, images, others }) => `${name} ${images.length} ${others.length}`),
    ['cat 1 0', 'dog 1 0'],
  );
});

test('val/ validates: the training part is not split, and the test images are held out of it alone', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'data');
  const names = Array.from({ length: 20 }, (_none, at) => at);
  await filesIn(
    folder,
    names.flatMap((at) => [`train/cat/${at}.png`, `train/dog/${at}.png`]),
  );
  await filesIn(
    folder,
    names.slice(0, 6).flatMap((at) => [`val/cat/v${at}.png`, `val/dog/v${at}.png`]),
  );
  // The same images as in the training part: none of them may be tested.
  for (const at of names.slice(0, 15)) await put(join(folder, 'val', 'cat', `again ${at}.png`), await png(`train/cat/${at}.png`));
  const options = { cacheFolder: join(root, 'cache'), environment: {} };
  const { dataset } = await readDataset(folder, options, nowhere);
  assert.equal(dataset.validationImages, 27);
  const { train, validation } = splitDataset(dataset, { validation: 0.1 });
  assert.deepEqual([train.length, validation.length], [40 - dataset.test.labels.length, 27]);
  assert.ok(validation.every((index) => index >= train.length));
  assert.deepEqual((await readDataset(folder, options, nowhere)).dataset, dataset, 'as the cache has it');
  const size = 8 * 8 * 3;
  const imagesOf = (images: Uint8Array): string[] =>
    Array.from({ length: images.length / size }, (_none, at) =>
      Buffer.from(images.subarray(at * size, (at + 1) * size)).toString('hex'),
    );
  const seen = new Set(imagesOf(allBytes(dataset.train.images)));
  assert.ok(imagesOf(allBytes(dataset.test.images)).every((image) => !seen.has(image)));
});

test('all images of a folder by classes are those that a search would take; parts are none', async (t) => {
  const bytes = await png(1);
  const lineOf = async (...paths: readonly string[]): Promise<string> => {
    const root = await newFolder(t);
    for (const path of paths) await put(join(root, path), bytes);
    return withClassFolders(root, { reading: usualReading, labels: {}, cacheFolder: '/nonexistent' }, quiet, ({ folders }) =>
      Promise.resolve((folders ?? []).map(({ name, files }) => `${name} ${files.length}`).join(', ')),
    );
  };
  const classes = ['cat/a.png', 'cat/b.png', 'dog/a.png'];
  assert.equal(await lineOf(...classes), 'cat 2, dog 1');
  assert.equal(await lineOf(...classes, ...classes.map((path) => `copy/${path}`)), 'cat 2, dog 1');
  assert.equal(await lineOf(...classes, ...classes.map((path) => `test/${path}`)), '');
  assert.equal(await lineOf('cat/train/a.png', 'cat/test/a.png', 'dog/train/a.png', 'dog/test/a.png'), '');
  assert.equal(await lineOf('cat/images/a.png', 'cat/masks/a.png', 'dog/images/a.png'), 'cat 1, dog 1');
});

test('of many files it is said how many were found so far; who cancels is not kept waiting', async (t) => {
  const folder = await newFolder(t);
  for (const name of ['a', 'b']) await mkdir(join(folder, name));
  for (let at = 0; at < 40_010; at++) writeFileSync(join(folder, at % 2 === 0 ? 'a' : 'b', `${at}.png`), '');
  const said: DataEvent[] = [];
  const tree = await readTree(folder, Infinity, { progress: (event) => said.push(event) });
  assert.deepEqual(
    tree.folders.map(({ name, images }) => [
      name,
      images.length,
      images[0]?.path === join(folder, name, `${name === 'a' ? 0 : 1}.png`),
    ]),
    [
      ['a', 20_005, true],
      ['b', 20_005, true],
    ],
  );
  assert.deepEqual(said, [
    { kind: 'list', files: 20_000 },
    { kind: 'list', files: 40_000 },
  ]);
  const cancelled = AbortSignal.abort(new Error('enough'));
  await assert.rejects(readTree(folder, Infinity, { progress: () => undefined, signal: cancelled }), /enough/);
});

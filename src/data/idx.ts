/** IDX files as of MNIST (`idx-file.ts`): a folder with images and labels for training and test. */
import { basename, join, resolve } from 'node:path';
import { UserError } from '../util/user-error.ts';
import { measuring, type Part } from './dataset.ts';
import { imageMagic, labelMagic, readIdx, scratchAt, type Scratch } from './idx-file.ts';
import { allBytes, inSteps } from './images.ts';
import { fashionMnist, fileAt, mnist, type DatasetInfo, type DatasetSource, type SourceFile } from './source.ts';

const widestSide = 1024;

const stems = ['train-images', 'train-labels', 't10k-images', 't10k-labels'] as const;
type Stem = (typeof stems)[number];

/** `train-images-idx3-ubyte`, also with a dot for the second dash and with .gz. */
async function find(folder: string, stem: Stem): Promise<SourceFile | undefined> {
  const end = stem.endsWith('images') ? 'idx3-ubyte' : 'idx1-ubyte';
  for (const name of [`${stem}-${end}`, `${stem}.${end}`, `${stem}-${end}.gz`, `${stem}.${end}.gz`]) {
    const file = await fileAt(join(folder, name));
    if (file !== undefined) return file;
  }
  return undefined;
}

interface IdxPart extends Part {
  readonly height: number;
  readonly width: number;
}

async function readPart(
  imagesPath: string,
  labelsPath: string,
  scratch: Scratch,
  signal: AbortSignal | undefined,
): Promise<IdxPart> {
  const images = await readIdx(imagesPath, imageMagic, scratch, signal);
  const labels = await readIdx(labelsPath, labelMagic, scratch, signal);
  const [count = 0, height = 0, width = 0] = images.extents;
  if (count !== labels.elements.length)
    throw new UserError(`${labelsPath}: ${labels.elements.length} labels for the ${count} images of ${basename(imagesPath)}`);
  if (height < 1 || width < 1 || height > widestSide || width > widestSide)
    throw new UserError(`${imagesPath}: images of ${height} × ${width} pixels; 1 to ${widestSide} a side can be used`);
  return { images: images.elements, labels: new Uint16Array(allBytes(labels.elements)), height, width };
}

/** Class names where none are known: numbers up to the largest training label. */
function classesOf(train: Part): string[] {
  const largest = train.labels.reduce((most, label) => Math.max(most, label), 0);
  return Array.from({ length: largest + 1 }, (_, label) => String(label));
}

function checkLabels(path: string, labels: Uint16Array, classes: number): void {
  const at = labels.findIndex((label) => label >= classes);
  if (at >= 0) throw new UserError(`${path}: label ${labels[at]} of image ${at} is out of range: there are ${classes} classes`);
}

/**
 * The IDX files in that folder; undefined where there are none, a UserError where some are missing. Classes of an unknown
 * dataset are named by their numbers, and its images are not mirrored, because they may be digits.
 */
export async function findIdx(folder: string, known?: DatasetInfo): Promise<DatasetSource | undefined> {
  const entries = await Promise.all(stems.map(async (stem) => [stem, await find(folder, stem)] as const));
  const missing = entries.filter(([, file]) => file === undefined).map(([stem]) => stem);
  if (missing.length === stems.length) return undefined;
  if (missing.length > 0) throw new UserError(`${folder}: has IDX files but not all four: ${missing.join(' and ')} missing`);
  const files = Object.fromEntries(entries) as Record<Stem, SourceFile>;
  const name = basename(resolve(folder));
  const named = known ?? [mnist, fashionMnist].find(({ name: usual }) => usual === name);

  return {
    name: named?.name ?? name,
    where: folder,
    files: Object.values(files),
    options: { format: 'idx', version: 1, classes: named?.classes ?? null, flip: named?.flip ?? false },
    notes: [],
    async decode({ progress, scratch: path, signal }) {
      const scratch = scratchAt(path);
      const train = await readPart(files['train-images'].path, files['train-labels'].path, scratch, signal);
      progress({ kind: 'decode', done: train.labels.length, total: train.labels.length });
      signal?.throwIfAborted();
      const test = await readPart(files['t10k-images'].path, files['t10k-labels'].path, scratch, signal);
      if (train.height !== test.height || train.width !== test.width)
        throw new UserError(
          `${files['t10k-images'].path}: images of ${test.height} × ${test.width} pixels, training images of ${train.height} × ${train.width}`,
        );
      const classes = named?.classes ?? classesOf(train);
      checkLabels(files['train-labels'].path, train.labels, classes.length);
      checkLabels(files['t10k-labels'].path, test.labels, classes.length);
      const shape = { channels: 1, height: train.height, width: train.width };
      return {
        classes,
        shape,
        train: { images: train.images, labels: train.labels },
        test: { images: test.images, labels: test.labels },
        ...(await inSteps(measuring(train.images, shape), signal)),
        flip: named?.flip ?? false,
      };
    },
  };
}

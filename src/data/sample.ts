/**
 * Which files of a layout are decoded where few images train. Chosen by class and the order of names before anything is read, so the
 * same folder gives the same sample, and a smaller one is part of a larger one. Pure.
 */
import { formatWhole, plural } from '../util/words.ts';
import type { LabelledFile, Layout } from './layout.ts';
import type { Reading } from './reading.ts';
import { splitDataset, stratified } from './split.ts';

/** Test images of a sample, at most: a standard error of 0.5 % at an accuracy of 50 %. */
const mostTest = 10_000;
/** Of the training images, what is held out to test where there is no test part. */
export const heldOut = 0.15;

export interface SampledLayout extends Layout {
  /** Whether the test images were training images, and may have the same content as others. */
  readonly isHeldOut: boolean;
  /** How many training images there are in all. */
  readonly sampledFrom: number;
}

const labelsOf = (files: readonly LabelledFile[]): Uint16Array => Uint16Array.from(files, ({ label }) => label);
const at = (files: readonly LabelledFile[], indices: Uint32Array): readonly LabelledFile[] =>
  Array.from(indices, (index) => files[index] as LabelledFile);

/** The files that are decoded; undefined where that is all of them. */
export function sampleLayout(layout: Layout, sample: Reading['sample']): SampledLayout | undefined {
  if (sample === undefined) return undefined;
  const { classes, validation: given, notes } = layout;
  const split = (hash: string, files: readonly LabelledFile[], validating: number | undefined, share: number, images: number) =>
    splitDataset(
      { classes, hash, validationImages: validating, train: { labels: labelsOf(files) } },
      { validation: share, images },
    );
  const isHeldOut = layout.test === undefined;
  const { train: kept, validation: held } = isHeldOut
    ? split('test files', layout.train, undefined, heldOut, Infinity)
    : { train: Uint32Array.from(layout.train.keys()), validation: new Uint32Array() };
  const training = [...at(layout.train, kept), ...(given ?? [])];
  const used = split('files', training, given?.length, sample.validation, sample.images);
  if (used.train.length + used.validation.length === training.length) return undefined;
  const allTest = layout.test ?? at(layout.train, held);
  const test = at(
    allTest,
    stratified(
      allTest.map(({ label }) => label),
      classes.length,
      'test files',
      mostTest,
    ),
  );
  const [train, validation] = [at(training, used.train), at(training, used.validation)];
  const counts = `${plural(train.length, 'training image')}, ${formatWhole(validation.length)} that validate`;
  const all = formatWhole(layout.train.length + (given?.length ?? 0) + (layout.test?.length ?? 0));
  return {
    classes,
    train,
    validation: validation.length === 0 ? undefined : validation,
    test,
    notes: [...notes, `a sample of its ${all} images is decoded: ${counts} and ${formatWhole(test.length)} that test`],
    isHeldOut,
    sampledFrom: training.length,
  };
}

/** The models in test/fixtures/onnx, which its make.py made. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noFiles } from '../../src/formats/onnx/read/external.ts';
import { openClassifier, type ClassifierFile } from '../../src/formats/onnx/read/read.ts';

/** From `dist/test/support`. */
export const fixtures = fileURLToPath(new URL('../../../test/fixtures/onnx', import.meta.url));

export const fixture = (name: string): string => join(fixtures, `${name}.onnx`);

export const fixtureNames = [
  'keras-flatten',
  'keras-global',
  'resnet-11',
  'resnet-17',
  'separable-11',
  'separable-17',
  'vgg-11',
  'vgg-17',
] as const;

export const openFixture = (name: string): ClassifierFile =>
  openClassifier(readFileSync(fixture(name)), `${name}.onnx`, noFiles(`${name}.onnx`));

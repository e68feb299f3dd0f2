/**
 * The options of a search: one row each, in the order of help and pages. The command line, its help, the form of the dashboard
 * and the checks of the library are made from this table, so that a new option is a row here.
 */
import { z } from 'zod';
import { convolutionSummaries, deviceSummaries, engineSummaries } from '../engine/names.ts';
import { methods, type MethodName } from '../search/methods/table.ts';
import { presetSummaries } from '../search/settings.ts';
import { bytes, choice, count, flag, number, numbers, text, time, whole } from './kinds.ts';
import type { Options } from './option.ts';
import { assignments } from './setting-values.ts';

const methodSummaries = Object.fromEntries(Object.entries(methods).map(([name, { summary }]) => [name, summary])) as {
  readonly [Name in MethodName]: string;
};

const several = z.int().min(1).max(1024);

export const engineOption = {
  kind: choice(engineSummaries),
  group: 'Run',
  help: 'the library that computes',
  usual: 'auto',
  advanced: true,
} as const;
export const deviceOption = {
  kind: choice(deviceSummaries),
  group: 'Run',
  help: 'the device that computes',
  usual: 'cpu',
  advanced: true,
} as const;
export const dataOption = {
  kind: text('<folder>'),
  group: 'Data',
  library: 'dataFolder',
  help: 'the folder with the files of a named dataset',
  page: 'no',
} as const;

/** Options of `search` and of `plan`. */
export const planOptions = {
  preset: { kind: choice(presetSummaries), group: 'Run', help: 'values of the settings that are not given', usual: 'laptop' },
  budget: {
    kind: time,
    group: 'Run',
    help: 'time for everything, the final training included, such as 30m',
    usual: 'no limit',
  },
  workers: {
    kind: whole,
    group: 'Run',
    bounds: several,
    help: 'children that train at the same time',
    usual: "the processor's cores",
  },
  threads: {
    kind: whole,
    group: 'Run',
    bounds: several,
    help: 'threads of one child, at most; with --queue: the cores of the smallest machine',
    usual: 'as many as workers',
    advanced: true,
  },
  engine: engineOption,
  device: deviceOption,
  convolution: {
    kind: choice(convolutionSummaries),
    group: 'Run',
    help: 'convolution algorithms',
    usual: 'auto',
    advanced: true,
  },
  from: { kind: text('<path>'), group: 'Run', help: 'grow this network further: an .onnx model or a run', page: 'no' },

  method: { kind: choice(methodSummaries), group: 'Search', settings: ['method'], help: 'how children are trained and selected' },
  steps: { kind: whole, group: 'Search', settings: ['limits.steps'], help: 'evolutionary steps, at most' },
  seed: { kind: whole, group: 'Search', settings: ['seed'], help: 'seed of all random numbers' },
  baseline: {
    kind: flag,
    group: 'Search',
    settings: ['baseline'],
    sets: true,
    help: 'also train the start network for as many epochs as the winner, to compare',
  },
  children: { kind: whole, group: 'Search', settings: ['step.children'], help: 'children per step', advanced: true },
  mutations: { kind: whole, group: 'Search', settings: ['step.mutations'], help: 'mutations per child', advanced: true },
  epochs: { kind: whole, group: 'Search', settings: ['step.epochs'], help: 'epochs per step, over all children', advanced: true },
  eta: {
    kind: whole,
    group: 'Search',
    settings: ['step.eta'],
    help: 'one in this many children survives a rung',
    advanced: true,
  },
  widths: {
    kind: numbers,
    group: 'Search',
    settings: ['widths'],
    help: "channels of the vanilla network's blocks",
    advanced: true,
  },

  maxParams: {
    kind: count,
    group: 'Limits',
    settings: ['limits.parameters'],
    help: 'parameters of a network, such as 500k',
    label: 'Parameters, at most',
  },
  maxMacs: {
    kind: count,
    group: 'Limits',
    settings: ['limits.multiplyAdds'],
    help: 'multiply-adds per image, such as 60M',
    label: 'Multiply-adds, at most',
  },
  maxMemory: {
    kind: bytes,
    group: 'Limits',
    settings: ['limits.memory'],
    help: 'memory of one worker, such as 2G',
    usual: '85 % of what is free, shared by the workers',
    label: 'Memory, at most',
    advanced: true,
  },

  data: dataOption,
  images: {
    kind: count,
    group: 'Data',
    settings: ['images'],
    help: 'training images used, at most, such as 12k',
    label: 'Training images',
  },
  imageSize: {
    kind: whole,
    group: 'Data',
    bounds: z.int().min(1).max(4096),
    help: 'side of the images in pixels, for folders of images',
    usual: 'their own, up to 64',
  },
  noFlip: {
    kind: flag,
    group: 'Data',
    settings: ['augmentation.flip'],
    sets: false,
    help: 'do not mirror images',
    advanced: true,
  },
  noShift: {
    kind: flag,
    group: 'Data',
    settings: ['augmentation.shift'],
    sets: 0,
    help: 'do not shift images',
    advanced: true,
  },
  noCutout: {
    kind: flag,
    group: 'Data',
    settings: ['augmentation.cutout'],
    sets: 0,
    help: 'do not cut squares out of images',
    advanced: true,
  },
  noMixup: {
    kind: flag,
    group: 'Data',
    settings: ['augmentation.mixup'],
    sets: 0,
    help: 'do not mix pairs of images',
    advanced: true,
  },
  noNormalise: {
    kind: flag,
    group: 'Data',
    settings: ['augmentation.normalise'],
    sets: false,
    help: 'use pixels from 0 to 1 without normalisation',
    label: 'No normalisation',
    advanced: true,
  },

  batch: {
    kind: whole,
    group: 'Training',
    settings: ['batch'],
    help: 'images per minibatch',
    label: 'Batch size',
    advanced: true,
  },
  vanillaEpochs: {
    kind: whole,
    group: 'Training',
    settings: ['vanilla.epochs'],
    help: 'epochs of the vanilla network',
    advanced: true,
  },
  finalEpochs: {
    kind: whole,
    group: 'Training',
    settings: ['final.epochs'],
    help: 'epochs of the final training',
    advanced: true,
  },
  rate: {
    kind: number,
    group: 'Training',
    settings: ['step.rate', 'vanilla.rate'],
    help: 'learning rate of the vanilla network and of steps',
    label: 'Learning rate',
    advanced: true,
  },
  finalRate: {
    kind: number,
    group: 'Training',
    settings: ['final.rate'],
    help: 'learning rate of the final training',
    label: 'Final learning rate',
    advanced: true,
  },
  set: { kind: assignments, group: 'Training', settings: [], help: 'any other setting; can be given again', page: 'no' },
} as const satisfies Options;

/** Where jobs are put for workers on other machines. */
export const queueOptions = {
  queue: {
    kind: text('<address>'),
    group: 'Run',
    help: 'put jobs there for workers: redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE',
    page: 'no',
  },
  store: {
    kind: text('<address>'),
    group: 'Run',
    help: 'where data and checkpoints are exchanged: file:DIR or s3://bucket/prefix',
    page: 'no',
  },
  mixed: {
    kind: flag,
    group: 'Run',
    help: 'with --queue: also use workers that differ in engine, processor, Node or Instar',
    page: 'no',
  },
} as const satisfies Options;

/** What `search` has beyond `plan`. */
export const runOptions = {
  vanilla: { kind: text('<run>'), group: 'Run', help: 'use the trained vanilla network of that run', page: 'no' },
  run: { kind: text('<folder>'), group: 'Run', help: "the run's folder", usual: 'a new one in runs/', page: 'no' },
} as const satisfies Options;

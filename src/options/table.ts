/**
 * The options of a search: one row each, in the order of help and pages. The command line, its help, the form of the dashboard
 * and the checks of the library are made from this table, so that a new option is a row here.
 */
import { z } from 'zod';
import { edgeSummaries, policySummaries } from '../data/augmentation/augmentation.ts';
import { fitSummaries } from '../data/fit.ts';
import { pixelScales } from '../data/pixel-scales.ts';
import { convolutionSummaries, deviceSummaries, engineSummaries, precisionSummaries } from '../engine/names.ts';
import { startNetworks } from '../network/start.ts';
import { methods } from '../search/methods/table.ts';
import { targets } from '../search/targets.ts';
import { presetSummaries } from '../search/settings.ts';
import { bytes, choice, colour, count, flag, freezing, latency, number, numbers, reference, text, time, whole } from './kinds.ts';
import type { Option, Options } from './option.ts';
import { assignments } from './setting-values.ts';

/** The summaries of a table's rows. */
const summariesOf = <Name extends string>(rows: { readonly [Key in Name]: { readonly summary: string } }) =>
  Object.fromEntries(Object.entries<{ summary: string }>(rows).map(([name, { summary }]) => [name, summary])) as {
    readonly [Key in Name]: string;
  };

type InGroup<Rows> = { readonly [Key in keyof Rows]: Rows[Key] & Pick<Option, 'group' | 'advanced' | 'page'> };

/** Makes groups: rows with what they share. */
const grouping =
  (shared: Pick<Option, 'advanced' | 'page'>) =>
  <Rows extends Options>(name: string, rows: Rows) =>
    Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, { ...row, group: name, ...shared }])) as InGroup<Rows>;

export const group = grouping({});
const advanced = grouping({ advanced: true });
const offPage = grouping({ page: 'no' });
const several = z.int().min(1).max(1024);

export const engineOption = { kind: choice(engineSummaries), help: 'the library that computes', usual: 'auto' };
export const deviceOption = { kind: choice(deviceSummaries), help: 'the device that computes', usual: 'cpu' };
export const dataOption = { kind: text('<folder>'), library: 'dataFolder', help: 'the folder with the files of a named dataset' };

export const labelOptions = {
  labels: { kind: text('<file>'), help: 'a table (CSV, TSV) with the labels of images', usual: 'found beside the images' },
  labelColumn: { kind: text('<column>'), help: 'its column of labels: a name, or a number from 1', usual: 'found by content' },
};

/** Of every command that takes models of others. */
export const pixelOptions = {
  pixels: {
    kind: choice(pixelScales),
    help: 'scale of the pixels that the model takes',
    usual: 'as the file says, else found by trying',
  },
  mean: { kind: numbers, help: 'mean that is taken off them, of each channel or of all, such as 0.485,0.456,0.406', usual: '0' },
  std: {
    kind: numbers,
    bounds: z.array(z.number().positive()).min(1),
    help: 'deviation that they are divided by, of each channel or of all',
    usual: '1',
  },
} as const;

/** Of every command that reads data. */
export const cacheOption = {
  cache: {
    kind: text('<folder>'),
    group: 'Data',
    help: 'the folder where decoded data is kept',
    usual: 'INSTAR_CACHE, else ~/.cache/instar',
  },
} as const;

/** Options of `search` and of `plan`. */
export const planOptions = {
  ...group('Run', {
    preset: {
      kind: choice(presetSummaries),
      help: 'values of the settings that are not given',
      usual: 'auto; with --from tune',
      goesWith: { tune: 'from' },
    },
    budget: { kind: time, help: 'time for everything, the final training included, such as 30m', usual: 'no limit' },
    work: {
      kind: count,
      settings: ['work'],
      help: 'multiply-adds of training in all, such as 30T: no clock decides anything',
      usual: 'at most 30T, by the data',
    },
    workers: { kind: whole, bounds: several, help: 'children that train at the same time', usual: "the processor's cores" },
  }),
  ...advanced('Run', {
    threads: {
      kind: whole,
      bounds: several,
      help: 'threads of one child, at most; with --queue: the cores of the smallest machine',
      usual: 'as many as workers',
    },
    engine: engineOption,
    device: deviceOption,
    convolution: { kind: choice(convolutionSummaries), help: 'convolution algorithms', usual: 'auto' },
    precision: { kind: choice(precisionSummaries), help: 'precision of convolutions in training', usual: 'auto' },
  }),
  ...group('Run', {
    from: {
      kind: reference,
      help: 'begin with this network: an .onnx model, a run, or an address with its hash, https://HOST/net.onnx#sha256=DIGITS',
      label: 'Trained start',
    },
  }),
  ...advanced('Run', {
    pixels: {
      ...pixelOptions.pixels,
      help: 'with --from: scale of the pixels that its model takes',
      label: 'Pixels of a trained start',
    },
    mean: {
      ...pixelOptions.mean,
      help: 'with --from: mean that is taken off them, of each channel or of all',
      label: 'Mean of its pixels',
    },
    std: { ...pixelOptions.std, help: 'with --from: deviation that they are divided by', label: 'Deviation of its pixels' },
  }),
  ...group('Search', {
    method: {
      kind: choice(summariesOf(methods)),
      settings: ['method'],
      help: 'how children are trained and selected',
      goesWith: { tune: 'from' },
    },
    steps: { kind: whole, settings: ['limits.steps'], help: 'evolutionary steps, at most' },
    seed: { kind: whole, settings: ['seed'], help: 'seed of all random numbers' },
    baseline: {
      kind: flag,
      settings: ['baseline'],
      sets: true,
      help: 'also train the start network for as many epochs as the winner, to compare',
    },
  }),
  ...advanced('Search', {
    children: { kind: whole, settings: ['step.children'], help: 'children per step' },
    mutations: { kind: whole, settings: ['step.mutations'], help: 'mutations per child' },
    epochs: { kind: whole, settings: ['step.epochs'], help: 'epochs per step, over all children' },
    eta: { kind: whole, settings: ['step.eta'], help: 'one in this many children survives a rung' },
    start: {
      kind: choice(summariesOf(startNetworks)),
      settings: ['start.network'],
      help: 'the network that a search starts from',
    },
    widths: { kind: numbers, settings: ['widths'], help: "channels of the start network's blocks, or of its stem and stages" },
  }),
  ...group('Limits', {
    target: {
      kind: choice(summariesOf(targets)),
      help: 'a class of devices: sets limits, which other options replace',
      usual: 'none',
      label: 'Device',
    },
    maxParams: {
      kind: count,
      settings: ['limits.parameters'],
      help: 'parameters of a network, such as 500k',
      label: 'Parameters, at most',
    },
    maxMacs: {
      kind: count,
      settings: ['limits.multiplyAdds'],
      help: 'multiply-adds per image, such as 60M',
      label: 'Multiply-adds, at most',
    },
  }),
  ...group('Limits', {
    maxBytes: {
      kind: bytes,
      settings: ['limits.bytes'],
      help: 'bytes of the weights of an int8 export, such as 96k',
      label: 'Bytes of int8 weights, at most',
    },
    maxActivations: {
      kind: bytes,
      settings: ['limits.activations'],
      help: 'bytes of working memory of an int8 export as C, such as 64k',
      label: 'Bytes of working memory, at most',
    },
    maxLatency: {
      kind: latency,
      settings: ['limits.latency'],
      help: 'time for one image in ONNX Runtime on one thread of this machine, predicted, such as 5ms',
      label: 'Latency, at most',
    },
  }),
  ...advanced('Limits', {
    maxMemory: {
      kind: bytes,
      settings: ['limits.memory'],
      help: 'memory of one worker, such as 2G',
      usual: '85 % of what is free, shared by the workers',
    },
  }),
  ...offPage('Data', { data: dataOption, labels: labelOptions.labels }),
  ...advanced('Data', { labelColumn: labelOptions.labelColumn }),
  ...group('Data', {
    images: { kind: count, settings: ['images'], help: 'training images used, at most, such as 12k', label: 'Training images' },
    imageSize: {
      kind: whole,
      bounds: z.int().min(1).max(4096),
      help: 'side of the images in pixels, for folders of images',
      usual: 'their own, up to 64',
    },
    fit: {
      kind: choice(fitSummaries),
      help: 'how images of a folder become squares',
      usual: 'pad where crop would cut a twentieth of the pixels or more',
    },
  }),
  ...group('Data', {
    balance: {
      kind: flag,
      settings: ['balance'],
      sets: true,
      help: 'give each class as many training images, and rank by balanced accuracy',
      usual: 'on where classes differ by 10:1 or more',
    },
  }),
  ...advanced('Data', {
    background: { kind: colour, help: 'what transparent images of a folder lie on, such as #000000', usual: '#ffffff' },
    strict: { kind: flag, help: 'end with an error where a single image of a folder cannot be read' },
    noBalance: { kind: flag, settings: ['balance'], sets: false, help: 'take the training images as they are' },
    flip: {
      kind: flag,
      settings: ['augmentation.flip'],
      sets: true,
      help: 'mirror images in training, whatever a test of them says',
      usual: 'on where mirror images keep the classes apart',
    },
    noFlip: { kind: flag, settings: ['augmentation.flip'], sets: false, help: 'do not mirror images' },
    noShift: {
      kind: flag,
      settings: ['augmentation.shift'],
      sets: 0,
      help: 'do not shift images',
      usual: 'shifted where that keeps the classes apart',
    },
    noCutout: { kind: flag, settings: ['augmentation.cutout'], sets: 0, help: 'do not cut squares out of images' },
    noMixup: { kind: flag, settings: ['augmentation.mixup'], sets: 0, help: 'do not mix pairs of images' },
    alternateFlip: {
      kind: flag,
      settings: ['augmentation.alternate'],
      sets: true,
      help: 'mirror each image in every second epoch, not by chance',
    },
    edges: { kind: choice(edgeSummaries), settings: ['augmentation.edges'], help: 'what shifts bring in' },
    crop: {
      kind: number,
      settings: ['augmentation.crop'],
      help: 'smallest share of the area that a random crop keeps; 1: no crops',
    },
    jitter: {
      kind: number,
      settings: ['augmentation.brightness', 'augmentation.contrast', 'augmentation.saturation'],
      help: 'largest random change of brightness, contrast and saturation, such as 0.4',
    },
    policy: { kind: choice(policySummaries), settings: ['augmentation.policy'], help: 'random operations on images' },
    smoothing: { kind: number, settings: ['augmentation.smoothing'], help: 'label smoothing, such as 0.1' },
    noNormalise: { kind: flag, settings: ['augmentation.normalise'], sets: false, help: 'do not normalise pixels: 0 to 1' },
  }),
  ...advanced('Training', {
    batch: { kind: whole, settings: ['batch'], help: 'images per minibatch' },
    vanillaEpochs: { kind: whole, settings: ['vanilla.epochs'], help: 'epochs of the vanilla network' },
    freeze: {
      kind: freezing,
      settings: ['optimizer.freeze'],
      help: 'keep the first so many layers of a given network, or all-but-head, as they are',
    },
    firstRate: {
      kind: number,
      settings: ['optimizer.firstRate'],
      help: "what the learning rate of the first layer is of the last one's, such as 0.1",
    },
    finalEpochs: { kind: whole, settings: ['final.epochs'], help: 'epochs of the final training' },
    rate: { kind: number, settings: ['step.rate', 'vanilla.rate'], help: 'learning rate of the vanilla network and of steps' },
    finalRate: { kind: number, settings: ['final.rate'], help: 'learning rate of the final training' },
  }),
  ...offPage('Training', { set: { kind: assignments, settings: [], help: 'any other setting; can be given again' } }),
};

/** Where jobs are put for workers on other machines. */
export const queueOptions = offPage('Run', {
  queue: {
    kind: text('<address>'),
    help: 'put jobs there for workers: redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE',
  },
  store: { kind: text('<address>'), help: 'where data and checkpoints are exchanged: file:DIR or s3://bucket/prefix' },
  mixed: { kind: flag, help: 'with --queue: also use workers that differ in engine, processor, Node or Instar' },
});

/** What `search` has beyond `plan`. */
export const runOptions = offPage('Run', {
  vanilla: { kind: text('<run>'), help: 'use the trained vanilla network of that run' },
  run: { kind: text('<folder>'), help: "the run's folder", usual: 'a new one in runs/' },
});

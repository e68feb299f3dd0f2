/** The options of each command beside the table of those of a search. */
import { z } from 'zod';
import { fitSummaries } from '../data/fit.ts';
import { bytes, choice, flag, text, time, whole, type Kind } from './kinds.ts';
import type { Options, Values } from './option.ts';
import { viewSummaries } from '../network/views.ts';
import {
  cacheOption,
  dataOption,
  labelOptions,
  deviceOption,
  engineOption,
  group,
  pixelOptions,
  planOptions,
  queueOptions,
  runOptions,
} from './table.ts';

const atLeastOne = z.int().min(1);
const json = { kind: flag, help: 'print JSON' };
const events = { kind: flag, group: 'Run', help: 'print the events of the journal as JSON lines' };
const engineOfRun = { ...engineOption, usual: "the run's" };
const data = dataOption;
const cache = { cache: { ...cacheOption.cache, group: 'Options' } };

const views = {
  kind: choice(viewSummaries),
  help: 'whose logits are averaged; for networks that were trained with mirrored images',
  usual: 'image',
};

/** Without a file it is a switch, whose text is ''. */
const optionalFile: Kind<string> = {
  ...text('[file]'),
  schema: z.string(),
  read: (given) => ({ value: given }),
};

/** `/tools/instar/`; the last slash may be missing. */
const basePath: Kind<string> = {
  ...text('<path>'),
  read: (given) =>
    /^\/(?:(?!\.{1,2}(?:\/|$))[\w.~-]+\/)*(?:(?!\.{1,2}$)[\w.~-]+)?$/.test(given)
      ? { value: given.replace(/\/?$/, '/') }
      : { wrong: 'must be a path such as /tools/instar/, of letters, digits and ._~-' },
};

/** `tools.example.org,10.0.0.7`. */
const hostNames: Kind<readonly string[]> = {
  argument: '<names>',
  field: 'text',
  schema: z.array(z.string()),
  read(given) {
    const names = given
      .toLowerCase()
      .split(',')
      .map((name) => name.trim().replace(/^\[(.*)\]$/, '$1'));
    const isName = (name: string): boolean => /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/.test(name) || z.ipv6().safeParse(name).success;
    return names.every(isName) ? { value: names } : { wrong: 'must be host names without ports, such as tools.example.org' };
  },
};

export const modelOptions = group('ONNX files', {
  ...pixelOptions,
  fit: { kind: choice(fitSummaries), help: 'how images are brought to size', usual: 'as the file says, else crop' },
  maxMemory: { kind: bytes, help: 'memory of the process that runs it', usual: '4G' },
  timeout: { kind: time, help: 'time to open it, and for each batch', usual: '2m' },
});

export const commandOptions = {
  search: { ...planOptions, ...cacheOption, ...runOptions, ...queueOptions, json: events },
  plan: { ...planOptions, ...cacheOption, json: { ...json, group: 'Run' } },
  resume: {
    budget: {
      ...planOptions.budget,
      kind: { ...time, read: (added: string) => time.read(added.replace(/^\+/, '')) },
      help: 'more time, such as +10m',
      usual: '',
    },
    queue: queueOptions.queue,
    store: queueOptions.store,
    mixed: { ...queueOptions.mixed, help: 'resume with another engine, processor or Node; results can then differ' },
    data: { kind: text('<path>'), help: "where the run's data lies now", usual: 'where it was' },
    ...cache,
    json: events,
  },
  show: { json },
  front: { json },
  report: {
    out: { kind: text('<file>'), help: 'where to write it', usual: "report.html in the run's folder" },
    figures: { kind: text('<folder>'), help: 'also write each figure as an SVG file' },
    ...cache,
  },
  study: {
    folder: { kind: text('<folder>'), help: 'the folder of its runs', usual: "runs/ and the file's name" },
    jobs: { kind: whole, bounds: atLeastOne, help: 'runs at the same time', usual: "the processor's cores" },
    data,
    ...labelOptions,
    ...cache,
    mixed: { kind: flag, help: 'also resume runs of another processor, engine or Node; results can then differ' },
  },
  worker: {
    queue: { ...queueOptions.queue, group: 'Options', help: 'redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE' },
    store: { ...queueOptions.store, group: 'Options', help: 'file:DIR or s3://bucket/prefix' },
    jobs: { kind: whole, bounds: atLeastOne, help: 'jobs at the same time, at most', usual: 'as many as threads' },
    threads: {
      kind: whole,
      bounds: atLeastOne,
      help: 'threads of all jobs together',
      usual: 'as many as jobs, else the cores of this machine',
    },
    engine: engineOption,
    device: deviceOption,
    cache: {
      kind: text('<folder>'),
      help: 'the folder for checkpoints and data',
      usual: "one of this worker's own below the cache",
    },
    cacheSize: { kind: bytes, help: 'size of that folder, about', usual: '10G' },
  },
  ui: {
    port: { kind: whole, bounds: z.int().min(0).max(65535), help: 'port to listen on; 0: any free port', usual: '4310' },
    host: {
      kind: text('<address>'),
      help: 'address to listen on; any other than that of this machine alone needs the token for everything',
      usual: '127.0.0.1',
    },
    base: {
      kind: basePath,
      help: 'path under which a proxy serves the dashboard, such as /tools/instar/; everything then needs the token',
      usual: '/',
    },
    allowHost: {
      kind: hostNames,
      help: 'other names of this server, such as those of a proxy, separated by commas; everything then needs the token',
    },
    data: { ...data, help: 'the folder of data sets that can be chosen on the page' },
    ...cache,
    noOpen: { kind: flag, help: 'do not open a browser' },
  },
  export: {
    onnx: { kind: text('<file>'), help: 'write it as ONNX, in f32' },
    int8: {
      kind: optionalFile,
      help: 'write it as ONNX in bytes, a quarter of the size; without a file, that of --tflite or the code of --c is in bytes; stands behind the run',
      usual: "int8.onnx in the run's folder",
    },
    c: { kind: text('<folder>'), help: 'write it as C code, network.c and network.h, into a folder of its own' },
    tflite: { kind: text('<file>'), help: 'write it as TensorFlow Lite, in f32 or with --int8 in bytes' },
    float: { kind: flag, help: 'of --tflite and --c: in f32', usual: 'unless --int8 is given' },
    symmetric: { kind: flag, help: 'of --int8: bytes around zero, for targets that ask for it' },
    step: { kind: whole, bounds: z.int().min(0), help: 'the winner of a step; 0: the start network', usual: 'the best network' },
    child: {
      kind: text('<id>'),
      help: 'a child, such as s2c3; of a step that is over its winner is kept, and what is on the front (instar front)',
    },
    views: { ...views, help: `${views.help}; the file does it` },
    ...cache,
    json,
  },
  evaluate: {
    part: {
      kind: choice({ test: 'test images', all: 'training images too' }),
      help: 'the images that are used',
      usual: "test; of a folder without test/ that is not the network's own: all",
    },
    views,
    data,
    ...labelOptions,
    ...cache,
    engine: engineOfRun,
    ...modelOptions,
    json,
  },
  predict: {
    top: { kind: whole, bounds: atLeastOne, help: 'classes per image', usual: '3' },
    views,
    engine: engineOfRun,
    ...modelOptions,
    json,
  },
  list: { json },
  settings: {},
  completion: {},
  version: {},
  help: {},
} as const satisfies Readonly<Record<string, Options>>;

export type CommandName = keyof typeof commandOptions;
/** The options that were given to a command. */
export type Given<Name extends CommandName> = Values<(typeof commandOptions)[Name]>;

/**
 * Networks of other programs, with random weights: are they read, are their logits those of ONNX Runtime, do they train, and which
 * operators grow them? Exports with `export_networks.py` what a Python that has the library can; reads every .onnx file of the folder.
 *
 *     INSTAR_BENCH_TIMM=… INSTAR_BENCH_KERAS=… INSTAR_BENCH_TORCH=… npm run bench:given -- FOLDER [NAME …]
 *
 * torchvision: Debian's python3-torchvision. timm, Keras (with tensorflow and tf2onnx), and PyTorch 2 (with torchvision, timm and
 * onnxscript): pythons that have them; what is missing is skipped. Prints a row for each file, or for all ways in which PyTorch 2
 * exports a network, and writes FOLDER/table.md. `--read`: only whether the ways of PyTorch 2 are read, and what their logits are.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-common';
import { createBatcher } from '../src/data/batches.ts';
import type { Dataset } from '../src/data/dataset.ts';
import type { Engine } from '../src/engine/engine.ts';
import { openRuntime } from '../src/engine/onnx/runtime.ts';
import { openEngine } from '../src/engine/open.ts';
import { decodeModel, encodeModel } from '../src/formats/onnx/codec.ts';
import type { ValueInfoProto } from '../src/formats/onnx/proto.ts';
import { filesBeside } from '../src/formats/onnx/read/external.ts';
import { openClassifier, type ClassifierFile, type ImportedClassifier } from '../src/formats/onnx/read/read.ts';
import { propose } from '../src/morphism/mutate.ts';
import { operatorNames } from '../src/morphism/operators.ts';
import { countParameters } from '../src/network/cost.ts';
import { printNetwork } from '../src/network/print.ts';
import { classCount } from '../src/network/shapes.ts';
import { sizeOf } from '../src/network/tensor.ts';
import { lower } from '../src/program/lower.ts';
import { certificateProblem, certify, grow, type Images } from '../src/training/grow.ts';
import { JobFailure } from '../src/training/job.ts';
import { must } from '../src/util/assert.ts';
import { random } from '../src/util/random.ts';
import { UserError } from '../src/util/user-error.ts';
import { pythonWith } from '../test/support/python.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const batch = 4;
const usualSide = 96;

const pythons: Readonly<Record<string, () => string | undefined>> = {
  torchvision: () => pythonWith('torchvision'),
  timm: () => process.env['INSTAR_BENCH_TIMM'],
  keras: () => process.env['INSTAR_BENCH_KERAS'],
  torch: () => process.env['INSTAR_BENCH_TORCH'],
};

function exportAll(folder: string): void {
  const script = join(import.meta.dirname, '../../bench/export_networks.py');
  for (const [library, pythonOf] of Object.entries(pythons)) {
    const python = pythonOf();
    if (python === undefined) say(`skipped: no Python that has ${library} is named`);
    else spawnSync(python, [script, library, folder], { stdio: 'inherit' });
  }
}

/** Images of noise. */
function noise(shape: Dataset['shape'], classes: number): Images {
  const stream = random('given networks');
  const count = 4 * batch;
  const pixels = Uint8Array.from({ length: count * shape.channels * shape.height * shape.width }, () => stream.integer(256));
  const part = { images: pixels, labels: Uint16Array.from({ length: count }, () => stream.integer(classes)) };
  const each = Array.from({ length: shape.channels }, () => 0.5);
  const names = Array.from({ length: classes }, (_none, index) => String(index));
  const common = { name: 'noise', hash: '', flip: false, classes: names, shape };
  const dataset: Dataset = { ...common, train: part, test: part, mean: each, std: each };
  const batcher = createBatcher(dataset, { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 }, batch);
  const all = Uint32Array.from({ length: count }, (_none, index) => index);
  return { dataset, batcher, batch, train: all.subarray(count / 2), validation: all.subarray(0, count / 2) };
}

/** The largest difference of logits from ONNX Runtime's of the file itself, over the largest logit. */
async function difference(engine: Engine, bytes: Uint8Array, file: ClassifierFile, read: ImportedClassifier): Promise<number> {
  const shape = must(file.image.size ?? { height: usualSide, width: usualSide }, 'size');
  const images = file.image.batch ?? 2;
  const program = lower(read.network, images, { kind: 'evaluation' });
  const session = await engine.compile(program, 'direct');
  session.load(read.tensors);
  const stream = random('pixels');
  const planes = session.input(program.images);
  const [size, range] = [shape.height * shape.width, read.brightest ?? 1];
  // What the file gets, channels first; and what the network gets: normalised, where the file does that.
  const given = planes.map(() => range * stream.float());
  const { mean = [0, 0, 0], std = [1, 1, 1] } = read.normalisation ?? {};
  planes.set(
    given.map((value, at) => {
      const channel = Math.floor(at / size) % 3;
      return read.normalisation === null ? value : (value / range - (mean[channel] as number)) / (std[channel] as number);
    }),
  );
  await session.run();
  const own = session.output(must(program.logits, 'logits')).slice();
  session.dispose();
  const isLast = file.image.layout === 'NHWC';
  const turned = isLast
    ? given.map((_zero, at) => {
        const [image, pixel, channel] = [Math.floor(at / (3 * size)), Math.floor(at / 3) % size, at % 3];
        return given[(image * 3 + channel) * size + pixel] as number;
      })
    : given;
  const extents = isLast ? [images, shape.height, shape.width, 3] : [images, 3, shape.height, shape.width];
  const model = await (await openRuntime('cpu', 1)).open(bytes);
  const [image, ...others] = inputsOf(bytes);
  // tf2onnx leaves inputs that nothing reads.
  const unread = others.map(({ name, shape: of }): [string, Tensor] => {
    const dims = (of ?? []).map((extent) => (typeof extent === 'number' ? extent : 1));
    return [name, new Tensor('float32', new Float32Array(sizeOf(dims)), dims)];
  });
  const feeds = { ...Object.fromEntries(unread), [must(image, 'input').name]: new Tensor('float32', turned, extents) };
  const found = await model.run(feeds);
  const theirs = must(Object.values(found)[0], 'output').data as Float32Array;
  await model.release();
  return compare(own, theirs, own.length / images);
}

function inputsOf(bytes: Uint8Array): readonly ValueInfoProto[] {
  const { inputs, initializers } = decodeModel(bytes, 'the file').graph;
  const constants = new Set(initializers.map(({ name }) => name));
  return inputs.filter(({ name }) => !constants.has(name));
}

/** The file may end with a softmax: then probabilities are compared. */
function compare(own: Float32Array, theirs: Float32Array, classes: number): number {
  const sum = theirs.subarray(0, classes).reduce((total, value) => total + value, 0);
  const isSoftmax = theirs.every((value) => value >= 0) && Math.abs(sum - 1) < 1e-4;
  const compared = isSoftmax
    ? Float32Array.from(
        Array.from({ length: own.length / classes }).flatMap((_none, row) =>
          softmax(own.subarray(row * classes, (row + 1) * classes)),
        ),
      )
    : own;
  const largest = Math.max(...theirs.map(Math.abs));
  return Math.max(...compared.map((value, at) => Math.abs(value - (theirs[at] as number)))) / largest;
}

function softmax(row: Float32Array): number[] {
  const most = Math.max(...row);
  const powers = Array.from(row, (value) => Math.exp(value - most));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/** The loss of a step of training. */
async function trainOnce(engine: Engine, { network, tensors }: ImportedClassifier): Promise<number> {
  const program = lower(network, batch, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } });
  const session = await engine.compile(program, 'auto');
  session.load(tensors);
  const stream = random('step');
  session.input(program.images).set(session.input(program.images).map(() => stream.normal()));
  const labels = session.input(must(program.labels, 'labels'));
  for (let image = 0; image < batch; image++) labels[(image * labels.length) / batch] = 1;
  session.input(must(program.rate, 'rate'))[0] = 1e-3;
  await session.run();
  const loss = session.output(must(program.loss, 'loss'))[0] as number;
  const isFinite = Object.values(session.save()).every(({ data }) => data.every(Number.isFinite));
  session.dispose();
  return isFinite ? loss : Number.NaN;
}

interface Growth {
  readonly applied: readonly string[];
  readonly failed: readonly string[];
  /** The largest difference of logits of a certificate. */
  readonly largest: number;
}

/** A block that could be dropped by the structure, and is no identity: the operator does not apply. */
function refusedByNumbers(error: unknown): undefined {
  if (!(error instanceof JobFailure)) throw error;
}

/** Each operator that applies, once. */
async function growAll(engine: Engine, { network, tensors }: ImportedClassifier, images: Images): Promise<Growth> {
  const parent = { network, tensors };
  const limits = { maxChannels: 4096, admits: (wider: ImportedClassifier['network']) => countParameters(wider) < 2e8 };
  const [applied, failed]: [string[], string[]] = [[], []];
  let largest = 0;
  for (const name of operatorNames) {
    const stream = random('operator', name);
    const proposal = propose(name, network, limits, stream);
    if (proposal === undefined) continue;
    const still = (): Promise<void> => Promise.resolve();
    const child = await grow(engine, parent, [proposal.edit], images, stream, still).catch(refusedByNumbers);
    if (child === undefined) continue;
    const certificate = await certify(engine, parent, child, images, stream, still);
    largest = Math.max(largest, certificate.evaluation);
    const problem = certificateProblem(certificate, [proposal.edit]);
    if (problem === undefined) applied.push(name);
    else failed.push(`${name}: ${problem}`);
  }
  return { applied, failed, largest };
}

interface Opened {
  readonly bytes: Uint8Array;
  readonly file: ClassifierFile;
  readonly read: ImportedClassifier;
}

/** With the numbers that lie in another file: ONNX Runtime gets the bytes alone. */
function embedded(bytes: Uint8Array, path: string): Uint8Array {
  const model = decodeModel(bytes, path);
  const { initializers } = model.graph;
  if (initializers.every(({ external }) => external === undefined)) return bytes;
  const files = filesBeside(path, path);
  const whole = initializers.map(({ external, ...tensor }) => {
    const { location = '', offset = '0', length = '0' } = external ?? {};
    return external === undefined
      ? tensor
      : { ...tensor, raw: files.read(location, Number(offset), Number(length), tensor.name) };
  });
  return encodeModel({ ...model, graph: { ...model.graph, initializers: whole } });
}

/** A string says why the file is refused. */
function open(folder: string, name: string): Opened | string {
  const path = join(folder, name);
  const bytes = new Uint8Array(readFileSync(path));
  try {
    const file = openClassifier(bytes, name, filesBeside(path, name));
    const read = file.read({ channels: 3, ...(file.image.size ?? { height: usualSide, width: usualSide }) });
    return { bytes: embedded(bytes, path), file, read };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message.slice(name.length + 2);
  }
}

interface Trained extends Growth {
  readonly trains: boolean;
}

async function train(engine: Engine, { file, read }: Opened): Promise<Trained> {
  const shape = { channels: 3, ...(file.image.size ?? { height: usualSide, width: usualSide }) };
  const loss = await trainOnce(engine, read);
  const grown = await growAll(engine, read, noise(shape, classCount(read.network)));
  return { ...grown, trains: Number.isFinite(loss) };
}

const cellsOf = (all: readonly Trained[]): readonly string[] => [
  all.every(({ trains }) => trains) ? 'yes' : 'no',
  [...new Set(all.flatMap(({ applied, failed }) => [...applied, ...failed]))].join(', '),
  Math.max(0, ...all.map(({ largest }) => largest)).toExponential(1),
];

async function rowOf(engine: Engine, folder: string, name: string): Promise<readonly string[]> {
  const [origin = '', ...rest] = name.slice(0, -'.onnx'.length).split('-');
  const label = [rest.join('-'), origin];
  const opened = open(folder, name);
  if (typeof opened === 'string') return [...label, 'no', '', '', opened, ''];
  try {
    const distance = await difference(engine, opened.bytes, opened.file, opened.read);
    return [...label, 'yes', distance.toExponential(1), ...cellsOf([await train(engine, opened)])];
  } catch (error) {
    return [...label, 'yes', '', '', `fails: ${(error as Error).message}`, ''];
  }
}

/** All files of a network. What they give is trained and grown once where it is the same. */
async function rowOfWays(
  engine: Engine,
  folder: string,
  stem: string,
  names: readonly string[],
  grows: boolean,
): Promise<readonly string[]> {
  const trained = new Map<string, Trained>();
  const refused: string[] = [];
  let largest = 0;
  for (const name of names) {
    const way = name.slice(stem.length + 1, -'.onnx'.length);
    const opened = open(folder, name);
    if (typeof opened === 'string') {
      refused.push(`${way}: ${opened}`);
      continue;
    }
    try {
      const distance = await difference(engine, opened.bytes, opened.file, opened.read);
      largest = Math.max(largest, distance);
      const printed = printNetwork(opened.read.network);
      say(`  ${stem} ${way}: ${distance.toExponential(1)}${trained.has(printed) ? '' : ', a network of its own'}`);
      if (grows && !trained.has(printed)) trained.set(printed, await train(engine, opened));
    } catch (error) {
      refused.push(`${way} fails: ${(error as Error).message}`);
    }
  }
  const [origin = '', ...rest] = stem.split('-');
  const [trains = '', operators = '', certificate = ''] = trained.size === 0 ? [] : cellsOf([...trained.values()]);
  const last = [[operators, ...refused].filter((part) => part !== '').join('; '), certificate];
  return [
    rest.join('-'),
    origin,
    `${names.length - refused.length} of ${names.length}`,
    largest.toExponential(1),
    trains,
    ...last,
  ];
}

const heading = [
  'network',
  'from',
  'read',
  'logits differ by',
  'trains a step',
  'operators that apply; or why it is refused',
  'largest certificate',
];

async function main([folder, ...given]: readonly string[]): Promise<void> {
  const only = given.filter((one) => one !== '--read');
  const grows = only.length === given.length;
  if (folder === undefined) throw new UserError('usage: given-networks.js FOLDER [NAME …]');
  mkdirSync(folder, { recursive: true });
  if (only.length === 0) exportAll(folder);
  const engine = await openEngine('onednn', { threads: 1, environment: process.env });
  const rows: (readonly string[])[] = [heading, heading.map(() => '---')];
  const files = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
  const chosen = files.toSorted().filter((one) => only.length === 0 || only.some((part) => one.includes(part)));
  // `torch-resnet18@script-11.onnx` is one way of `torch-resnet18`.
  const stemOf = (name: string): string => name.split('@')[0] as string;
  for (const stem of new Set(chosen.map(stemOf))) {
    const names = chosen.filter((name) => stemOf(name) === stem);
    const row = stem === names[0] ? await rowOf(engine, folder, stem) : await rowOfWays(engine, folder, stem, names, grows);
    rows.push(row);
    say(row.join(' | '));
    if (only.length === 0) writeFileSync(join(folder, 'table.md'), rows.map((cells) => `| ${cells.join(' | ')} |\n`).join(''));
  }
}

await main(process.argv.slice(2));

/** Damages valid models at random but reproducibly, and imports them. */
import assert from 'node:assert/strict';
import { decodeModel, encodeModel } from '../../src/formats/onnx/codec.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createBatcher } from '../../src/data/batches.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { compare } from '../../src/training/compare.ts';
import type { Shape } from '../../src/network/network.ts';
import { noFiles } from '../../src/formats/onnx/read/external.ts';
import { openClassifier, type ClassifierFile, type ImportedClassifier } from '../../src/formats/onnx/read/read.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { UserError } from '../../src/util/user-error.ts';
import { misstated } from './onnx-misstatements.ts';

/** A valid file, and the positions of its structure: bytes that are not numbers of a tensor. */
export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly structure: Uint32Array;
}

export function sampleOf(name: string, file: Uint8Array): Sample {
  const bytes = new Uint8Array(file);
  const isWeight = new Uint8Array(bytes.length);
  for (const { raw } of decodeModel(bytes, name).graph.initializers)
    if (raw !== undefined) isWeight.fill(1, raw.byteOffset, raw.byteOffset + raw.byteLength);
  const structure: number[] = [];
  isWeight.forEach((weight, at) => weight === 0 && structure.push(at));
  return { name, bytes, structure: Uint32Array.from(structure) };
}

/** Little-endian groups of seven bits. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

const oddNumbers = [
  0n,
  1n,
  2n,
  127n,
  128n,
  255n,
  4096n,
  65_537n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  -1n,
  -2n,
];

const spliced = (bytes: Uint8Array, at: number, gone: number, put: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + gone)]);

type Damage = (bytes: Uint8Array, at: number, stream: Random, samples: readonly Sample[]) => Uint8Array;

/** Kinds of damage to a file at a position. */
const damages: Readonly<Record<string, Damage>> = {
  'a bit flipped'(bytes, at, stream) {
    const copy = bytes.slice();
    copy[at] = must(copy[at], 'byte') ^ (1 << stream.integer(8));
    return copy;
  },
  'bytes overwritten'(bytes, at, stream) {
    const copy = bytes.slice();
    for (let offset = 0; offset < 1 + stream.integer(8); offset++)
      if (at + offset < copy.length) copy[at + offset] = stream.integer(256);
    return copy;
  },
  truncated: (bytes, at) => bytes.slice(0, at),
  'a piece taken out': (bytes, at, stream) => spliced(bytes, at, 1 + stream.integer(200), new Uint8Array()),
  'a piece twice'(bytes, at, stream) {
    const piece = bytes.subarray(at, at + 1 + stream.integer(2000));
    return spliced(bytes, stream.integer(bytes.length), 0, piece);
  },
  'a piece of another file'(bytes, at, stream, samples) {
    const other = stream.pick(samples).bytes;
    const from = stream.integer(other.length);
    return spliced(bytes, at, stream.integer(2) * 50, other.subarray(from, from + 1 + stream.integer(500)));
  },
  'a number replaced'(bytes, at, stream) {
    let length = 1;
    while (((bytes[at + length - 1] ?? 0) & 0x80) !== 0 && length < 10) length++;
    return spliced(bytes, at, length, varint(stream.pick(oddNumbers)));
  },
  'a number replaced by one as long'(bytes, at, stream) {
    const copy = bytes.slice();
    copy[at] = stream.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 18, 32, 64, 127]);
    return copy;
  },
};

export interface Damaged {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/**
 * The damaged file with that number, always the same. Every other file has one to three damages of its bytes, mostly in the structure;
 * the others stay well-formed, with changed content.
 */
export function damagedFile(samples: readonly Sample[], round: number): Damaged {
  const stream = random('onnx damage', round);
  if (round % 2 === 1) {
    const sample = stream.pick(samples);
    const { what, model } = misstated(decodeModel(sample.bytes, sample.name), stream);
    return { what: `${sample.name}: ${what}`, bytes: encodeModel(model) };
  }
  const sample = stream.pick(samples);
  let { bytes } = sample;
  const what: string[] = [];
  const count = 1 + (stream.float() < 0.3 ? 1 + stream.integer(2) : 0);
  for (let index = 0; index < count && bytes.length > 0; index++) {
    const kind = stream.pick(Object.keys(damages));
    const place = stream.float() < 0.9 ? sample.structure[stream.integer(sample.structure.length)] : undefined;
    const at = Math.min(place ?? stream.integer(bytes.length), bytes.length - 1);
    what.push(`${kind} at ${at}`);
    bytes = must(damages[kind], kind)(bytes, at, stream, samples);
  }
  return { what: `${sample.name}: ${what.join(', ')}`, bytes };
}

/** The imported network of a damaged file that was not refused. */
export interface Survivor extends ImportedClassifier {
  readonly shape: Shape;
  readonly image: ClassifierFile['image'];
}

/** Imports a file. Returns the message of a UserError of one line. Other errors are thrown, with the damage in their message. */
export function importDamaged({ what, bytes }: Damaged): Survivor | string {
  try {
    const file = openClassifier(bytes, 'damaged.onnx', noFiles('damaged.onnx'));
    const { height, width } = file.image.size ?? { height: 28, width: 28 };
    const channels = file.image.channels ?? 1;
    const shape = { channels, height, width };
    return { ...file.read(shape), shape, image: file.image };
  } catch (error) {
    assert.ok(error instanceof UserError, `${what}: ${error instanceof Error ? error.stack : String(error)}`);
    assert.ok(!error.message.includes('\n') && error.message.startsWith('damaged.onnx: '), `${what}: ${error.message}`);
    return error.message;
  }
}

/** Survivors with more multiply-adds are not run. Each undamaged sample has fewer. */
const mostWork = 20_000_000;

/** The tolerance of import. */
const tolerance = 1e-4;
const images = 2;

/** Two images of noise. */
function noise(shape: Shape): Dataset {
  const { channels, height, width } = shape;
  const stream = random('noise');
  const pixels = Uint8Array.from({ length: images * channels * height * width }, () => stream.integer(256));
  const part = { images: pixels, labels: new Uint16Array(images) };
  const plain = Array.from({ length: channels }, () => 0.5);
  return { name: 'noise', hash: '', classes: ['a', 'b'], shape, train: part, test: part, mean: plain, std: plain, flip: false };
}

/** The difference of an engine's logits from ONNX Runtime's for the network written as ONNX again; NaN if those are NaN. */
async function differenceOf(
  engine: Engine,
  { network, tensors, rewrite, image, brightest, normalisation, shape }: Survivor,
): Promise<number> {
  const dataset = { ...noise(shape), ...normalisation };
  const batcher = createBatcher(dataset, { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 }, images);
  const comparing = {
    network,
    tensors,
    model: rewrite(),
    input: { ...image, brightest },
    part: dataset.train,
    batcher,
    classes: 2,
  };
  return (await compare(engine, comparing, () => Promise.resolve())).difference;
}

export interface Outcome {
  readonly files: number;
  readonly networks: number;
  /** The number of survivors whose logits were compared. */
  readonly compared: number;
  /** Those of them whose damaged numbers overflow or cancel. */
  readonly unclear: readonly string[];
  /** How often each error occurred, without numbers and names. */
  readonly complaints: ReadonlyMap<string, number>;
  /** The slowest import and its milliseconds. */
  readonly slowest: { readonly milliseconds: number; readonly what: string };
  /** The largest growth of the process's memory, in bytes. */
  readonly grown: number;
}

/** Imports damaged files from number `first` on. Fails at the first that gives neither a network nor a one-line error. */
export async function fuzzImport(engine: Engine, samples: readonly Sample[], first: number, count: number): Promise<Outcome> {
  const complaints = new Map<string, number>();
  const before = process.resourceUsage().maxRSS;
  let [networks, compared] = [0, 0];
  const unclear: string[] = [];
  let slowest = { milliseconds: 0, what: '' };
  for (let round = first; round < first + count; round++) {
    const damaged = damagedFile(samples, round);
    const begun = performance.now();
    const result = importDamaged(damaged);
    const milliseconds = performance.now() - begun;
    if (milliseconds > slowest.milliseconds) slowest = { milliseconds, what: `round ${round}: ${damaged.what}` };
    if (typeof result === 'string') {
      const kind = result.replaceAll(/"(\\.|[^"\\])*"/g, '…').replaceAll(/-?\d[\d.e+×]*/g, '#');
      complaints.set(kind, (complaints.get(kind) ?? 0) + 1);
      continue;
    }
    networks++;
    if (countMultiplyAdds(result.network) > mostWork || countParameters(result.network) > mostWork) continue;
    const difference = await differenceOf(engine, result).catch((error: unknown) => {
      throw new Error(`round ${round}: ${damaged.what}: ${(error as Error).message}`);
    });
    compared++;
    if (difference <= tolerance) continue;
    unclear.push(`round ${round}: ${damaged.what}: ${difference}`);
  }
  return {
    files: count,
    networks,
    compared,
    unclear,
    complaints,
    slowest,
    grown: 1024 * (process.resourceUsage().maxRSS - before),
  };
}

/** An .onnx file of any origin: decoded here, run in a process of its own. */
import { statSync } from 'node:fs';
import { channelsLast, type Part } from '../data/dataset.ts';
import type { Scaling } from '../data/pixel-scales.ts';
import { renderingIn } from '../data/reading.ts';
import { createModelRunner } from '../execution/model-runner.ts';
import { describeClassifier, type Classifier } from '../formats/onnx/classifier.ts';
import { decodeModel } from '../formats/onnx/codec.ts';
import type { ModelProto } from '../formats/onnx/proto.ts';
import type { ExternalFiles } from '../formats/onnx/read/external.ts';
import { readStem, type Stem } from '../formats/onnx/read/read.ts';
import type { Shape } from '../network/network.ts';
import { writablePlace } from '../data/read.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import { largestModel, namedFile, namesModel, type NamedFile } from '../run/preparing/named-file.ts';
import { temporaryCache } from '../run/preparing/spare-cache.ts';
import { readNamed } from '../run/record/best.ts';
import { UserError } from '../util/user-error.ts';
import { flagOf, type Values } from '../options/option.ts';
import { dataLines } from './data-lines.ts';
import { printLines, type Io } from './io.ts';
import type { modelOptions } from './options.ts';

type Given = Values<typeof modelOptions>;

export interface OpenModel {
  /** In messages. */
  readonly where: string;
  readonly classifier: Classifier;
  /** Its beginning; null where that cannot be read. */
  readonly stem: Stem | null;
  /** Row-major (images, classes). */
  logits(part: Part, shape: Shape, scaling: Scaling): Promise<Float32Array>;
  close(): void;
}

/** Gives `use` the file that a network is named by; what an address names is downloaded first. */
export async function withNamed<T>(reference: string, io: Io, use: (file: NamedFile) => Promise<T>): Promise<T> {
  const spare = temporaryCache();
  const progress = dataLines((lines) => printLines(io.err, lines), Date.now);
  const folder = cacheFolder();
  const writable = (): Promise<string> => writablePlace({ cacheFolder: folder, spare, progress });
  try {
    return await use(await namedFile(reference, { cacheFolder: folder, writable, listener: { progress } }));
  } finally {
    spare.remove();
  }
}

const defaultMemory = 4 * 2 ** 30;
const defaultSeconds = 120;
const usualBatch = 128;

/** Images from `from` on, each channel's bytes through its table, in the layout that the model wants. */
function inputFor(
  part: Part,
  shape: Shape,
  { layout, elementType }: Classifier['input'],
  tables: readonly Float32Array[],
  from: number,
  filled: number,
  batch: number,
): { data: Uint8Array | Float32Array; shape: number[] } {
  const { channels, height, width } = shape;
  const area = height * width;
  const length = batch * channels * area;
  const data = elementType === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  const pixels = part.images.subarray(from * channels * area, (from + filled) * channels * area);
  for (let plane = 0; plane < filled * channels; plane++) {
    const table = tables[plane % channels] as Float32Array;
    for (let at = plane * area; at < (plane + 1) * area; at++) data[at] = table[pixels[at] as number] as number;
  }
  return layout === 'NCHW'
    ? { data, shape: [batch, channels, height, width] }
    : { data: channelsLast(data, shape), shape: [batch, height, width, channels] };
}

/** For each channel the number of each byte. Bytes stay as they are. */
const tablesOf = (bytes: boolean, { mean, std }: Scaling): readonly Float32Array[] =>
  mean.map((centre, channel) =>
    Float32Array.from({ length: 256 }, (_pixel, value) => (bytes ? value : (value / 255 - centre) / (std[channel] as number))),
  );

/** Refuses options of the other kind of network. */
export function checkKind(reference: string, given: Given & { readonly engine?: unknown }): void {
  const [others, kind] = namesModel(reference)
    ? [['engine'] as const, 'an .onnx file, which ONNX Runtime computes']
    : [['pixels', 'mean', 'std', 'fit', 'maxMemory', 'timeout'] as const, 'the network of a run'];
  const other = others.find((name) => given[name] !== undefined);
  if (other !== undefined) throw new UserError(`${flagOf(other)} does not apply to ${kind}`);
}

/** How its images are made of files, by `--fit` and the file's metadata. */
export const renderingFor = ({ metadata }: Classifier, { fit }: Given) => ({
  ...renderingIn(metadata),
  ...(fit === undefined ? {} : { fit }),
});

/** The external data files of the model's tensors, each read once. */
function externalOf({ graph }: ModelProto, files: ExternalFiles): { path: string; data: Uint8Array }[] {
  const held = graph.nodes.flatMap(({ attributes }) => attributes.flatMap((one) => (one.kind === 'tensor' ? [one.value] : [])));
  const locations = new Map<string, string>();
  for (const { name, external } of [...graph.initializers, ...held])
    if (external !== undefined) locations.set(external['location'] ?? '', name);
  return [...locations].map(([location, tensor]) => ({ path: location, data: files.whole(location, tensor) }));
}

/** Reads and checks the file, and opens it in a process of its own. */
export async function openForeignModel({ path, where, beside }: NamedFile, given: Given): Promise<OpenModel> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new UserError(`${where}: does not exist`);
  if (!stat.isFile()) throw new UserError(`${where}: is not a file`);
  if (stat.size > largestModel) throw new UserError(`${where}: is larger than an ONNX file can be`);
  const bytes = await readNamed(path);
  const model = decodeModel(bytes, where);
  const classifier = describeClassifier(model, where);
  const files = beside(where);
  const stem = readStem(model, bytes.length, where, files);
  const { maxMemory: memory = defaultMemory, timeout: seconds = defaultSeconds } = given;
  const runner = createModelRunner(where, { memory, seconds });
  try {
    await runner.open(bytes, externalOf(model, files));
  } catch (error) {
    runner.close();
    throw error;
  }
  const { input, output } = classifier;
  return {
    where,
    classifier,
    stem,
    async logits(part, shape, scaling) {
      const tables = tablesOf(input.elementType === 'uint8', scaling);
      const images = part.labels.length;
      const batch = input.batch ?? Math.min(usualBatch, Math.max(1, images));
      let all: Float32Array | undefined;
      let count = 0;
      for (let from = 0; from < images; from += batch) {
        const filled = Math.min(batch, images - from);
        // A model of one fixed batch gets a whole one, the rest of it black.
        const size = input.batch ?? filled;
        const request = inputFor(part, shape, input, tables, from, filled, size);
        const result = await runner.run({ input: input.name, elementType: input.elementType, ...request, output });
        const [rows = 0, classes = 0, ...rest] = result.shape;
        if (rows !== size || classes < 2 || rest.some((extent) => extent !== 1) || (count !== 0 && classes !== count))
          throw new UserError(`${where}: returns ${result.shape.join('×')} numbers for ${size} images`);
        count = classes;
        all ??= new Float32Array(images * count);
        all.set(result.data.subarray(0, filled * count), from * count);
      }
      return all ?? new Float32Array(0);
    },
    close: () => runner.close(),
  };
}

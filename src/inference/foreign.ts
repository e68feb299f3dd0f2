/** An .onnx file of any origin: decoded here, run in a process of its own. */
import { statSync } from 'node:fs';
import { channelsLast, type Part } from '../data/dataset.ts';
import type { Scaling } from '../data/pixel-scales.ts';
import { createModelRunner } from '../execution/model-runner.ts';
import { describeClassifier, type Classifier } from '../formats/onnx/classifier.ts';
import { decodeModel } from '../formats/onnx/codec.ts';
import type { ModelProto } from '../formats/onnx/proto.ts';
import type { ExternalFiles } from '../formats/onnx/read/external.ts';
import { readStem, type Stem } from '../formats/onnx/read/read.ts';
import type { Shape } from '../network/network.ts';
import type { modelOptions } from '../options/commands.ts';
import { largestModel, type NamedFile } from '../run/preparing/named-file.ts';
import { readNamed } from '../run/record/best.ts';
import { UserError } from '../util/user-error.ts';
import { createTurns } from './turns.ts';
import type { Values } from '../options/option.ts';

export type ModelOptions = Values<typeof modelOptions>;

export interface ForeignModel {
  /** In messages. */
  readonly where: string;
  readonly classifier: Classifier;
  /** Its beginning; null where that cannot be read. */
  readonly stem: Stem | null;
  /** Row-major (images, classes). */
  logits(part: Part, shape: Shape, scaling: Scaling, signal?: AbortSignal): Promise<Float32Array>;
  close(): void;
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

/** The external data files of the model's tensors, each read once. */
function externalOf({ graph }: ModelProto, files: ExternalFiles): { path: string; data: Uint8Array }[] {
  const held = graph.nodes.flatMap(({ attributes }) => attributes.flatMap((one) => (one.kind === 'tensor' ? [one.value] : [])));
  const locations = new Map<string, string>();
  for (const { name, external } of [...graph.initializers, ...held])
    if (external !== undefined) locations.set(external['location'] ?? '', name);
  return [...locations].map(([location, tensor]) => ({ path: location, data: files.whole(location, tensor) }));
}

/** Reads and checks the file, and opens it in a process of its own. */
export async function openForeignModel({ path, where, beside }: NamedFile, given: ModelOptions): Promise<ForeignModel> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new UserError(`${where}: does not exist`, 'INSTAR_NOT_FOUND');
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
  const turns = createTurns();
  return {
    where,
    classifier,
    stem,
    async logits(part, shape, scaling, signal) {
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
        const asked = { input: input.name, elementType: input.elementType, ...request, output };
        const result = await turns.take(() => runner.run(asked), signal);
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

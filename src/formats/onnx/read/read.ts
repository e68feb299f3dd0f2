/**
 * Reads a trained classifier from an untrusted .onnx file: first its input and output, then, for an image size, the network.
 * What cannot be represented is a UserError of one line that names the node and its operator. Reads external data through
 * `files`.
 */
import type { Affine } from '../../../network/affine.ts';
import type { Network, Shape } from '../../../network/network.ts';
import type { Tensors } from '../../../network/tensor.ts';
import { UserError } from '../../../util/user-error.ts';
import { classCount } from '../../../network/shapes.ts';
import { decodeModel, encodeModel } from '../codec.ts';
import type { ModelProto } from '../proto.ts';
import { constantReader } from './constant.ts';
import type { ExternalFiles } from './external.ts';
import { checkGraph } from './graph.ts';
import { classNames, imageOf, type ImageInput } from './image.ts';
import { interpret, interpretBeginning, type Beginning } from './interpret.ts';

/** The normalisation in the file: the first layer reads (pixel/255 − mean)/std. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface ImportedClassifier {
  readonly network: Network;
  readonly tensors: Tensors;
  /** Null: the model takes images that were normalised in an unknown way. */
  readonly normalisation: Normalisation | null;
  /** The model's input for a pixel of 255: 255, 1, or null where it is normalised before. */
  readonly brightest: 255 | 1 | null;
  /** What it does to its input before the first layer; null where that is nothing. */
  readonly inside: Affine | null;
  /** Class names in the order of the logits; null where the file has none. */
  readonly classes: readonly string[] | null;
  /** Lines for the user. */
  readonly notes: readonly string[];
  /** The model rewritten from what was read; input `images`, one output. It takes only numbers from the file. */
  rewrite(): Uint8Array;
}

export interface ClassifierFile {
  readonly image: ImageInput;
  readonly metadata: Readonly<Record<string, string>>;
  /** The network for images of that shape, which must be the file's where it fixes one. */
  read(shape: Shape): ImportedClassifier;
}

/** Inputs are 0 … 255 where the scale is smaller or the mean larger than normalisation of 0 … 1 would have. */
const smallScale = 1 / 16;
const largeMean = 2;

function normalisationOf(
  { scale, shift }: Affine,
  image: ImageInput,
  where: string,
): Normalisation & { readonly brightest: 255 | 1 } {
  const isByte =
    image.type === 'uint8' ||
    scale.every((factor, channel) => Math.abs(factor) < smallScale || Math.abs((shift[channel] as number) / factor) > largeMean);
  const brightest = isByte ? 255 : 1;
  const std = scale.map((factor) => 1 / (factor * brightest));
  const mean = shift.map((sum, channel) => -sum * (std[channel] as number));
  if (![...mean, ...std].every(Number.isFinite) || std.includes(0))
    throw new UserError(`${where}: its operations on the image are not a normalisation`);
  return { mean, std, brightest };
}

/** Of a model whose network may be unreadable: what it does to the image first. */
export interface Stem extends Omit<Beginning, 'normalisation'> {
  readonly inside: Affine | null;
  /** As in `ImportedClassifier`. */
  readonly normalisation: Normalisation | null;
  readonly brightest: 255 | 1 | null;
}

/** Sides that stand for those that a file does not fix. */
const anySide = 64;

/** The beginning of a model that was decoded from so many bytes; null where it cannot be read. */
export function readStem(model: ModelProto, bytes: number, where: string, files: ExternalFiles): Stem | null {
  try {
    const graph = checkGraph(model, where);
    const image = imageOf(graph, where);
    const shape = { channels: image.channels ?? 3, ...(image.size ?? { height: anySide, width: anySide }) };
    const begun = interpretBeginning(graph, image, shape, constantReader(where, files), bytes, where);
    if (begun === null) return null;
    const { normalisation: inside, network, tensors } = begun;
    const known = inside === null ? null : normalisationOf(inside, image, where);
    const normalisation = known === null ? null : { mean: known.mean, std: known.std };
    return { network, tensors, inside, brightest: known?.brightest ?? null, normalisation };
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** `where` begins the message of a UserError. */
export function openClassifier(bytes: Uint8Array, where: string, files: ExternalFiles): ClassifierFile {
  const model = decodeModel(bytes, where);
  const graph = checkGraph(model, where);
  const image = imageOf(graph, where);
  return {
    image,
    metadata: model.metadata,
    read(shape) {
      const constants = constantReader(where, files);
      const read = interpret(graph, image, shape, constants, bytes.length, where);
      const { network, tensors, notes } = read;
      const known = read.normalisation === null ? null : normalisationOf(read.normalisation, image, where);
      const names = classNames(model.metadata);
      const count = classCount(network);
      return {
        network,
        tensors,
        normalisation: known === null ? null : { mean: known.mean, std: known.std },
        brightest: known?.brightest ?? null,
        inside: read.normalisation,
        classes: names?.length === count && new Set(names).size === names.length ? names : null,
        notes,
        rewrite: () => encodeModel(read.rewritten),
      };
    },
  };
}

/**
 * Prepares the network that `--from` names, a model or a run, as the start of a search: reads it, fits it to the images and classes
 * of the data, and compares a model with ONNX Runtime on real images before anything is written.
 */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { clean } from '../../data/augmentation/augmentation.ts';
import { createBatcher } from '../../data/batches.ts';
import { fits, type Fit } from '../../data/fit.ts';
import type { PixelOptions, Scaling } from '../../data/pixel-scales.ts';
import { splitDataset, evenlySpaced } from '../../data/split.ts';
import { picked, type Dataset } from '../../data/dataset.ts';
import { factsOf } from '../../util/files.ts';
import type { Engine } from '../../engine/engine.ts';
import { openClassifier, type Normalisation } from '../../formats/onnx/read/read.ts';
import { countMultiplyAdds } from '../../network/cost.ts';
import { headOf, type Head } from '../../network/head.ts';
import { freeze, inputShapeOf, outputOf, type Layer, type Network, type Shape } from '../../network/network.ts';
import { initialTensor, parameterName, parametersOf } from '../../network/parameters.ts';
import { classCount, inferShapes } from '../../network/shapes.ts';
import type { Tensor, Tensors } from '../../network/tensor.ts';
import { flagOf } from '../../options/option.ts';
import type { Settings } from '../../search/settings.ts';
import { compare, resampled, type ModelInput } from '../../training/compare.ts';
import { certify, forMeasuring, type Grown, type Images } from '../../training/grow.ts';
import { createEvaluator } from '../../training/measure.ts';
import { measured, withNormalisations, type Normalised } from '../../training/normalised.ts';
import type { LogitComparison } from '../../training/job.ts';
import { random } from '../../util/random.ts';
import { plural } from '../../util/words.ts';
import { UserError } from '../../util/user-error.ts';
import { readBest, readNamed } from '../record/best.ts';
import { readingOf } from '../record/config.ts';
import { knownPixels, pixelOptionIn } from './given-pixels.ts';
import { largestModel, namedFile, type Fetching } from './named-file.ts';
import { isNearChance } from './pixel-evidence.ts';

interface Trained {
  readonly network: Network;
  readonly tensors: Tensors;
  /** Null: it does not say what its images are normalised by. */
  readonly normalisation: Normalisation | null;
  readonly classes: readonly string[] | null;
  readonly notes: readonly string[];
  /** Of a model: how its pixels are scaled, in words; null where it does not say it. */
  readonly pixels: string | null;
  /** What it is compared with; null for one of Instar's own. */
  readonly model: { rewrite(): Uint8Array; readonly input: ModelInput } | null;
}

/** What `--from` names, before the data is known. */
export interface Given {
  /** As it was given: a path or an address. */
  readonly reference: string;
  /** In messages: the path, or the address without its hash. */
  readonly where: string;
  /** The file's name, or that of the run's folder. */
  readonly name: string;
  readonly channels: number | null;
  /** Null: any. */
  readonly size: { readonly height: number; readonly width: number } | null;
  /** How its images were brought to size; null where that is not known. */
  readonly fit: Fit | null;
  /** The network for images of that shape, of the size that was given where one was. `own`: the data's mean and deviation. */
  read(shape: Shape, own: Scaling): Trained;
}

/** Opens a run's folder, a `best.safetensors`, or a model; what an address names is downloaded first. */
export async function openGiven(reference: string, pixels: PixelOptions, fetching: Fetching): Promise<Given> {
  const { path, where, name, beside } = await namedFile(reference, fetching);
  const facts = await factsOf(path);
  if (facts === undefined) throw new UserError(`${where}: does not exist (--from takes a model, a run or an address)`);
  if (facts.kind === 'other') throw new UserError(`${where}: neither a file nor a folder`);
  if (facts.kind === 'folder' || path.endsWith('.safetensors')) {
    const option = pixelOptionIn(pixels);
    if (option !== undefined) throw new UserError(`${flagOf(option)} does not apply to a run, which says it itself`);
    const { network, tensors, about, config } = await readBest(path, where);
    const { mean, std, classes, shape } = about;
    const trained: Trained = { network, tensors, normalisation: { mean, std }, classes, notes: [], pixels: null, model: null };
    const fit = (config?.data.reading === undefined ? about.fit : readingOf(config).fit) ?? null;
    return { reference, where, name, channels: shape.channels, size: shape, fit, read: () => trained };
  }
  if (facts.size > largestModel) throw new UserError(`${where}: ${facts.size} bytes, more than a model can have`);
  const file = openClassifier(await readNamed(path), name, beside(name));
  const { channels, size, layout, type } = file.image;
  return {
    reference,
    where,
    name,
    channels,
    size,
    fit: z
      .enum(fits)
      .nullable()
      .catch(null)
      .parse(file.metadata['fit'] ?? null),
    read(shape, own) {
      const { brightest, inside, rewrite, ...read } = file.read(shape);
      const { normalisation } = read;
      const about = { called: name, takesBytes: type === 'uint8', channelsLast: layout === 'NHWC', metadata: file.metadata };
      const found = { ...about, channels: shape.channels, inside, normalisation, brightest };
      const known = knownPixels(found, pixels, own);
      // Where nothing is done inside, it takes the images that the network reads.
      const fed = known === null || inside === null ? {} : { fed: known.input };
      const input: ModelInput = { layout, type, brightest, ...fed };
      return { ...read, normalisation: known?.seen ?? null, pixels: known?.line ?? null, model: { rewrite, input } };
    },
  };
}

/** Pixels a side that folders of images are brought to for it; null where it takes any, or images that are not square. */
export const sideOf = ({ size }: Given): number | null => (size !== null && size.height === size.width ? size.height : null);

/** A trained network that fits the data; batch normalisations that were put in are not measured yet. */
export interface Prepared extends Normalised, Pick<Given, 'reference' | 'where' | 'name'> {
  /** Null: the data's own. */
  readonly normalisation: Normalisation | null;
  readonly notes: readonly string[];
  /** As it was given, which is what is compared. */
  readonly trained: Trained;
  /** For the data's images and classes, before anything was put in. */
  readonly headed: Grown;
  /** Whether its last layer was trained for these classes, as far as is known. */
  readonly isTrained: boolean;
}

const sizeText = ({ height, width }: { readonly height: number; readonly width: number }): string => `${height}×${width}`;

/** The network for images of another size; undefined where a layer reads a whole map, or a map would vanish. */
export function resized(network: Network, shape: Shape): Network | undefined {
  const nodes = network.nodes.map((node) => (node.layer.kind === 'image' ? { ...node, layer: { ...node.layer, shape } } : node));
  const other = freeze(nodes, network.nextId);
  if (typeof inferShapes(other) === 'string') return undefined;
  const shapesOf = (of: Network): string =>
    parametersOf(of)
      .map((parameter) => parameter.shape.join('×'))
      .join();
  return shapesOf(other) === shapesOf(network) ? other : undefined;
}

interface Headed extends Grown {
  readonly notes: readonly string[];
  readonly isTrained: boolean;
}

export const withRows = (layer: Head['layer'], rows: number): Layer =>
  layer.kind === 'dense' ? { ...layer, features: rows } : { ...layer, channels: rows };

/** The head for the data's classes: its rows in their order, or a new one. */
function withClasses(given: Given, trained: Trained, network: Network, dataset: Dataset, seed: number): Headed {
  const { tensors, classes: known } = trained;
  const { classes } = dataset;
  const head = headOf(network);
  const { name, where } = given;
  if (head === null)
    throw new UserError(
      `${where}: its last layer is ${outputOf(network).layer.kind}; a dense layer or a convolution with one row a class is needed`,
    );
  const count = classCount(network);
  const rowsOf = (role: 'kernel' | 'bias'): string => parameterName(head.id, role);
  if (count !== classes.length) {
    const nodes = network.nodes.map((node) => (node === head ? { ...node, layer: withRows(head.layer, classes.length) } : node));
    const changed = freeze(nodes, network.nextId);
    const fresh: Record<string, Tensor> = { ...tensors };
    for (const parameter of parametersOf(changed))
      if (parameter.node === head.id) fresh[parameter.name] = initialTensor(parameter, random(seed, 'head of the given network'));
    const note = `${name} has ${count} classes, ${dataset.name} has ${classes.length}: its last layer is initialized again`;
    return { network: changed, tensors: fresh, notes: [note], isTrained: false };
  }
  const kept = { network, tensors, isTrained: true };
  if (known === null || known.every((label, index) => label === classes[index])) return { ...kept, notes: [] };
  if (!classes.every((label) => known.includes(label))) {
    const note = `${name} names its ${count} classes differently from ${dataset.name}: classes are matched by their order`;
    return { ...kept, notes: [note] };
  }
  const order = classes.map((label) => known.indexOf(label));
  const reordered = Object.fromEntries(
    (['kernel', 'bias'] as const).flatMap((role) => {
      const tensor = trained.tensors[rowsOf(role)];
      if (tensor === undefined) return [];
      const { shape, data } = tensor;
      const row = data.length / count;
      const result = new Float32Array(data.length);
      order.forEach((from, to) => result.set(data.subarray(from * row, (from + 1) * row), to * row));
      return [[rowsOf(role), { shape, data: result }]];
    }),
  );
  const note = `${name} has the classes in another order: the rows of its last layer are reordered`;
  return { ...kept, tensors: { ...tensors, ...reordered }, notes: [note] };
}

const isPlain = ({ mean, std }: Normalisation): boolean =>
  mean.every((value) => value === 0) && std.every((value) => value === 1);

/** A UserError where its channels are known, and are not those of the data. */
export function refuseChannels({ where, channels }: Given, name: string, ofData: number): void {
  if (channels !== null && channels !== ofData)
    throw new UserError(`${where} takes images of ${plural(channels, 'channel')}, those of ${name} have ${ofData}`);
}

/** The network for images of that size. A UserError where it takes none of them. */
export function sizedFor({ where }: Given, network: Network, name: string, shape: Shape): Network {
  const own = inputShapeOf(network);
  if (own.height === shape.height && own.width === shape.width) return network;
  const other = resized(network, shape);
  if (other === undefined)
    throw new UserError(`${where} takes images of ${sizeText(own)} only; those of ${name} are ${sizeText(shape)}`);
  return other;
}

/** The given network for the data. `normalise`: the setting. */
export function prepare(given: Given, dataset: Dataset, normalise: boolean, seed: number): Prepared {
  const { reference, where, name, size } = given;
  const { shape } = dataset;
  refuseChannels(given, dataset.name, shape.channels);
  const trained = given.read({ ...shape, ...size }, dataset);
  const notes = [...(trained.pixels === null ? [] : [trained.pixels]), ...trained.notes.map((note) => `${name}: ${note}`)];
  const network = sizedFor(given, trained.network, dataset.name, shape);
  if (network !== trained.network) {
    const own = sizeText(inputShapeOf(trained.network));
    notes.push(`${name} was made for images of ${own}; it continues with ${sizeText(shape)}, the size of ${dataset.name}`);
  }
  const { normalisation } = trained;
  if (normalisation === null) {
    // Else it is found by trying.
    if (!normalise) notes.push(`${name} has no normalisation of its images: pixels from 0 to 1 are used (--no-normalise)`);
  } else if (!normalise && !isPlain(normalisation))
    throw new UserError(`--no-normalise: ${where} was trained with images that are normalised, and says how`);
  const headed = withClasses(given, trained, network, dataset, seed);
  notes.push(...headed.notes);
  // A run's network has them, where it is to.
  const put = trained.model === null ? { ...headed, added: [] } : withNormalisations(headed);
  return { ...put, reference, where, name, normalisation, notes, trained, headed, isTrained: headed.isTrained };
}

/** What the logits may differ by, over the largest. */
const tolerance = 1e-4;
/** Images at a time, and at most. */
export const batch = 32;
export const mostImages = 256;
/** Validation images that its accuracy is measured on, at most. */
const mostMeasured = 2000;
/** Multiply-adds of a comparison, at most: about ten seconds. */
const worth = { native: 4e11, reference: 1e9 } as const;

/** The data with the network's own normalisation. */
const seenBy = ({ normalisation }: Prepared, dataset: Dataset): Dataset => ({ ...dataset, ...normalisation });

/** Images of a comparison, at most; at least one. */
export const affordable = (engine: Engine, network: Network): number =>
  Math.max(
    1,
    Math.floor((engine.fingerprint.engine === 'reference' ? worth.reference : worth.native) / countMultiplyAdds(network)),
  );

/** Compares a model with what was read from it, on images that validate; null where there is no model. */
async function compareGiven(
  prepared: Prepared,
  engine: Engine,
  dataset: Dataset,
  validation: Uint32Array,
  normalise: boolean,
): Promise<LogitComparison | null> {
  const { network, tensors, model } = prepared.trained;
  if (model === null) return null;
  const shape = inputShapeOf(network);
  const count = Math.min(mostImages, affordable(engine, network), validation.length);
  const pixels = picked(dataset.train, dataset.shape, validation.subarray(0, count));
  const part = resampled(pixels, dataset.shape, shape);
  const subject: Dataset = { ...seenBy(prepared, dataset), shape, train: part };
  const batcher = createBatcher(subject, clean(normalise), Math.min(batch, count));
  const classes = dataset.classes.length;
  const comparing = { network, tensors, model: model.rewrite(), input: model.input, part, batcher, classes };
  return compare(engine, comparing, setImmediate);
}

/** The share of the validation images that is right. */
async function accuracyOf(
  engine: Engine,
  { network, tensors }: Grown,
  { dataset, batcher, validation }: Images,
): Promise<number> {
  const evaluator = await createEvaluator(engine, network, batcher, 'direct');
  try {
    evaluator.load(tensors);
    const some = evenlySpaced(validation, Math.min(mostMeasured, affordable(engine, network)));
    return (await evaluator.measure(dataset.train, some, setImmediate)).accuracy;
  } finally {
    evaluator.dispose();
  }
}

export interface Started extends Grown {
  readonly compared: LogitComparison | null;
  readonly notes: readonly string[];
}

/**
 * The network that the search starts from: compared where it was read from a model, and with batch normalisations measured
 * where they were put in, in batches of so many images. A UserError where the model is not what it was taken for.
 */
export async function startFrom(
  prepared: Prepared,
  engine: Engine,
  dataset: Dataset,
  settings: Settings,
  size: number,
): Promise<Started> {
  const { where, name, headed, added, network, tensors } = prepared;
  const { images, validation, augmentation, seed } = settings;
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const compared = await compareGiven(prepared, engine, dataset, split.validation, augmentation.normalise);
  if (compared !== null && !(compared.difference <= tolerance))
    throw new UserError(
      `${where}: the network read from it differs from ONNX Runtime: on ${compared.images} images the logits differ by ${compared.difference.toExponential(1)} of the largest`,
    );
  const subject = seenBy(prepared, dataset);
  const data = { dataset: subject, batcher: createBatcher(subject, augmentation, size), batch: size, ...split };
  const notes: string[] = [];
  // A new head has chance accuracy.
  if (prepared.isTrained) {
    const accuracy = await accuracyOf(engine, headed, data);
    const near = isNearChance(accuracy, dataset.classes.length)
      ? ', which is near chance: what is assumed of the pixels or of the order of the classes may be wrong'
      : '';
    notes.push(`${name}: ${(100 * accuracy).toFixed(1)} % of the validation images are right before training${near}`);
  }
  if (added.length === 0) return { network, tensors, compared, notes };
  const measuring = forMeasuring(augmentation, data);
  const stream = random(seed, 'normalisations of the given network');
  const normalised = await measured(engine, headed, prepared, measuring, stream, setImmediate);
  const { evaluation, training } = await certify(engine, headed, normalised, measuring, stream, setImmediate);
  if (!(evaluation <= tolerance))
    throw new UserError(`${where}: no batch normalisation can be added after its convolutions without changing its output`);
  notes.push(
    `${name}: ${plural(added.length, 'batch normalisation is', 'batch normalisations are')} added after its convolutions, which training needs; ` +
      `logits are unchanged, the loss in training mode changes by ${(100 * training).toFixed(1)} %`,
  );
  return { ...normalised, compared, notes };
}

/** Whether a search can begin: settings, limits, memory and data against each other; and what the search knows of them. */
import { heldBytes } from '../../data/cache.ts';
import type { OperatorTimes } from '../../deploy/latency.ts';
import type { Dataset } from '../../data/dataset.ts';
import { splitDataset } from '../../data/split.ts';
import type { EngineName } from '../../engine/engine.ts';
import { memoryUse } from '../../engine/open.ts';
import { mostBytes } from '../../formats/safetensors.ts';
import { countParameters } from '../../network/cost.ts';
import type { Network } from '../../network/network.ts';
import { startNetworks } from '../../network/start.ts';
import { smallestSide } from '../../network/vanilla.ts';
import { fewestPasses, largestTensor, mostBytesOfTensor, predictMemory, predictTeacher } from '../../program/memory.ts';
import { optimizerOf, statesOf } from '../../program/learning.ts';
import { narrowEvenly } from '../../morphism/mutate.ts';
import { methods } from '../../search/methods/table.ts';
import type { Context, Origin } from '../../search/next.ts';
import { sampleStep } from '../../search/sampling.ts';
import { planRungs } from '../../search/rungs.ts';
import { learningOf, type Settings } from '../../search/settings.ts';
import { excessOf, limitedSizes, sizes, sizesOver, type LimitedSize, type SizeLimits } from '../../search/sizes.ts';
import { measuringBatchOf } from '../../training/grow.ts';
import { UserError } from '../../util/user-error.ts';
import { listed } from '../../util/words.ts';
import type { Prepared } from './origin.ts';

const formatted = (count: number): string => count.toLocaleString('en-US');

/** Bytes that a network needs, where a minibatch is computed in so many passes: of a worker, and of its largest tensor. */
export interface Needs {
  readonly passes: number;
  readonly worker: number;
  readonly tensor: number;
}

interface Bounds {
  readonly batch: number;
  readonly limits: Pick<Settings['limits'], 'memory' | 'passes'>;
}

export const noNeeds: Needs = { passes: 1, worker: 0, tensor: 0 };

const isWithin = ({ worker, tensor }: Needs, { memory }: Bounds['limits']): boolean =>
  worker <= memory && tensor <= mostBytesOfTensor;

/** With the fewest passes that the limits allow; where they allow none, with the most. `workerOf`: bytes of a worker. */
export function leastNeeds(network: Network, { batch, limits }: Bounds, workerOf: (passes: number) => number): Needs {
  let needs = noNeeds;
  fewestPasses(batch, limits.passes, (passes) => {
    // Without a limit, as in a study, memory is not predicted: that takes as long as all else of sampling a child.
    const worker = limits.memory === Number.MAX_SAFE_INTEGER ? 0 : workerOf(passes);
    needs = { passes, worker, tensor: largestTensor(network, batch / passes) };
    return isWithin(needs, limits);
  });
  return needs;
}

/** Of a worker that trains it on that data. `train`: how many images train. `given`: the network that may teach it. */
function needsOf(
  network: Network,
  settings: Settings,
  dataset: Dataset,
  train: number,
  engine: EngineName,
  given: Network | null,
): Needs {
  const { batch, distillation } = settings;
  const teacher = distillation === 0 ? null : given;
  const learning = learningOf(settings);
  return leastNeeds(network, settings, (passes) => {
    const training = batch / passes;
    const batches = { training, passes, measuring: measuringBatchOf(training, dataset.shape, train) };
    const taught = teacher === null ? 0 : predictTeacher(teacher, training, memoryUse[engine]);
    return predictMemory(network, batches, heldBytes(dataset), memoryUse[engine], learning) + taught;
  });
}

/** The limits that a given network is over, in words. */
export const sizeProblems = (limits: SizeLimits, network: Network): string[] =>
  sizesOver(network, limits).map(({ name, size, most }) => {
    const { number, words, option } = sizes[name];
    return `has ${words(size)}, over the limit of ${number(most)} (${option})`;
  });

/** The same of its checkpoints, which are files of parameters and states of the optimizer. */
function checkpointProblems(network: Network, settings: Settings): string[] {
  const learning = learningOf(settings);
  const bytes = 4 * countParameters(network) * (1 + statesOf(optimizerOf(learning), learning).length);
  return bytes <= mostBytes
    ? []
    : [`has checkpoints of ${formatted(bytes)} bytes, and a file of tensors has at most ${formatted(mostBytes)}`];
}

/** All that stands in the way of a start network, as one UserError. */
export function refuseOver(called: string, over: readonly string[], needs: Needs, { limits, batch }: Bounds): void {
  const mebibytes = (bytes: number): number => Math.floor(bytes / 2 ** 20);
  const { passes, worker, tensor } = needs;
  const it = over.length === 0 ? called : 'it';
  const at = `at batch ${batch}${passes === 1 ? '' : ` in passes of ${batch / passes}`}`;
  const problems = [
    ...(over.length === 0 ? [] : [`${called} ${over.join(' and ')}`]),
    ...(worker <= limits.memory
      ? []
      : [
          `a worker needs about ${mebibytes(worker) + 1} MiB for ${it} ${at}, over the limit of ${mebibytes(limits.memory)} MiB (--max-memory, --workers or --batch)`,
        ]),
    ...(tensor <= mostBytesOfTensor
      ? []
      : [
          `a tensor of ${it} has ${mebibytes(tensor) + 1} MiB ${at}, and none may have more than ${mebibytes(mostBytesOfTensor)} (--batch or --image-size)`,
        ]),
  ];
  if (problems.length > 0) throw new UserError(problems.join('; '));
}

/** A UserError for a method that needs a given network, where there is none. */
export function refuseWithoutGiven(method: Settings['method']): void {
  if (methods[method].tunes) throw new UserError(`--method ${method} fine-tunes a network that is given: name it with --from`);
  if (methods[method].shrinks) throw new UserError(`--method ${method} makes a given network smaller: name it with --from`);
}

/** What is wrong with the limits that a given network is to shrink to. */
function checkShrinking({ method }: Settings, limits: SizeLimits & Settings['limits'], prepared: Prepared): void {
  const { network, reference, isTrained } = prepared;
  const shown = new Set<LimitedSize>(['parameters', 'multiplyAdds', ...limitedSizes.filter((name) => limits[name] !== null)]);
  const size = (of: Network): string => {
    const words = [...shown].map((name) => sizes[name].words(sizes[name].of(of, limits.times)));
    return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
  };
  const options = (names: readonly LimitedSize[], word: 'or' | 'and'): string =>
    listed(
      names.map((name) => sizes[name].option),
      word,
    );
  if (!isTrained)
    throw new UserError(
      `--method ${method}: ${reference} does not know these classes; fine-tune it first (search with --from), and shrink the result`,
    );
  if (excessOf(network, limits) <= 1)
    throw new UserError(
      `--method ${method}: ${reference} has ${size(network)}: say with ${options(limitedSizes, 'or')} below what it is to come`,
    );
  const sizeOf = (of: Network): number => excessOf(of, limits);
  const narrowing = { limits: { maxChannels: limits.channels, admits: () => true }, sizeOf, bySaving: 0 };
  const smallest = narrowEvenly(network, { ...narrowing, isEnough: (of) => sizeOf(of) <= 1 }).network;
  if (excessOf(smallest, limits) > 1)
    throw new UserError(
      `--method ${method}: ${reference} can be narrowed to ${size(smallest)}, and the limits are below (${options(
        sizesOver(smallest, limits).map(({ name }) => name),
        'and',
      )})`,
    );
}

/** What is wrong with the settings for this data, as a UserError; with a given network too, where there is one. */
export function check(
  settings: Settings,
  dataset: Dataset,
  { train, validation, times }: Context['counts'],
  prepared: Prepared | null,
  engine: EngineName,
): void {
  const { shape, classes } = dataset;
  if (prepared === null) refuseWithoutGiven(settings.method);
  else if (methods[settings.method].shrinks) checkShrinking(settings, { ...settings.limits, times }, prepared);
  const smallest = smallestSide(settings.widths.length);
  // The staged network pools only while there is something to pool.
  const halves = prepared === null && settings.start.network === 'vanilla';
  if (halves && Math.min(shape.height, shape.width) < smallest)
    throw new UserError(
      `images of ${shape.height}×${shape.width} are too small for ${settings.widths.length} blocks: at least ${smallest}×${smallest} (--image-size, or fewer --widths)`,
    );
  if (validation === 0) throw new UserError('no image is left for validation: a class needs at least two training images');
  if (settings.batch > train) throw new UserError(`a batch of ${settings.batch} is larger than the ${train} training images`);
  if (settings.baseline && settings.final.epochs === 0)
    throw new UserError('--baseline compares with the final training, and --final-epochs 0 turns it off');
  const rungs = planRungs(settings);
  if (typeof rungs === 'string') throw new UserError(rungs);
  const needsFor = (network: Network): Needs => needsOf(network, settings, dataset, train, engine, prepared?.network ?? null);
  if (prepared !== null) {
    const { network, trained, reference } = prepared;
    // As it will be trained, and as it is compared.
    const [own, before] = [needsFor(network), needsFor(trained.network)];
    const needs = before.worker > own.worker ? before : own;
    const over = methods[settings.method].shrinks ? [] : sizeProblems({ ...settings.limits, times }, network);
    const problems = [...over, ...checkpointProblems(network, settings)];
    return refuseOver(reference, problems, needs, settings);
  }
  const { make, label } = startNetworks[settings.start.network];
  const start = make(shape, classes.length, settings.widths);
  // Its size was checked before (`refuseSmallest`).
  refuseOver(`the ${label}`, [], needsFor(start), settings);
}

/** What the search knows about its data under these settings. */
export function contextOf(
  dataset: Dataset,
  settings: Settings,
  origin: Origin | null,
  engine: EngineName,
  times?: OperatorTimes,
): Context {
  const { images, validation } = settings;
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const { shape, classes } = dataset;
  const known = new WeakMap<Network, Needs>();
  return {
    settings,
    counts: { shape, classes: classes.length, train: split.train.length, validation: split.validation.length, times },
    passesFor(network) {
      const found =
        known.get(network) ?? needsOf(network, settings, dataset, split.train.length, engine, origin?.network ?? null);
      known.set(network, found);
      return isWithin(found, settings.limits) ? found.passes : null;
    },
    startStep: sampleStep,
    ...(origin === null ? {} : { origin }),
  };
}

/**
 * Reads and checks the options of a search or a plan: engine, data, settings, given network. Writes only the cache of data.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { SpareCache } from '../../data/cache.ts';
import { countClasses } from '../../data/class-counts.ts';
import type { OperatorTimes } from '../../deploy/latency.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { LeftOut } from '../../data/left-out.ts';
import { readDataset, writablePlace, type FoundData, type Machine } from '../../data/read.ts';
import { fitWords, type Fit } from '../../data/fit.ts';
import type { PixelScale } from '../../data/pixel-scales.ts';
import { usualReading, type Reading } from '../../data/reading.ts';
import type { DataEvent } from '../../data/source.ts';
import { splitDataset } from '../../data/split.ts';
import type { ConvolutionAlgorithms, Device, Engine, EngineName } from '../../engine/engine.ts';
import { chooseEngine, openEngine } from '../../engine/open.ts';
import { freeMemory, usableProcessors } from '../../execution/resources.ts';
import type { Network, Shape } from '../../network/network.ts';
import { flagOf } from '../../options/option.ts';
import { isHeadAlone } from '../../search/head-alone.ts';
import { methods } from '../../search/methods/table.ts';
import type { Counts } from '../../search/counts.ts';
import { mostWork, planWork, settingsOfWork, tuningWork } from '../../search/work-plan.ts';
import {
  mergeSettings,
  presetFor,
  presets,
  type PresetName,
  type Settings,
  type SettingsOverride,
} from '../../search/settings.ts';
import { targets, withTarget, type TargetName } from '../../search/targets.ts';
import { UserError } from '../../util/user-error.ts';
import { check, contextOf, refuseWithoutGiven } from './check.ts';
import { withBalance, withFlip, withShift } from './from-data.ts';
import type { Precision } from '../../program/precision.ts';
import { withPixels } from './tried-pixels.ts';
import { budgetProblem, refuseGiven, seenAt, withGivenLimits } from './given-limits.ts';
import { pixelOptionIn } from './given-pixels.ts';
import { refusePrecision } from './precision.ts';
import { refuseSmallest } from './least-size.ts';
import { operatorTimes } from './operator-times.ts';
import { openGiven, prepare, refuseChannels, sideOf, type Prepared } from './origin.ts';

export interface Common {
  /** Aborting it ends the run in order: the best network is kept, and `resume` goes on from there. */
  readonly signal?: AbortSignal;
  /** Seconds without a sign of life after which a worker counts as hung, at least. Default 60. */
  readonly patience?: number;
  /** Called with progress and notes while the data is read. */
  readonly onData?: (event: DataEvent) => void;
}

/** The options of a search and of its plan. */
export interface AskedOptions extends Common {
  /** A name (`cifar10`, `mnist`, `fashion-mnist`) or a path. */
  readonly dataset: string;
  /** Default: that of the method (`presetFor`). */
  readonly preset?: PresetName;
  /** A class of devices, whose limits hold where `settings` says nothing of its own. */
  readonly target?: TargetName;
  /** Over the preset's. */
  readonly settings?: SettingsOverride;
  /** Seconds for everything, the final training included. */
  readonly budget?: number;
  /** Default `auto`: oneDNN where its library is found, else ONNX Runtime. */
  readonly engine?: EngineName | 'auto';
  /** Default `cpu`. The others are ONNX Runtime's. */
  readonly device?: Device;
  readonly convolution?: ConvolutionAlgorithms;
  /** Of the convolutions in training. Default `auto`: `bf16` where it is faster, for methods that are one training. */
  readonly precision?: Precision | 'auto';
  /** Jobs side by side. Default: the processor's cores. */
  readonly workers?: number;
  /** The most threads of one job. Default: as many as there are workers. */
  readonly threads?: number;
  /**
   * A model (.onnx), a run, or an address `https://…#sha256=…` of a model, whose network is grown further in place of the vanilla one.
   * What an address names is downloaded once, into the cache.
   */
  readonly from?: string;
  /** How the pixels are scaled that the model of `from` takes. Default: as it says, else what is found by trying. */
  readonly pixels?: PixelScale;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Where the data of a name lies. */
  readonly dataFolder?: string;
  /** A table with the labels of images. Default: found beside them. */
  readonly labels?: string;
  /** Its column of labels, a name or a number from 1. Default: found by content. */
  readonly labelColumn?: string;
  /** Pixels a side, for folders of images. */
  readonly imageSize?: number;
  /** What transparent images of a folder lie on, `#rrggbb`. Default: white. */
  readonly background?: string;
  /** How a folder's images are brought to size. Default: as those of `from` were, else what the folder asks for. */
  readonly fit?: Fit;
  /** Whether one image of a folder that cannot be read is an error. Default: such images are left out. */
  readonly strict?: boolean;
}

/** Where decoded datasets are kept: INSTAR_CACHE, else XDG_CACHE_HOME/instar, else ~/.cache/instar. */
export const cacheFolder = (): string =>
  process.env['INSTAR_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'instar');

/** What decoding asks of this machine. */
export const machine = (): Machine => ({ now: Date.now, memory: freeMemory() });

/** Seconds. */
export const defaultPatience = 60;
/** Of the memory that is free when a run begins, what its workers may plan with. */
const memoryShare = 0.85;

/** The smaller of 128 and a quarter of the training images, where the preset is not the paper's and the batch is not given. */
function withBatch(settings: Settings, options: AskedOptions, trainImages: number): Settings {
  if (options.preset === 'paper' || options.settings?.batch !== undefined) return settings;
  return { ...settings, batch: Math.max(1, Math.min(settings.batch, Math.floor(trainImages / 4))) };
}

/** Batches of the smallest data, and training images for each image of a batch. */
const leastBatch = 32;
const imagesABatch = 100;

/**
 * Smaller batches for few images, where the recipe is the preset's: an epoch of few large batches learns little. The learning rates
 * fall alike. Measured on photos (LOG.md).
 */
export function withFittedBatch(settings: Settings, given: SettingsOverride | undefined, trainImages: number): Settings {
  if (settings.work === null || given?.batch !== undefined) return settings;
  const fitting = Math.max(leastBatch, 2 ** Math.floor(Math.log2(Math.max(1, trainImages / imagesABatch))));
  const batch = Math.min(settings.batch, fitting);
  const scaled = (rate: number): number => (rate * batch) / settings.batch;
  const { vanilla, step, final } = settings;
  const rates = {
    vanilla: { rate: scaled(vanilla.rate) },
    step: { rate: scaled(step.rate) },
    final: { rate: scaled(final.rate) },
  };
  return mergeSettings(mergeSettings({ ...settings, batch }, rates), given ?? {});
}

/** Pixels a side of the images that the presets' limits of multiply-adds are of. */
const usualSide = 32;

/**
 * A preset's limit of multiply-adds for images of that shape, where none is given: a network costs as many times more as its
 * images are larger, and the limit of small ones would leave no room to grow.
 */
export function withLimit(settings: Settings, given: SettingsOverride | undefined, { height, width }: Shape): Settings {
  const { multiplyAdds } = settings.limits;
  if (multiplyAdds === null || given?.limits?.multiplyAdds !== undefined) return settings;
  const factor = Math.max(1, (height * width) / usualSide ** 2);
  return mergeSettings(settings, { limits: { multiplyAdds: Math.ceil(factor * multiplyAdds) } });
}

/**
 * The proportions of the staged network for images of that size: a stage more for each doubling of the side, with the width of the
 * first, so that the last stage sees the image as small as where the preset's widths are meant for it.
 */
export function withStages(settings: Settings, given: SettingsOverride | undefined, { height, width }: Shape): Settings {
  const { work, widths, start } = settings;
  if (work === null || given?.widths !== undefined || start.network !== 'staged') return settings;
  const more = Math.max(0, Math.min(8 - widths.length, Math.round(Math.log2(Math.min(height, width) / usualSide))));
  return {
    ...settings,
    widths: [...widths.slice(0, 1), ...Array.from({ length: more }, () => widths[0] as number), ...widths.slice(1)],
  };
}

/** What a search of a given work trains, where the method plans by work. */
function withWork(settings: Settings, given: SettingsOverride | undefined, counts: Counts, prepared: Prepared | null): Settings {
  const { method } = settings;
  if (settings.work === null) return settings;
  if (!methods[method].continuous)
    throw new UserError(`--work and --preset auto are for methods that are one training, and --method ${method} is not`);
  const usual =
    methods[method].tunes && prepared !== null
      ? tuningWork(settings, counts, prepared.network)
      : Math.min(settings.work, mostWork(counts));
  const work = given?.work ?? usual;
  return settingsOfWork(settings, work, planWork(settings, counts, work, given, prepared?.network ?? null));
}

export interface Beginning {
  readonly preset: PresetName;
  readonly workers: number;
  readonly device: Device;
  readonly engine: Engine;
  readonly engineName: EngineName;
  readonly dataset: Dataset;
  /** The decoded dataset's file. */
  readonly path: string;
  readonly settings: Settings;
  /** What `--from` names; null for the vanilla network. */
  readonly prepared: Prepared | null;
  /** Pixels a side that folders of images are brought to for it. */
  readonly side: number | null;
  /** How a folder of images was read. */
  readonly reading?: Reading;
  /** How many training images there are, where a sample of them was decoded. */
  readonly sampledFrom?: number;
  /** Images that could not be read. */
  readonly leftOut: readonly LeftOut[];
  /** What was given, the target's limits included. */
  readonly given: SettingsOverride;
  /** Pixels a side that were given for folders of images, or are the target's; null: neither. */
  readonly imageSize: number | null;
  /** Of operations, where latency is limited. */
  readonly times: OperatorTimes | undefined;
}

/** A UserError for options that do not go together, whatever the data is. */
function refuseTogether({ budget, settings, from }: AskedOptions, { method, final }: Settings): void {
  if (budget !== undefined && settings?.work !== undefined)
    throw new UserError('--budget and --work are two limits of the same: give one of them');
  if (budget !== undefined && final.epochs === 0)
    throw new UserError('--budget plans a final training, and --final-epochs 0 turns it off');
  if (from !== undefined) return;
  refuseWithoutGiven(method);
  if ((settings?.optimizer?.freeze ?? 0) !== 0)
    throw new UserError('--freeze keeps layers of a network that is given: name it with --from');
}

/** Reads and checks everything; a UserError says what is wrong. `spare`: of decoded data, where the cache cannot be written. */
export async function begin(asked: AskedOptions, spare: SpareCache): Promise<Beginning> {
  const target = asked.target === undefined ? undefined : targets[asked.target];
  const options = target === undefined ? asked : { ...asked, settings: withTarget(asked.settings, target) };
  const {
    preset = presetFor(options.settings, options.from !== undefined),
    budget,
    workers = usableProcessors(),
    device = 'cpu',
  } = options;
  const { imageSize, dataFolder, onData: progress, signal } = options;
  refuseTogether(options, mergeSettings(presets[preset], options.settings ?? {}));
  const engineName = await chooseEngine(options.engine ?? 'auto', device, process.env);
  const engine = await openEngine(engineName, { threads: 1, environment: process.env, device });
  refusePrecision(options.precision, engine);
  const pixels = pixelOptionIn(options);
  if (pixels !== undefined && options.from === undefined)
    throw new UserError(`${flagOf(pixels)}: only with --from, of the model that is given`);
  const cache = cacheFolder();
  let place: Promise<string> | undefined;
  const writable = (): Promise<string> => (place ??= writablePlace({ cacheFolder: cache, spare, progress }));
  const listener = { progress: (event: DataEvent): void => progress?.(event), ...(signal === undefined ? {} : { signal }) };
  const given =
    options.from === undefined ? null : await openGiven(options.from, options, { cacheFolder: cache, writable, listener });
  const side = given === null ? null : sideOf(given);
  const where = { cacheFolder: cache, writable, environment: process.env, dataFolder };
  const { background = usualReading.background, strict = usualReading.strict } = options;
  const fit = options.fit ?? given?.fit ?? undefined;
  const { images: most, validation: share } = mergeSettings(presets[preset], options.settings ?? {});
  const sample = most === null ? {} : { sample: { images: most, validation: share } };
  const reading = { ...usualReading, background: background.toLowerCase(), strict, fit, ...sample };
  const labels = { file: options.labels, column: options.labelColumn };
  const how = { imageSize, labels, folderSize: side ?? target?.imageSize, reading, progress, signal, machine: machine() };
  const memory = Math.floor((memoryShare * freeMemory()) / workers);
  const base = mergeSettings(presets[preset], { limits: { memory } });
  let isBudgetSaid = false;
  const sayBudget = (network: Network, height: number, images: number, settings: Settings): void => {
    if (budget === undefined || given === null || isBudgetSaid) return;
    isBudgetSaid = true;
    const train = Math.round(Math.min(images, settings.images ?? Infinity));
    const isHead = isHeadAlone(settings, network);
    const short = budgetProblem(budget, network, given.name, height, train, workers, engineName, isHead);
    if (short !== null) progress?.({ kind: 'note', message: short });
  };
  const onFound = ({ name, isFolder, classes, shape, trainImages }: FoundData): void => {
    const known = isFolder ? (imageSize ?? side ?? target?.imageSize ?? null) : (shape?.height ?? null);
    const first = mergeSettings(base, options.settings ?? {});
    const square = { channels: 3, height: known ?? usualSide, width: known ?? usualSide };
    const sized = known === null ? first : withLimit(withStages(first, options.settings, square), options.settings, square);
    if (given === null)
      refuseSmallest(sized, options.settings, {
        classes,
        size: known === null ? null : square,
        channels: shape?.channels ?? null,
      });
    else {
      if (shape !== null) refuseChannels(given, name, shape.channels);
      refuseGiven(given, name, isFolder ? known : null, sized, options.settings, engineName);
      // How many images train is known up to those that cannot be read.
      if (trainImages !== null && known !== null)
        sayBudget(seenAt(given, known, name), known, (1 - sized.validation) * trainImages, sized);
    }
  };
  const { dataset, path, leftOut, ...read } = await readDataset(options.dataset, { ...where, ...how, onFound });
  if (options.background !== undefined && read.reading === undefined)
    throw new UserError(`--background ${background}: only for folders of images`);
  if (options.fit !== undefined && read.reading === undefined)
    throw new UserError(`--fit ${options.fit}: only for folders of images`);
  if (options.fit === undefined && fit !== undefined && read.reading !== undefined)
    progress?.({ kind: 'note', message: `images are ${fitWords[fit]}, as those of ${given?.name} were (--fit changes that)` });
  const own = [withBalance, withFlip, withShift].reduce(
    (settings, decide) => decide(settings, options, dataset),
    mergeSettings(base, options.settings ?? {}),
  );
  const times =
    own.limits.latency === null
      ? undefined
      : await operatorTimes({
          cacheFolder: await writable(),
          image: dataset.shape,
          signal,
          onMeasuring: () =>
            progress?.({ kind: 'note', message: 'measuring how long operations take in ONNX Runtime, for --max-latency' }),
        });
  const { counts } = contextOf(dataset, own, null, engineName, times);
  const { validation, images } = own;
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  progress?.({ kind: 'classes', classes: countClasses(dataset, split) });
  const fromGiven = given === null ? null : prepare(given, dataset, own.augmentation.normalise, own.seed);
  const fitted = withFittedBatch(own, options.settings, counts.train);
  const staged = withStages(fitted, options.settings, dataset.shape);
  const usual = withLimit(withBatch(staged, options, counts.train), options.settings, dataset.shape);
  const limited = fromGiven === null ? usual : withGivenLimits(usual, options.settings, fromGiven.network);
  if (fromGiven === null) {
    const { height, width, channels } = dataset.shape;
    const classes = dataset.classes.length;
    refuseSmallest(limited, options.settings, { classes, size: { height, width }, channels, times });
  }
  const planned = withWork(limited, options.settings, counts, fromGiven);
  check(planned, dataset, counts, fromGiven, engineName);
  // A budget is planned when the speed of this machine is known.
  const settings = budget === undefined ? planned : limited;
  if (fromGiven !== null) sayBudget(fromGiven.network, dataset.shape.height, counts.train, settings);
  const prepared = fromGiven === null ? null : await withPixels(fromGiven, engine, dataset, own);
  for (const message of prepared?.notes ?? []) progress?.({ kind: 'note', message });
  const sized = imageSize ?? (read.reading === undefined || side !== null ? undefined : target?.imageSize) ?? null;
  const found = { preset, workers, device, engine, engineName, dataset, path, settings, prepared, side, leftOut, times, ...read };
  return { ...found, given: options.settings ?? {}, imageSize: sized };
}

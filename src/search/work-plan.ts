/**
 * What a search of a given work trains: the sizes of its networks, how many steps it has, and how it shares the work between start
 * network, steps and final training. Pure.
 */
import { countMultiplyAdds } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import { methods } from './methods/table.ts';
import type { Counts } from './counts.ts';
import { startNetwork } from './next.ts';
import { mean } from '../util/numbers.ts';
import { must } from '../util/assert.ts';
import { mergeSettings, type Settings, type SettingsOverride } from './settings.ts';
import { excessOf, keepsLimits, limitsOn, noLimits, type SizeLimits } from './sizes.ts';
import { costOfTraining, headMinibatches, teachingOf } from './work.ts';

/** Shares of the work: of the start network, of each step, of all steps at most; the final training has the rest. */
const startShare = 0.12;
const stepShare = 0.1;
const mostStepsShare = 0.3;

/**
 * The largest network, multiply-adds an image, where the work trains networks of `epochWork` for one epoch. With more work the network
 * and the epochs grow alike. By fixed networks on CIFAR-10 (`npm run lab -- sizes`, LOG.md).
 */
const usual = { multiplyAdds: 25e6, epochWork: 240e6 };
/** The largest network, multiply-adds a pixel, for 50,000 images; for fewer images less, by the square root. */
const perPixel = { multiplyAdds: 60e3, images: 50_000 };
/** Epochs of the largest network: more are not planned where no work is given. */
const mostEpochs = 300;
/** The size of a step's parent over that of its children, and the start network over the largest one at least. */
const parentSize = 0.75;
const leastStart = 0.3;
/** Epochs of the largest network for each step and each further child. */
const epochsAStep = 100;
const epochsAChild = 60;

export interface WorkPlan {
  readonly widths: readonly number[];
  readonly rounds: number;
  readonly vanillaEpochs: number;
  readonly steps: number;
  readonly children: number;
  readonly stepEpochs: number;
  /** Of the largest network, an image. */
  readonly multiplyAdds: number;
  /** Whether images are augmented more strongly than the preset says: over so many epochs a trained network would learn them by heart. */
  readonly strong?: true | undefined;
}

/** Work of the phases, as planned: start network, steps. */
export interface PlannedWork {
  readonly start: number;
  readonly steps: number;
}

/** 1, 2, 4 or 8. */
const childrenOf = (epochs: number): number => 2 ** clamp(Math.floor(Math.log2(Math.max(1, epochs / epochsAChild))), 0, 3);

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

const startOf = (settings: Settings, counts: Counts, widths: readonly number[]): Network =>
  startNetwork({ settings: { ...settings, widths: [...widths] }, counts });

/** Whether a start network of these widths has no more. */
const within = (settings: Settings, counts: Counts, most: SizeLimits) => (widths: readonly number[]) =>
  keepsLimits(startOf(settings, counts, widths), { ...most, times: counts.times });

const scaled = (proportions: readonly number[], factor: number): number[] =>
  proportions.map((width, index) => Math.max(8, Math.round((width * (index === 0 ? Math.max(1, factor) : factor)) / 8) * 8));
const leastFactor = 0.125;

/** The widths of the smallest start network of these proportions that is planned. */
export const leastWidths = (proportions: readonly number[]): readonly number[] => scaled(proportions, leastFactor);

/**
 * The widest start network of these proportions that is within a size, in multiples of eight channels. The stem keeps its width where
 * the stages are narrower than in the proportions: its filters are fixed.
 */
function widest(proportions: readonly number[], fits: (widths: readonly number[]) => boolean): readonly number[] {
  let factor = leastFactor;
  while (factor < 64 && fits(scaled(proportions, factor * 1.05))) factor *= 1.05;
  // What rounding left: the narrowest stage for its proportion is widened, as long as any may be.
  let widths = scaled(proportions, factor);
  for (;;) {
    const share = (index: number): number => (widths[index] as number) / (proportions[index] as number);
    const wider = widths
      .map((_width, index) => index)
      .slice(1)
      .toSorted((a, b) => share(a) - share(b))
      .map((index) => widths.map((width, at) => (at === index ? width + 8 : width)))
      .find(fits);
    if (wider === undefined) return widths;
    widths = wider;
  }
}

/** Multiply-adds of the start network: of these widths, or the given one. */
const startSizeOf = (settings: Settings, counts: Counts, widths: readonly number[], from: Network | null): number =>
  countMultiplyAdds(from ?? startOf(settings, counts, widths));

/** Exponents of the preset's proportions: with 0 all stages are equally wide, above 1 late ones are wider. */
const flatter = [1, 0.75, 0.5, 0.25, 0] as const;
const steeper = [1.5, 2, 3] as const;
/** Of the multiply-adds that the work affords: as near is near enough. */
const nearly = 0.9;

/**
 * The proportions of start networks, and the size of the largest one. Late stages have most of the parameters, and early ones most of
 * the multiply-adds and of the working memory: where a limit of parameters or bytes leaves no room for the multiply-adds that the work
 * affords, the stages are more alike, where one of working memory leaves none, less. What the limits take nevertheless goes into longer
 * training.
 */
function proportionsFor(
  settings: Settings,
  counts: Counts,
  multiplyAdds: number,
): { readonly proportions: readonly number[]; readonly multiplyAdds: number } {
  const { widths, limits } = settings;
  const free = startOf(settings, counts, widest(widths, within(settings, counts, { ...noLimits, multiplyAdds })));
  if (keepsLimits(free, { ...limitsOn({ settings, counts }), multiplyAdds: null })) return { proportions: widths, multiplyAdds };
  const [stem = 1, ...stages] = widths;
  const middle = Math.exp(mean(stages.map(Math.log)));
  const exponents = [...flatter, ...(limits.activations === null ? [] : steeper)];
  const found = exponents.map((exponent) => {
    const proportions = [stem, ...stages.map((width) => middle * (width / middle) ** exponent)];
    const fits = within(settings, counts, { ...limits, multiplyAdds });
    return { proportions, multiplyAdds: countMultiplyAdds(startOf(settings, counts, widest(proportions, fits))) };
  });
  const largest = Math.max(...found.map((each) => each.multiplyAdds));
  const enough = Math.min(nearly * multiplyAdds, largest);
  const chosen = must(
    found.find((each) => each.multiplyAdds >= enough),
    'proportions',
  );
  return { ...chosen, multiplyAdds: Math.min(chosen.multiplyAdds, multiplyAdds) };
}

/** Multiply-adds of the largest network that is planned for such data. */
const largestFor = ({ shape, train, validation }: Counts): number =>
  perPixel.multiplyAdds * shape.height * shape.width * Math.sqrt(Math.min(1, (train + validation) / perPixel.images));

/** The most work that is worth planning for such data. */
export const mostWork = (counts: Counts): number =>
  Math.ceil(costOfTraining(largestFor(counts), mostEpochs * (counts.train + counts.validation)));

/** Epochs of fine-tuning, where nothing limits it. */
const tuningEpochs = 30;

/** The work of fine-tuning a network. */
export const tuningWork = (settings: Settings, counts: Counts, network: Network): number =>
  costOfTraining(
    countMultiplyAdds(network),
    tuningEpochs * counts.train + headMinibatches({ settings, counts }) * settings.batch,
  );

/**
 * The work of one child of each step on so many images: the sizes of steps change by equal factors from the start network to the last one.
 * `teaching`: multiply-adds an image of what each learns from.
 */
function workOfSizes(start: number, largest: number, steps: number, images: number, teaching = 0): number {
  const sizes = Array.from({ length: steps }, (_none, index) => start * (largest / start) ** ((index + 1) / steps));
  return sizes.reduce((sum, size) => sum + costOfTraining(size, images) + teaching * images, 0);
}

/** From so many epochs of fine-tuning on photos are augmented strongly; measured at 4 epochs, where it hurts, and at 22 (LOG.md). */
const strongEpochs = 12;
/** Crops of a quarter of the area on, pairs mixed a little, one strong operation an image (Müller & Hutter 2021). */
const strongAugmentation = { crop: 0.25, mixup: 0.2, policy: 'trivial' } as const;

/** Of fine-tuning without growth: the network as it is. */
function tuningOf(settings: Settings, counts: Counts, work: number, { augmentation }: SettingsOverride, from: Network): WorkPlan {
  const { widths, step, batch } = settings;
  const multiplyAdds = countMultiplyAdds(from);
  const images = work / costOfTraining(multiplyAdds, 1) - headMinibatches({ settings, counts }) * batch;
  const isGiven = Object.keys(strongAugmentation).some((name) => augmentation !== undefined && name in augmentation);
  return {
    widths,
    rounds: 1,
    vanillaEpochs: 1,
    steps: 0,
    children: step.children,
    stepEpochs: step.children,
    multiplyAdds,
    ...(images >= strongEpochs * counts.train && !isGiven ? { strong: true } : {}),
  };
}

/** Epochs of the start network and of each child, in rounds of which neither has less than one. */
function inRounds(
  { batch }: Settings,
  counts: Counts,
  startEpochs: number,
  childEpochs: number,
  children: number,
): Pick<WorkPlan, 'rounds' | 'vanillaEpochs' | 'children' | 'stepEpochs'> {
  const mostRounds = Math.max(1, Math.floor(counts.train / batch / 4));
  const rounds = clamp(Math.round(1 / Math.min(childEpochs, startEpochs)), 1, mostRounds);
  return {
    rounds,
    vanillaEpochs: Math.max(1, Math.round(startEpochs * rounds)),
    children,
    stepEpochs: children * Math.max(1, Math.round(childEpochs * rounds)),
  };
}

/** Of shrinking: the share of the work of the network as it is, by how much a step shrinks, and what its steps may have of the work. */
const shrinking = { startShare: 0.05, factor: 1.5, mostSteps: 6, stepShare: 0.1, mostStepsShare: 0.4, children: 2 } as const;

/** Of shrinking: as many steps as it takes, each of a tenth of the work, or of less. `multiplyAdds`: of the smallest network, about. */
function shrinkingOf(settings: Settings, counts: Counts, work: number, given: SettingsOverride, from: Network): WorkPlan {
  const { widths } = settings;
  const size = countMultiplyAdds(from);
  const excess = Math.max(1, excessOf(from, limitsOn({ settings, counts })));
  const { factor, mostSteps } = shrinking;
  const steps = given.limits?.steps ?? clamp(Math.ceil(Math.log(excess) / Math.log(factor)), 1, mostSteps);
  const children = given.step?.children ?? shrinking.children;
  const smallest = size / excess;
  const stepsShare = Math.min(shrinking.mostStepsShare, shrinking.stepShare * steps);
  const childEpochs =
    (stepsShare * work) / (children * workOfSizes(size, smallest, steps, 1, teachingOf(settings, size))) / counts.train;
  const startEpochs = (shrinking.startShare * work) / costOfTraining(size, counts.train);
  return { widths, steps, multiplyAdds: Math.ceil(smallest), ...inRounds(settings, counts, startEpochs, childEpochs, children) };
}

/** The plan of so many multiply-adds of training. Children, steps and widths that are given stay, and so does a given start network. */
export function planWork(
  settings: Settings,
  counts: Counts,
  work: number,
  given: SettingsOverride = {},
  from: Network | null = null,
): WorkPlan {
  if (methods[settings.method].tunes && from !== null && (given.limits?.steps ?? 0) === 0)
    return tuningOf(settings, counts, work, given, from);
  if (methods[settings.method].shrinks && from !== null) return shrinkingOf(settings, counts, work, given, from);
  const images = counts.train + counts.validation;
  const epochWork = work / costOfTraining(1, images);
  const usualFor = usual.multiplyAdds * Math.sqrt(epochWork / usual.epochWork);
  const affordable = Math.min(usualFor, largestFor(counts), settings.limits.multiplyAdds ?? Infinity);
  // The sizes of given widths, and of a given network, were checked.
  const isGiven = given.widths !== undefined || from !== null;
  const { proportions, multiplyAdds: most } = isGiven
    ? { proportions: settings.widths, multiplyAdds: affordable }
    : proportionsFor(settings, counts, affordable);
  const steps = given.limits?.steps ?? clamp(Math.round(epochWork / most / epochsAStep), 1, 12);
  const startSize = Math.max(leastStart, parentSize ** steps);
  const startWidths = (): readonly number[] =>
    widest(proportions, within(settings, counts, { ...settings.limits, multiplyAdds: startSize * most }));
  const widths = given.widths ?? (from === null ? startWidths() : settings.widths);
  const start = startSizeOf(settings, counts, widths, from);
  const largest = Math.max(most, start);
  const epochs = epochWork / largest;
  const stepsShare = Math.min(mostStepsShare, stepShare * steps);
  // Even numbers: children train side by side on the cores.
  const children = given.step?.children ?? childrenOf(epochs);
  const stepWork = children * workOfSizes(start, largest, steps, 1);
  /** Of each child; without steps nothing is cut for them. */
  const childEpochs = steps === 0 ? Infinity : (stepsShare * work) / stepWork / counts.train;
  const startEpochs = (startShare * work) / costOfTraining(start, counts.train);
  const phases = inRounds(settings, counts, startEpochs, childEpochs, children);
  return { widths, steps, multiplyAdds: Math.ceil(largest), ...phases, ...(steps === 0 ? { stepEpochs: children } : {}) };
}

/** The work of the start network and of the steps of a plan. */
export function plannedWork(settings: Settings, counts: Counts, plan: WorkPlan, from: Network | null = null): PlannedWork {
  const { widths, rounds, vanillaEpochs, steps, children, stepEpochs, multiplyAdds } = plan;
  const start = startSizeOf(settings, counts, widths, from);
  const headImages = headMinibatches({ settings, counts }) * settings.batch;
  const teaching = from === null ? 0 : teachingOf(settings, start);
  const round = Math.floor(Math.floor(counts.train / settings.batch) / rounds) * settings.batch;
  return {
    start: costOfTraining(start, methods[settings.method].tunes ? headImages : vanillaEpochs * round),
    steps: Math.floor(stepEpochs / children) * children * workOfSizes(start, multiplyAdds, steps, round, teaching),
  };
}

/** The settings of a plan. */
export function settingsOfWork(settings: Settings, work: number, plan: WorkPlan): Settings {
  const { widths, rounds, vanillaEpochs, steps, children, stepEpochs, multiplyAdds, strong } = plan;
  return mergeSettings(settings, {
    ...(strong === true ? { augmentation: strongAugmentation } : {}),
    work,
    widths: [...widths],
    rounds,
    vanilla: { epochs: vanillaEpochs },
    step: { children, epochs: stepEpochs },
    // Where it shrinks, the limits are what was asked for.
    limits: methods[settings.method].shrinks ? { steps } : { steps, multiplyAdds },
  });
}

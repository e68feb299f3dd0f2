/** Every setting of a search, and the presets. The paper's values are those of `paper`; §4.2, §4.3. */
import { z } from 'zod';
import { additionsOff, edgeNames, policyNames } from '../data/augmentation/augmentation.ts';
import { operatorWeightsSchema } from '../morphism/operators.ts';
import { runningMomentum } from '../network/parameters.ts';
import { startNetworkNames } from '../network/start.ts';
import { learningRoles, statisticsNames, type Learning } from '../program/learning.ts';
import { optimizerNames } from '../program/optimizers/table.ts';
import { initialisations } from '../training/job.ts';
import { methodNames, methods, type MethodName } from './methods/table.ts';
import type { EvaluationWeights } from '../training/weights.ts';
import { stepSettingsSchema } from './step-settings.ts';

const share = z.number().min(0).max(1);
const count = z.int().min(1);
const rate = z.number().positive().max(10);
/** By the role of a parameter; a role that is missing has its usual factor (`defaultRoles`). */
const factors = z.partialRecord(z.enum(learningRoles), z.number().min(0).max(1000));

/** `fixed`: by weights alone, as in the paper. */
export const operatorChoices = ['fixed', 'learned'] as const;

export const freezeSchema = z.union([z.int().min(0).max(10_000), z.literal('all-but-head')]);

/** The paper's, and that of settings from before there was a choice. */
const usualOptimizer = {
  name: 'sgd' as const,
  decoupled: false,
  rates: {},
  decays: {},
  average: null,
  newRate: 1,
  newFade: 0.99,
  firstRate: 1,
  freeze: 0,
  statistics: 'batch' as const,
  following: runningMomentum,
};

export const settingsSchema = z.strictObject({
  method: z.enum(methodNames),
  seed: z.int().min(0),
  /** The network that a search starts from, where none is given, and how its weights begin. */
  start: z
    .strictObject({
      network: z.enum(startNetworkNames).default('vanilla'),
      initialisation: z.enum(initialisations).default('uniform'),
    })
    .default({ network: 'vanilla', initialisation: 'uniform' }),
  /** Channels of the start network: of the vanilla one's blocks; of the staged one's stem and stages. */
  widths: z.array(z.int().min(1).max(4096)).min(1).max(8),
  /** Training images used, at most; null for all. */
  images: count.nullable(),
  /** The share of the data's training images that is held out for validation. */
  validation: z.number().gt(0).lt(1),
  /** Validations an epoch of the start network and of steps; their epochs count such rounds. */
  rounds: count.default(1),
  /** Multiply-adds of training, in all (`costOfTraining` in search/work.ts); null where epochs and steps say how much is trained. */
  work: count.nullable().default(null),
  batch: count,
  /** Whether all classes have as many places in an epoch of training, and count alike in validation and ranking. */
  balance: z.boolean().default(false),
  augmentation: z.strictObject({
    flip: z.boolean(),
    normalise: z.boolean(),
    /** Of the side. */
    shift: share,
    /** Of the side. */
    cutout: share,
    /** α; 0 for none. */
    mixup: z.number().min(0).max(100),
    /** Whether images are mirrored in every second epoch, and not by chance. */
    alternate: z.boolean().default(additionsOff.alternate),
    /** What a shift brings in. */
    edges: z.enum(edgeNames).default(additionsOff.edges),
    /** The smallest share of the area that a random crop keeps; 1 for none. */
    crop: z.number().gt(0).max(1).default(additionsOff.crop),
    /** The range around 1 of a random factor; 0 for none. */
    brightness: share.default(additionsOff.brightness),
    contrast: share.default(additionsOff.contrast),
    saturation: share.default(additionsOff.saturation),
    policy: z.enum(policyNames).default(additionsOff.policy),
    /** The share of a label that is spread over all classes. */
    smoothing: share.default(additionsOff.smoothing),
  }),
  optimizer: z
    .strictObject({
      name: z.enum(optimizerNames).default('sgd'),
      /** Whether weight decay acts beside the gradient (SGDW), not as L2 through it. */
      decoupled: z.boolean().default(false),
      /** Factors of the learning rate. */
      rates: factors.default({}),
      /** Factors of the weight decay. */
      decays: factors.default({}),
      /**
       * Decay a minibatch of the moving average of weights that is evaluated and exported in place of the weights; null for those
       * themselves.
       */
      average: z.number().gt(0).lt(1).nullable().default(null),
      /** Multiplies the learning rate of what growth has just added; 1 for none. */
      newRate: z.number().min(1).max(1000).default(1),
      /** What is left of that excess after a minibatch. */
      newFade: z.number().gt(0).lt(1).default(0.99),
      /** Multiplies the learning rate of the first layer; those between it and the last follow by equal factors. */
      firstRate: z.number().gt(0).max(1).default(1),
      /** The first so many layers with kernels, or all but the head, stay as they are. */
      freeze: freezeSchema.default(0),
      /** What batch normalisations normalise by in training. */
      statistics: z.enum(statisticsNames).default('batch'),
      /** What running statistics take over of those of a batch. */
      following: z.number().gt(0).max(1).default(runningMomentum),
    })
    .default(usualOptimizer),
  momentum: z.number().min(0).lt(1),
  weightDecay: z.number().min(0).max(1),
  vanilla: z.strictObject({ epochs: count, rate }),
  step: stepSettingsSchema,
  /** Weights of the operators that mutations are sampled from; null for those of the method. */
  operators: operatorWeightsSchema.nullable().default(null),
  /** Whether those weights are multiplied by what operators and places have gained (`operator-choice.ts`). */
  operatorChoice: z.enum(operatorChoices).default('fixed'),
  limits: z.strictObject({
    /** Evolutionary steps; null for no limit. */
    steps: z.int().min(0).nullable(),
    /** Trained parameters. */
    parameters: count,
    /** Multiply-adds an image, forward; null for no limit. */
    multiplyAdds: count.nullable(),
    /** Bytes of the weights in bytes, with a scale and a bias for each filter (`deploy/size.ts`); null for no limit. */
    bytes: count.nullable().default(null),
    /** Bytes of working memory of inference in bytes, as C code has it (`deploy/memory.ts`); null for no limit. */
    activations: count.nullable().default(null),
    /** Seconds for one image, as predicted from times of operations (`deploy/latency.ts`); null for no limit. */
    latency: z.number().positive().nullable().default(null),
    /** Bytes of one worker. */
    memory: count,
    /** Passes of a minibatch, at most, where one worker's memory does not hold it whole; their gradients are added up. */
    passes: count.default(1),
    /** Output channels of a widened convolution, §3.2.2. */
    channels: count,
    /** Seconds of search before the final training, §4.3; null for no limit. */
    seconds: z.number().positive().nullable(),
  }),
  /** The share of labels that the predictions of the given network have in training, its own aside; 0 for none. Hinton et al. 2015. */
  distillation: share.default(0),
  /** Without epochs the search ends with the winner as it is, without a test evaluation. */
  final: z.strictObject({ epochs: z.int().min(0), rate }),
  /** Whether the final training leaves the validation images out and is validated, instead of training on all images. */
  validatesFinal: z.boolean().default(false),
  /** Whether the start network is also trained for the winner's epochs, to compare. */
  baseline: z.boolean(),
  /** Whether augmented images are also validated, as the authors did. Decides nothing. */
  augmentedValidation: z.boolean().default(false),
});

export type Settings = z.infer<typeof settingsSchema>;

/** The roles whose factors are set. */
function rolesOf({ rates, decays }: Settings['optimizer']): Learning['roles'] {
  const entries = learningRoles.flatMap((role) => {
    const set = [
      ['rate', rates[role]],
      ['decay', decays[role]],
    ] as const;
    const factorsOf = set.filter(([, factor]) => factor !== undefined);
    return factorsOf.length === 0 ? [] : [[role, Object.fromEntries(factorsOf)] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** What training learns by. */
export function learningOf({ optimizer, momentum, weightDecay }: Settings): Learning {
  const { name, decoupled, average, newRate, newFade, firstRate, freeze, statistics, following } = optimizer;
  const roles = rolesOf(optimizer);
  return {
    optimizer: name,
    momentum,
    weightDecay,
    decoupled,
    ...(roles === undefined ? {} : { roles }),
    ...(average === null ? {} : { average }),
    ...(firstRate === 1 ? {} : { firstRate }),
    ...(freeze === 0 ? {} : { freeze }),
    ...(statistics === 'batch' ? {} : { statistics }),
    ...(following === runningMomentum ? {} : { following }),
    ...(newRate === 1 ? {} : { newWeights: { rate: newRate, fade: newFade } }),
  };
}

/**
 * What the final training of a continuous method learns by. Its learning rate falls to zero, which averages by itself: averages of
 * weights serve the plateau before it.
 */
export const finalLearningOf = (settings: Settings): Learning =>
  learningOf(methods[settings.method].continuous ? mergeSettings(settings, { optimizer: { average: null } }) : settings);

/** Which weights jobs measure and export, as a field of a job; empty where it is those that are trained. */
export const evaluationWeightsOf = ({ optimizer }: Settings): { readonly evaluationWeights?: EvaluationWeights } =>
  optimizer.average === null ? {} : { evaluationWeights: 'average' };

/** Overrides of settings: any member of any group. */
export type SettingsOverride = {
  readonly [Key in keyof Settings]?: Settings[Key] extends readonly unknown[]
    ? Settings[Key]
    : Partial<Settings[Key]> | Settings[Key];
};

/** The settings with those of the override in their place. */
export function mergeSettings(settings: Settings, override: SettingsOverride): Settings {
  const merged = Object.entries(override).map(([key, value]) => {
    const old = settings[key as keyof Settings];
    const isGroup = key !== 'operators' && typeof value === 'object' && value !== null && !Array.isArray(value);
    return [key, isGroup ? { ...(old as object), ...value } : value];
  });
  return { ...settings, ...Object.fromEntries(merged) };
}

export const presetNames = ['auto', 'tune', 'shrink', 'paper', 'laptop', 'quick'] as const;
export type PresetName = (typeof presetNames)[number];

/** What the plan of the work decides, unless it is given (`work-plan.ts`). */
export const plannedByWork: readonly string[] = [
  'widths',
  'rounds',
  'vanilla.epochs',
  'step.children',
  'step.epochs',
  'limits.steps',
  'limits.multiplyAdds',
  'final.epochs',
  'augmentation.crop',
  'augmentation.mixup',
  'augmentation.policy',
];

/**
 * The preset where none is given: `auto`, or `laptop` for methods that train in steps; for a given network `tune`, unless another method is
 * asked for.
 */
export function presetFor(given: { readonly method?: MethodName } = {}, hasNetwork = false): PresetName {
  const { method = hasNetwork ? 'tune' : 'grow' } = given;
  if (methods[method].tunes) return 'tune';
  if (methods[method].shrinks) return 'shrink';
  return methods[method].continuous ? 'auto' : 'laptop';
}

/** What each is for, in one line for people who choose. */
export const presetSummaries: { readonly [Name in PresetName]: string } = {
  auto: 'a modern recipe; sizes, steps and schedule follow from --budget or --work',
  tune: 'fine-tunes the network of --from; the schedule follows from --budget or --work',
  shrink: 'makes the network of --from smaller; the schedule follows from --budget or --work',
  paper: 'the scale of the paper: 23 hours of search, then 200 epochs',
  laptop: 'about an hour on two cores',
  quick: 'a first look: small networks, 4,000 images, a minute or two',
};

const paper: Settings = {
  method: 'shr',
  seed: 1,
  start: { network: 'vanilla', initialisation: 'uniform' },
  widths: [64, 128, 256],
  images: null,
  validation: 0.1,
  rounds: 1,
  work: null,
  batch: 128,
  balance: false,
  augmentation: { flip: true, normalise: true, shift: 0.125, cutout: 0.5, mixup: 1, ...additionsOff },
  optimizer: usualOptimizer,
  momentum: 0.9,
  weightDecay: 5e-4,
  vanilla: { epochs: 20, rate: 0.01 },
  step: { children: 8, mutations: 5, epochs: 160, eta: 2, rate: 0.01 },
  limits: {
    steps: null,
    parameters: 20_000_000,
    multiplyAdds: null,
    bytes: null,
    activations: null,
    latency: null,
    memory: Number.MAX_SAFE_INTEGER,
    passes: 1,
    channels: 600,
    seconds: 23 * 3600,
  },
  operators: null,
  operatorChoice: 'fixed',
  final: { epochs: 200, rate: 0.025 },
  validatesFinal: false,
  baseline: false,
  augmentedValidation: false,
  distillation: 0,
};

/** Widths, epochs, children and limits of steps and multiply-adds are those of the work's plan (`work-plan.ts`). */
const auto: Settings = {
  ...paper,
  method: 'grow',
  start: { network: 'staged', initialisation: 'identity' },
  widths: [16, 32, 64, 64],
  validation: 0.05,
  work: 30e12,
  augmentation: {
    ...paper.augmentation,
    shift: 0.0625,
    edges: 'mirror',
    alternate: true,
    cutout: 0,
    mixup: 0,
    smoothing: 0.1,
  },
  optimizer: { ...paper.optimizer, name: 'nesterov', average: 0.99 },
  vanilla: { epochs: 1, rate: 0.2 },
  step: { ...paper.step, children: 2, epochs: 2, rate: 0.2 },
  limits: { ...paper.limits, passes: 16, steps: 1, seconds: null },
  final: { epochs: 1, rate: 0.2 },
};

/**
 * Rates as fine-tuning has them (He et al. 2019, §3.4; Howard & Ruder 2018); the rest is that of `auto`. The head is trained already, and
 * its features share a large mean, along which a usual rate makes it swing (LOG.md). Batches are small, and their statistics noisy.
 */
const tune: Settings = {
  ...auto,
  method: 'tune',
  validation: 0.1,
  augmentation: { ...auto.augmentation, alternate: false, crop: 0.5, brightness: 0.2, contrast: 0.2, saturation: 0.2 },
  optimizer: {
    ...auto.optimizer,
    average: null,
    firstRate: 0.1,
    following: 0.02,
    rates: { 'head-kernel': 0.1, 'head-bias': 0.1 },
  },
  weightDecay: 1e-4,
  vanilla: { epochs: 1, rate: 0.04 },
  step: { ...auto.step, rate: 0.04 },
  limits: { ...auto.limits, steps: 0 },
  final: { epochs: 1, rate: 0.04 },
  validatesFinal: true,
};

/** The network is trained already: it needs a lower rate than one that is new. */
const shrink: Settings = {
  ...auto,
  method: 'shrink',
  vanilla: { epochs: 1, rate: 0.05 },
  step: { ...auto.step, rate: 0.05 },
  final: { epochs: 1, rate: 0.05 },
};

/** `laptop` takes about an hour on two cores with AVX2 (estimated), `quick` a minute or two; both end by steps and epochs. */
export const presets: { readonly [Name in PresetName]: Settings } = {
  auto,
  tune,
  shrink,
  paper,
  laptop: {
    ...paper,
    widths: [32, 64, 128],
    images: 12_000,
    step: { ...paper.step, epochs: 64 },
    limits: { ...paper.limits, steps: 2, parameters: 2_000_000, multiplyAdds: 40_000_000, seconds: null },
    final: { epochs: 60, rate: 0.025 },
  },
  quick: {
    ...paper,
    widths: [16, 32, 64],
    images: 4_000,
    augmentation: { ...paper.augmentation, cutout: 0, mixup: 0 },
    vanilla: { epochs: 4, rate: 0.05 },
    step: { ...paper.step, children: 4, epochs: 12, rate: 0.05 },
    limits: { ...paper.limits, steps: 2, parameters: 500_000, multiplyAdds: 8_000_000, seconds: null },
    final: { epochs: 8, rate: 0.1 },
  },
};

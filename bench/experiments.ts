/** The experiments of the lab: what each compares, at which work, over which seeds. Overrides of the preset `auto`. */
import { paperOperatorsWithSeparable, type OperatorWeights } from '../src/morphism/operators.ts';
import type { SettingsOverride } from '../src/search/settings.ts';

export interface Experiment {
  readonly title: string;
  /** A name, or a folder of images (`--dataset`). */
  readonly dataset: string;
  /** Pixels a side, for folders. */
  readonly imageSize?: number;
  /** Multiply-adds of training of each run. */
  readonly work: number;
  readonly seeds: readonly number[];
  /** What all arms share. */
  readonly base?: SettingsOverride;
  /** The first is what the others are compared with. */
  readonly arms: Readonly<Record<string, SettingsOverride>>;
}

const T = 1e12;
const tuning = [1, 2, 3] as const;

/** A network that does not grow. */
const fixed = (...widths: number[]): SettingsOverride => ({ widths, limits: { steps: 0 } });

/** Arms that change settings of one fixed network. */
const changes = (
  widths: readonly number[],
  arms: Readonly<Record<string, SettingsOverride>>,
): Readonly<Record<string, SettingsOverride>> =>
  Object.fromEntries(Object.entries(arms).map(([name, change]) => [name, { ...fixed(...widths), ...change }]));

/** All operators that grow, equally likely. */
const growing: OperatorWeights = { ...paperOperatorsWithSeparable, widen: 1 };

const slowHead = (factor: number): SettingsOverride => ({
  optimizer: { rates: { 'head-kernel': factor, 'head-bias': factor } },
});

/** More validation images: differences of recipes are small. */
const fifth: SettingsOverride = { validation: 0.2 };

const rate = (value: number): SettingsOverride => ({ vanilla: { rate: value }, final: { rate: value } });
const photos = { crop: 0.35, shift: 0 } as const;
const colours = { brightness: 0.2, contrast: 0.2, saturation: 0.2 } as const;

export const experiments: Readonly<Record<string, Experiment>> = {
  sizes: {
    title: 'Fixed networks of several sizes',
    dataset: 'cifar10',
    work: 6 * T,
    seeds: tuning,
    arms: {
      medium: fixed(16, 32, 64, 64),
      small: fixed(16, 24, 48, 48),
      large: fixed(24, 48, 96, 96),
      deep: fixed(16, 32, 64, 128),
    },
  },
  larger: {
    title: 'Fixed networks for the work of ten minutes with AVX-512: sizes and proportions',
    dataset: 'cifar10',
    work: 100 * T,
    seeds: [1],
    arms: {
      planned: { limits: { steps: 0 } },
      grown: {},
      'one step of one child': { step: { children: 1 }, limits: { steps: 1 } },
      'planned with a slow head': { limits: { steps: 0 }, ...slowHead(0.1) },
      'grown with a slow head': { ...slowHead(0.1) },
      'late stages wide': fixed(24, 64, 192, 192),
      'late stages wide, half': fixed(24, 48, 128, 128),
      large: fixed(24, 80, 160, 160),
      'slow head': { ...fixed(24, 64, 192, 192), ...slowHead(0.1) },
      'batch 512': { ...fixed(24, 64, 192, 192), batch: 512, ...rate(0.8) },
      'shifts learn 64 times as fast': { ...fixed(24, 64, 192, 192), optimizer: { rates: { shift: 64 } } },
    },
  },
  head: {
    title: 'The learning rate of the head',
    dataset: 'cifar10',
    work: 20 * T,
    seeds: [1, 2],
    base: { ...fifth, limits: { steps: 0 } },
    arms: {
      'as the others': {},
      'a tenth': slowHead(0.1),
      'a thirtieth': slowHead(0.03),
      'a hundredth': slowHead(0.01),
    },
  },
  steps: {
    title: 'What steps of growth cost',
    dataset: 'cifar10',
    work: 20 * T,
    seeds: [1, 2],
    base: fifth,
    arms: {
      fixed: { limits: { steps: 0 } },
      'one step of one child': { step: { children: 1 }, limits: { steps: 1 } },
      'one step of two children': { step: { children: 2 }, limits: { steps: 1 } },
      'three steps of two children': { step: { children: 2 }, limits: { steps: 3 } },
      'three steps of one child': { step: { children: 1 }, limits: { steps: 3 } },
      'three steps of one child and a slow head': { step: { children: 1 }, limits: { steps: 3 }, ...slowHead(0.1) },
    },
  },
  growth: {
    title: 'Growth, with and without selection, against fixed networks',
    dataset: 'cifar10',
    work: 6 * T,
    seeds: tuning,
    arms: {
      // Of the size that growth ends with, of the size that it starts with, and a larger one.
      fixed: { limits: { steps: 0 } },
      start: { limits: { steps: 0, multiplyAdds: 7_600_000 } },
      larger: fixed(16, 32, 64, 64),
      // As `auto` grows.
      grown: {},
      alone: { step: { children: 1 } },
      two: { step: { children: 2 } },
      four: { step: { children: 4 } },
    },
  },
  scripted: {
    title: 'One sequence of widenings, from half the size: the learning rate of new weights, averages',
    dataset: 'cifar10',
    work: 6 * T,
    seeds: tuning,
    base: { ...fifth, widths: [16, 16, 24, 40], step: { children: 1 }, limits: { steps: 1, multiplyAdds: 10_000_000 } },
    arms: {
      'one rate': {},
      'no averages': { optimizer: { average: null } },
      'twice the rate': { optimizer: { newRate: 2 } },
      'four times the rate': { optimizer: { newRate: 4 } },
      'eight times the rate': { optimizer: { newRate: 8 } },
    },
  },
  competition: {
    title: 'Children and the length of steps',
    dataset: 'cifar10',
    work: 6 * T,
    seeds: tuning,
    base: fifth,
    arms: {
      'one step, one child': { step: { children: 1 }, limits: { steps: 1 } },
      'one step, four children': { step: { children: 4 }, limits: { steps: 1 } },
      'two steps, one child': { step: { children: 1 }, limits: { steps: 2 } },
      'two steps, four children': { step: { children: 4 }, limits: { steps: 2 } },
      'two steps, eight children': { step: { children: 8 }, limits: { steps: 2 } },
    },
  },
  operators: {
    title: 'Operators: uniform, learned, and the usual weights',
    dataset: 'cifar10',
    work: 6 * T,
    seeds: tuning,
    base: { step: { children: 4 }, limits: { steps: 3 } },
    arms: {
      uniform: { operators: growing },
      learned: { operators: growing, operatorChoice: 'learned' },
      usual: {},
      'usual and learned': { operatorChoice: 'learned' },
    },
  },
  small: {
    title: 'At most 96,000 parameters: where a fixed network is wide',
    dataset: 'cifar10',
    work: 12 * T,
    seeds: tuning,
    base: fifth,
    arms: {
      'late stages wider': fixed(16, 16, 40, 40),
      even: fixed(16, 40, 40, 40),
      'early stages wider': fixed(16, 56, 40, 32),
    },
  },
  widths: {
    title: 'Where a fixed network is wide',
    dataset: 'cifar10',
    work: 4 * T,
    seeds: tuning,
    base: fifth,
    arms: {
      even: fixed(16, 24, 48, 48),
      late: fixed(16, 16, 64, 64),
      last: fixed(16, 16, 48, 128),
    },
  },
  recipe: {
    title: 'The recipe, part by part, on a fixed network',
    dataset: 'cifar10',
    work: 4 * T,
    seeds: tuning,
    base: fifth,
    arms: changes([16, 24, 48, 48], {
      recipe: {},
      'half the rate': rate(0.1),
      'twice the rate': rate(0.4),
      'shifts learn 16 times as fast': { optimizer: { rates: { shift: 16 } } },
      'batch 64': { batch: 64, ...rate(0.1) },
      'no smoothing': { augmentation: { smoothing: 0 } },
      'no shift': { augmentation: { shift: 0 } },
      'flips by chance': { augmentation: { alternate: false } },
      'black edges': { augmentation: { edges: 'black' } },
      'no Nesterov': { optimizer: { name: 'sgd' } },
      'uniform initialisation': { start: { initialisation: 'uniform' } },
      'no decay': { weightDecay: 0 },
      'four times the decay': { weightDecay: 2e-3 },
    }),
  },
  photos: {
    title: 'The recipe on photos of a folder, at 64 pixels',
    dataset: 'flowers',
    imageSize: 64,
    work: 5 * T,
    seeds: tuning,
    base: { ...fifth, batch: 128, ...rate(0.2) },
    arms: {
      ...changes([16, 24, 48, 48], { 'three stages': {} }),
      ...changes([16, 16, 32, 64, 64], {
        'four stages': {},
        'batch 32': { batch: 32, ...rate(0.05) },
        'batch 32 + decay': { batch: 32, ...rate(0.05), weightDecay: 2e-3 },
        crop: { augmentation: photos },
        'crop + colours': { augmentation: { ...photos, ...colours } },
        'crop + policy': { augmentation: { ...photos, policy: 'trivial' } },
        'crop + batch 32': { batch: 32, ...rate(0.05), augmentation: photos },
        'crop + decay': { weightDecay: 5e-3, augmentation: photos },
        'crop + colours + batch 32 + decay': {
          batch: 32,
          ...rate(0.05),
          weightDecay: 2e-3,
          augmentation: { ...photos, ...colours },
        },
      }),
    },
  },
};

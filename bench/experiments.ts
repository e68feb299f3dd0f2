/** The experiments of the lab: what each compares, at which work, over which seeds. Overrides of the preset `auto`. */
import type { SettingsOverride } from '../src/search/settings.ts';

export interface Experiment {
  readonly title: string;
  readonly dataset: string;
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
  growth: {
    title: 'Growth against fixed networks',
    dataset: 'cifar10',
    work: 6 * T,
    seeds: tuning,
    arms: {
      fixed: fixed(16, 32, 64, 64),
      grown: {},
      alone: { step: { children: 1 } },
      two: { step: { children: 2 } },
    },
  },
};

/**
 * The published results, which tables show beside the measured ones: M. Yüce and O. Tsapenko, “Neural Architecture Search with
 * Network Morphisms and Successive Halving”, University of Freiburg, Tables 1, 2, 3 and §5. CIFAR-10, 23 hours of search on a
 * GPU and 200 epochs of final training, 8 repetitions of each method. Accuracies and shares in percent, as they are printed.
 */
import type { PartName } from './composition.ts';

export const paperName = 'Yüce and Tsapenko';

/** The methods that the paper compares. */
export const paperMethods = ['nash', 'sh', 'shr', 'shrsep'] as const;
export type PaperMethod = (typeof paperMethods)[number];

/** Repetitions of each method. */
export const paperRepetitions = 8;

export interface PublishedSetting {
  /** The number of the column. Flip and normalisation are in all of them. */
  readonly number: number;
  readonly mixup: boolean;
  readonly cutout: boolean;
  readonly shift: boolean;
  /** Validation accuracy of the vanilla network after 20 epochs, under the training augmentation. */
  readonly validation: number;
}

/** Table 1. */
export const publishedSettings: readonly PublishedSetting[] = [
  { number: 1, mixup: false, cutout: false, shift: false, validation: 77.59 },
  { number: 2, mixup: true, cutout: false, shift: false, validation: 75.87 },
  { number: 3, mixup: false, cutout: true, shift: false, validation: 71.75 },
  { number: 4, mixup: false, cutout: false, shift: true, validation: 76.19 },
  { number: 5, mixup: true, cutout: true, shift: false, validation: 69.15 },
  { number: 6, mixup: true, cutout: false, shift: true, validation: 72.64 },
  { number: 7, mixup: false, cutout: true, shift: true, validation: 68.93 },
  { number: 8, mixup: true, cutout: true, shift: true, validation: 65.99 },
];

/** The number of the paper's figure of one step, by method. */
export const publishedStepFigures: Readonly<Partial<Record<string, 2 | 3>>> = { nash: 2, sh: 3, shr: 3, shrsep: 3 };

/** Mean and standard deviation. */
type Spread = readonly [mean: number, deviation: number];

interface PublishedMethod {
  /** Table 2. */
  readonly test: Spread;
  /** Millions; Table 2. */
  readonly parameters: Spread;
  /** Shares of all layers; Table 3. The deviation is 0 where the paper prints none. */
  readonly shares: Readonly<Record<PartName, Spread>>;
  /** §5. */
  readonly best: { readonly test: number; readonly layers: number; readonly counts: Readonly<Record<PartName, number>> };
  /** Test accuracy of the worst network; nothing else of it is published; §5. */
  readonly worst: number;
}

export const publishedMethods: Readonly<Record<PaperMethod, PublishedMethod>> = {
  nash: {
    test: [94.64, 0.38],
    parameters: [18.2, 6.2],
    shares: { convolution: [74, 4], convex: [5, 3], concat: [4, 1], split: [10, 2], separable: [0, 0] },
    best: { test: 95.07, layers: 85, counts: { convolution: 22, convex: 2, concat: 3, split: 8, separable: 0 } },
    worst: 94.0,
  },
  sh: {
    test: [94.57, 0.11],
    parameters: [12.9, 5.9],
    shares: { convolution: [67, 2], convex: [11, 2], concat: [5, 1], split: [9, 1], separable: [0, 0] },
    best: { test: 94.7, layers: 109, counts: { convolution: 25, convex: 14, concat: 3, split: 11, separable: 0 } },
    worst: 94.35,
  },
  shr: {
    test: [94.63, 0.29],
    parameters: [14.8, 4.8],
    shares: { convolution: [70, 2], convex: [8, 4], concat: [6, 2], split: [8, 2], separable: [0, 0] },
    best: { test: 95.02, layers: 103, counts: { convolution: 24, convex: 7, concat: 6, split: 10, separable: 0 } },
    worst: 94.14,
  },
  shrsep: {
    test: [94.39, 0.33],
    parameters: [14.5, 4.5],
    shares: { convolution: [52, 11], convex: [8, 4], concat: [4, 1], split: [10, 4], separable: [23, 11] },
    best: { test: 94.98, layers: 108, counts: { convolution: 23, convex: 2, concat: 6, split: 13, separable: 3 } },
    worst: 94.0,
  },
};

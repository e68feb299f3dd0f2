/** The results of a study for its tables and figures, as plain data. */
import type { Network } from '../network/network.ts';
import type { Settings } from '../search/settings.ts';
import type { MethodName } from '../search/methods/table.ts';

/** A finished repetition of an arm. */
export interface Outcome {
  /** From 1. */
  readonly repetition: number;
  /** The run's folder, relative to the study's. */
  readonly run: string;
  /** The winner. */
  readonly network: Network;
  /** Test accuracy, 0 to 1; null if the test set was not used (in a study of vanilla networks). */
  readonly test: number | null;
  /** Clean validation accuracy of the last measured epoch before the final training. */
  readonly validation: number;
  readonly parameters: number;
  /** Per image, forward. */
  readonly multiplyAdds: number;
  /** Epochs of the winner's lineage, including those of the vanilla network and of the final training. */
  readonly epochs: number;
  /** Seconds in which the run was active. */
  readonly seconds: number;
  /** For Table 1: validation accuracy of each epoch of the vanilla network, on clean images and under the training augmentation. */
  readonly vanilla: readonly { readonly clean: number; readonly augmented: number | null }[];
}

/** A method, a baseline, or a setting of the augmentation. */
export interface Arm {
  /** Null for a way to train the vanilla network. */
  readonly method: MethodName | null;
  /** `shr`, `random`, `vanilla`, or a name from the file such as `flip + mixup`. */
  readonly name: string;
  /** True for `random` and `vanilla`. */
  readonly baseline: boolean;
  readonly augmentation: Settings['augmentation'];
  /** The outcomes of the finished repetitions. */
  readonly outcomes: readonly Outcome[];
}

export interface StudyResult {
  readonly title: string;
  /** `vanilla`: networks that are not grown (Table 1). */
  readonly kind: 'growth' | 'vanilla';
  /** One sentence on data, widths, steps, epochs. */
  readonly scale: string;
  /** The planned number of repetitions. */
  readonly repetitions: number;
  readonly arms: readonly Arm[];
}

/** What a study found, as its tables and figures need it. Pure data; it knows no files and no clock. */
import type { Network } from '../network/network.ts';
import type { Settings } from '../search/settings.ts';
import type { MethodName } from '../search/methods/table.ts';

/** A repetition of an arm that ended. */
export interface Outcome {
  /** From 1. */
  readonly repetition: number;
  /** The run's folder, relative to the study's. */
  readonly run: string;
  /** The winner. */
  readonly network: Network;
  /** Test accuracy, 0 to 1; null where the test set was not read (a study of vanilla networks). */
  readonly test: number | null;
  /** Clean validation accuracy of the last measured epoch before the final training. */
  readonly validation: number;
  readonly parameters: number;
  /** An image, forward. */
  readonly multiplyAdds: number;
  /** That the winner's line was trained for, vanilla and final training included. */
  readonly epochs: number;
  /** Of work. */
  readonly seconds: number;
  /** Clean validation accuracy and accuracy under the training augmentation, of each epoch of the vanilla network; for Table 1. */
  readonly vanilla: readonly { readonly clean: number; readonly augmented: number | null }[];
}

/** A method, a baseline, or a setting of the augmentation. */
export interface Arm {
  /** Null: a way to train the vanilla network. */
  readonly method: MethodName | null;
  /** `shr`, `random`, `vanilla`, or a name from the file such as `flip + mixup`. */
  readonly name: string;
  /** `random` and `vanilla`. */
  readonly baseline: boolean;
  readonly augmentation: Settings['augmentation'];
  /** Of the repetitions that ended. */
  readonly outcomes: readonly Outcome[];
}

export interface StudyResult {
  readonly title: string;
  /** `vanilla`: networks that are not grown (Table 1). */
  readonly kind: 'growth' | 'vanilla';
  /** One sentence on data, widths, steps, epochs. */
  readonly scale: string;
  /** Planned. */
  readonly repetitions: number;
  readonly arms: readonly Arm[];
}

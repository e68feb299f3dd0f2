/**
 * The contract of an operator: which edits a network offers, and what each makes of it. An operator sees no limit and no
 * random number. What its rewrite says of the tensors is carried out in `apply.ts`.
 */
import type { Network, NodeId } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import type { Edit } from './edit.ts';
import type { WidthChanges } from './width-change.ts';

/** Where the numbers of a parameter come from. */
export type TensorSource =
  /** The kernel that gives back its input: 1 in the middle of each channel's own filter, 0 elsewhere. */
  | { readonly kind: 'identity' }
  | { readonly kind: 'constant'; readonly value: number }
  /** The old tensor of that name itself. */
  | { readonly kind: 'shared'; readonly from: string }
  | { readonly kind: 'scaled'; readonly from: string; readonly factor: number }
  /** A kernel without its outermost pixels. */
  | { readonly kind: 'cropped'; readonly from: string }
  /**
   * The kernel (in, 1, k, k) or (out, in, 1, 1) of the depthwise and pointwise pair that is nearest to a kernel (out, in, k, k), by least
   * squares.
   */
  | { readonly kind: 'depthwise-factor' | 'pointwise-factor'; readonly from: string };

/** What an edit makes of a network: the new structure, and where its parameters come from. */
export interface Rewrite {
  readonly network: Network;
  /** How the tensors of the old network change their channels. */
  readonly widths: WidthChanges;
  /** Parameters that are new or change otherwise than in width, by name. All others are those of the old network, resized. */
  readonly sources: Readonly<Record<string, TensorSource>>;
  /** New batch normalisations that must be the identity: they are to be calibrated. */
  readonly identities: readonly NodeId[];
  /** Old batch normalisations that read something else now: their statistics are to be measured again. Missing: none. */
  readonly shifted?: readonly NodeId[];
}

/** What the certificate of a child may not exceed: relative differences of the logits, and of the training-mode loss. */
export interface Tolerance {
  readonly evaluation: number;
  readonly training: number;
}

/** How far a child's function is from its parent's. */
export interface Fidelity {
  /** `exact`: equal, but for rounding and for the statistics of a batch. `approximate`: as near as the tolerance says. */
  readonly kind: 'exact' | 'approximate';
  readonly tolerance: Tolerance;
}

export const exact: Fidelity = { kind: 'exact', tolerance: { evaluation: 1e-3, training: 0.02 } };

/** Of operators that take away: training gives back what it can. The tolerance refuses what is no network any more. */
export const lossy: Fidelity = { kind: 'approximate', tolerance: { evaluation: 10, training: 100 } };

export interface Operator<E extends Edit> {
  readonly fidelity: Fidelity;
  /**
   * Every edit that a network offers, each once, in the network's order. Cheap: `rewrite` has the last word, and may still
   * say of some that they are impossible.
   */
  readonly candidates: (network: Network) => readonly E[];
  /**
   * What the edit makes of the network, or why it is impossible. Any edit may be asked about, of any network. Without tensors
   * the structure alone decides: so edits are sampled, and limits and costs checked. The worker that applies the edit has the
   * tensors and hands them in. An operator that looks at them may then choose sources and kept channels by their numbers,
   * and may refuse the edit; the network must be the one that it makes without.
   */
  readonly rewrite: (network: Network, edit: E, tensors?: Tensors) => Rewrite | string;
  /** Whether no convolution that the edit widens gets more channels than `Limits.maxChannels`. */
  readonly keepsWidth: (rewrite: Rewrite, maxChannels: number) => boolean;
  /** In a word, for tables: `widen×2`. */
  readonly short: (edit: E) => string;
  /** Such as `widen 4 ×2`. */
  readonly describe: (edit: E) => string;
}

/** What a mutation may not exceed. */
export interface Limits {
  /** Output channels of a convolution after it was widened, §3.2.2. Concatenation is not bound by it. */
  readonly maxChannels: number;
  /** Asked of the mutated structure before the mutation is made: parameters, multiply-adds, memory. */
  readonly admits: (network: Network) => boolean;
}

/** Operators that widen only by concatenation, or not at all. */
export const anyWidth = (): boolean => true;

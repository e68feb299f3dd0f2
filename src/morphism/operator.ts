/**
 * The contract of an operator: which edits a network offers, and what each makes of it. An operator works on structure
 * alone; it sees no tensor, no limit and no random number. What its plan says of the tensors is carried out in `apply.ts`.
 */
import type { Network, NodeId } from '../network/network.ts';
import type { Edit } from './edit.ts';
import { type Growth, noGrowth } from './growth.ts';

/** Where the numbers of a parameter come from. */
export type Source =
  /** The kernel that gives back its input: 1 in the middle of each channel's own filter, 0 elsewhere. */
  | { readonly kind: 'identity' }
  | { readonly kind: 'constant'; readonly value: number }
  /** The old tensor of that name itself. */
  | { readonly kind: 'shared'; readonly from: string }
  | { readonly kind: 'scaled'; readonly from: string; readonly factor: number };

/** What an edit makes of a network: the new structure, and where its parameters come from. */
export interface Plan {
  readonly network: Network;
  /** How each tensor of the old network widens, by node; those that stay as they are may be missing. */
  readonly growth: ReadonlyMap<NodeId, Growth>;
  /** Parameters that are new or change without widening, by name. All others are those of the old network, grown. */
  readonly sources: Readonly<Record<string, Source>>;
  /** New batch normalisations that must be the identity: they are to be calibrated. */
  readonly identities: readonly NodeId[];
}

export const growthAt = (plan: Plan, id: NodeId): Growth => plan.growth.get(id) ?? noGrowth;

export interface Operator<E extends Edit> {
  /**
   * Every edit that a network offers, each once, in the network's order. Cheap: `plan` has the last word, and may still
   * say of some that they are impossible.
   */
  readonly candidates: (network: Network) => readonly E[];
  /** What the edit makes of the network, or why it is impossible. Any edit may be asked about, of any network. */
  readonly plan: (network: Network, edit: E) => Plan | string;
  /** Whether no convolution that the edit widens gets more channels than `Limits.maxChannels`. */
  readonly keepsWidth: (plan: Plan, maxChannels: number) => boolean;
  /** Such as `widen 4 ×2`. */
  readonly describe: (edit: E) => string;
}

/** What a mutation may not pass. */
export interface Limits {
  /** Output channels of a convolution after it was widened, §3.2.2. Concatenation is not bound by it. */
  readonly maxChannels: number;
  /** Asked of the mutated structure before the mutation is made: parameters, multiply-adds, memory. */
  readonly admits: (network: Network) => boolean;
}

/** Operators that widen only by concatenation, or not at all. */
export const anyWidth = (): boolean => true;

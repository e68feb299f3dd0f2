/** The sampling of mutations: from structure, limits and random numbers alone. Nothing is made that a limit would refuse. */
import type { Random } from '../util/random.ts';
import type { Network } from '../network/network.ts';
import type { Edit, OperatorName } from './edit.ts';
import type { Limits } from './operator.ts';
import { operatorNames, operatorOf, type OperatorWeights } from './operators.ts';

export interface Proposal {
  readonly edit: Edit;
  /** What the edit makes of the network. */
  readonly network: Network;
}

/**
 * An edit of this operator, uniform over all that are possible and within the limits; undefined where none is. The limits
 * are asked of the mutated structure, before anything is made of it.
 */
export function propose(name: OperatorName, network: Network, limits: Limits, random: Random): Proposal | undefined {
  const operator = operatorOf(name);
  const candidates = operator.candidates(network);
  for (const index of random.permutation(candidates.length)) {
    const edit = candidates[index] as Edit;
    const rewrite = operator.rewrite(network, edit);
    if (typeof rewrite === 'string' || !operator.keepsWidth(rewrite, limits.maxChannels) || !limits.admits(rewrite.network))
      continue;
    return { edit, network: rewrite.network };
  }
  return undefined;
}

export interface SamplingOptions {
  readonly operators: OperatorWeights;
  /** How many edits; the paper's children have five. */
  readonly mutations: number;
  readonly limits: Limits;
  /** Ends the mutations early. Missing: never. */
  readonly isEnough?: (network: Network) => boolean;
}

export interface Mutant {
  /** In the order in which they are to be applied. Fewer than were asked for where nothing more applies. */
  readonly edits: readonly Edit[];
  readonly network: Network;
}

/**
 * Mutations one after another, each of an operator sampled by its weight: one that applies nowhere is excluded, for this
 * mutation, and another sampled.
 */
export function sampleEdits(
  network: Network,
  { operators, mutations, limits, isEnough }: SamplingOptions,
  random: Random,
): Mutant {
  const edits: Edit[] = [];
  let current = network;
  for (let mutation = 0; mutation < mutations; mutation++) {
    const proposal = sampleOne(current, operators, limits, random.fork('mutation', mutation));
    if (proposal === undefined || isEnough?.(current) === true) break;
    edits.push(proposal.edit);
    current = proposal.network;
  }
  return { edits, network: current };
}

/** One of the names, as likely as its weight says. */
function pickWeighted(names: readonly OperatorName[], weights: OperatorWeights, random: Random): OperatorName {
  const weightOf = (name: OperatorName): number => weights[name] ?? 0;
  // Equal weights as a uniform pick: the paper's runs depend on which random numbers that takes.
  if (new Set(names.map(weightOf)).size === 1) return random.pick(names);
  let rest = random.float() * names.reduce((sum, name) => sum + weightOf(name), 0);
  return names.find((name) => (rest -= weightOf(name)) < 0) ?? (names.at(-1) as OperatorName);
}

function sampleOne(network: Network, weights: OperatorWeights, limits: Limits, random: Random): Proposal | undefined {
  let left = operatorNames.filter((name) => weights[name] !== undefined);
  while (left.length > 0) {
    const name = pickWeighted(left, weights, random);
    const proposal = propose(name, network, limits, random.fork(name));
    if (proposal !== undefined) return proposal;
    left = left.filter((other) => other !== name);
  }
  return undefined;
}

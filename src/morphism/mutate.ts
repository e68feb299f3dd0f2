/** The drawing of mutations: from structure, limits and random numbers alone. Nothing is made that a limit would refuse. */
import type { Random } from '../util/random.ts';
import type { Network } from '../network/network.ts';
import type { Edit, OperatorName } from './edit.ts';
import type { Limits } from './operator.ts';
import { operatorOf } from './operators.ts';

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
    const plan = operator.plan(network, edit);
    if (typeof plan === 'string' || !operator.keepsWidth(plan, limits.maxChannels) || !limits.admits(plan.network)) continue;
    return { edit, network: plan.network };
  }
  return undefined;
}

export interface Drawing {
  readonly operators: readonly OperatorName[];
  /** How many edits; the paper's children have five. */
  readonly mutations: number;
  readonly limits: Limits;
}

export interface Drawn {
  /** In the order in which they are to be applied. Fewer than were asked for where nothing more applies. */
  readonly edits: readonly Edit[];
  readonly network: Network;
}

/**
 * Mutations one after another, each uniform over the operators: one that applies nowhere is struck out, for this mutation,
 * and another drawn.
 */
export function drawEdits(network: Network, { operators, mutations, limits }: Drawing, random: Random): Drawn {
  const edits: Edit[] = [];
  let current = network;
  for (let mutation = 0; mutation < mutations; mutation++) {
    const proposal = drawOne(current, operators, limits, random.fork('mutation', mutation));
    if (proposal === undefined) break;
    edits.push(proposal.edit);
    current = proposal.network;
  }
  return { edits, network: current };
}

function drawOne(network: Network, operators: readonly OperatorName[], limits: Limits, random: Random): Proposal | undefined {
  let left = operators;
  while (left.length > 0) {
    const name = random.pick(left);
    const proposal = propose(name, network, limits, random.fork(name));
    if (proposal !== undefined) return proposal;
    left = left.filter((other) => other !== name);
  }
  return undefined;
}

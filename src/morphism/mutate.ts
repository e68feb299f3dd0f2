/** The sampling of mutations: from structure, limits and random numbers alone. Nothing is made that a limit would refuse. */
import type { Random } from '../util/random.ts';
import { isFrozen, isGrouped, type Network, type NodeId } from '../network/network.ts';
import { must } from '../util/assert.ts';
import { nodeOf, type Edit, type OperatorName } from './edit.ts';
import type { Limits } from './operator.ts';
import { narrow } from './narrow.ts';
import { group } from './widen.ts';
import { operatorNames, operatorOf, type OperatorWeights } from './operators.ts';

export interface Proposal {
  readonly edit: Edit;
  /** What the edit makes of the network. */
  readonly network: Network;
}

/** What makes some mutations likelier than others. */
export interface Preference {
  /** A factor of the operator's weight. */
  readonly ofOperator: (name: OperatorName) => number;
  /** Of each node of a network: how much likelier the operator acts there than elsewhere. */
  readonly atPlaces: (name: OperatorName, network: Network) => (node: NodeId) => number;
}

/** A permutation in which an index is likelier to stand before another by its weight (Efraimidis & Spirakis 2006). */
export function weightedPermutation(weights: readonly number[], random: Random): readonly number[] {
  const keys = weights.map((weight) => -Math.log(1 - random.float()) / weight);
  return keys.map((_key, index) => index).toSorted((a, b) => (keys[a] as number) - (keys[b] as number));
}

/**
 * An edit of this operator, uniform over all that are possible and within the limits unless some are preferred; undefined where none is.
 * The limits are asked of the mutated structure, before anything is made of it.
 */
export function propose(
  name: OperatorName,
  network: Network,
  limits: Limits,
  random: Random,
  preference?: Preference,
): Proposal | undefined {
  const operator = operatorOf(name);
  const candidates = operator.candidates(network);
  const at = preference?.atPlaces(name, network);
  const order =
    at === undefined
      ? random.permutation(candidates.length)
      : weightedPermutation(
          candidates.map((edit) => at(nodeOf(edit))),
          random,
        );
  for (const index of order) {
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
  /** Missing: by weight alone, and all places are as likely. */
  readonly preference?: Preference | undefined;
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
  { operators, mutations, limits, preference, isEnough }: SamplingOptions,
  random: Random,
): Mutant {
  const edits: Edit[] = [];
  let current = network;
  for (let mutation = 0; mutation < mutations; mutation++) {
    const proposal = sampleOne(current, operators, limits, random.fork('mutation', mutation), preference);
    if (proposal === undefined || isEnough?.(current) === true) break;
    edits.push(proposal.edit);
    current = proposal.network;
  }
  return { edits, network: current };
}

/** One edit for each convolution with a number of channels, one after the other; undefined where an edit is impossible or a limit refuses. */
function changed(
  network: Network,
  channels: ReadonlyMap<NodeId, number>,
  editOf: (node: NodeId, channels: number) => Edit,
  limits: Limits,
): Mutant | undefined {
  const edits: Edit[] = [];
  let current = network;
  for (const [node, count] of channels) {
    if (count === 0) continue;
    const edit = editOf(node, count);
    const operator = operatorOf(edit.kind);
    const rewrite = operator.rewrite(current, edit);
    if (typeof rewrite === 'string' || !operator.keepsWidth(rewrite, limits.maxChannels)) return undefined;
    edits.push(edit);
    current = rewrite.network;
  }
  return limits.admits(current) ? { edits, network: current } : undefined;
}

const widening = (node: NodeId, more: number): Edit => ({ kind: 'widen', node, more });
const narrowing = (node: NodeId, fewer: number): Edit => ({ kind: 'narrow', node, fewer });

/**
 * Widens the convolutions that `widen` may by about one factor, in groups of channels, until it is enough or the limits admit no more:
 * each time the one that has grown least, of equals the last, which computes least where networks pool.
 */
export function widenEvenly(network: Network, { limits, isEnough }: Pick<SamplingOptions, 'limits' | 'isEnough'>): Mutant {
  const more = new Map<NodeId, number>();
  const widths = new Map<NodeId, number>();
  for (const { id, layer } of network.nodes.toReversed())
    if (layer.kind === 'convolution' && !isFrozen(layer)) {
      more.set(id, 0);
      widths.set(id, layer.channels);
    }
  const open = new Set(more.keys());
  const grownBy = (id: NodeId): number => (more.get(id) ?? 0) / (widths.get(id) ?? 1);
  let mutant: Mutant = { edits: [], network };
  while (open.size > 0 && isEnough?.(mutant.network) !== true) {
    const least = Math.min(...[...open].map(grownBy));
    const chosen = must(
      [...open].find((id) => grownBy(id) === least),
      'convolution',
    );
    const before = more.get(chosen) ?? 0;
    more.set(chosen, before + group);
    const next = changed(network, more, widening, limits);
    if (next === undefined) {
      more.set(chosen, before);
      open.delete(chosen);
    } else mutant = next;
  }
  return mutant;
}

/** How a network is narrowed evenly: to where, and which convolutions first. */
export interface Narrowing extends Pick<SamplingOptions, 'limits' | 'isEnough'> {
  readonly sizeOf: (network: Network) => number;
  /** 0: all convolutions by about one factor. Above: those by more that save more of the size, by that exponent. */
  readonly bySaving: number;
}

/**
 * Narrows the convolutions that `narrow` may, in groups of channels, until it is enough or the limits admit no less: each time the one that has
 * most of its channels left, times what a group of them saves; of equals the last, which has most parameters where networks pool. A
 * group of each is left.
 */
export function narrowEvenly(network: Network, { limits, isEnough, sizeOf, bySaving }: Narrowing): Mutant {
  const widths = new Map<NodeId, number>();
  for (const { id, layer } of network.nodes.toReversed())
    if (layer.kind === 'convolution' && !isFrozen(layer) && !isGrouped(layer) && layer.channels > group)
      widths.set(id, layer.channels);
  const fewer = new Map<NodeId, number>();
  const open = new Set(widths.keys());
  let mutant: Mutant = { edits: [], network };
  /** How wide it is now: others may have narrowed it along. */
  const widthOf = (id: NodeId): number => {
    const layer = mutant.network.nodes.find((node) => node.id === id)?.layer;
    return layer?.kind === 'convolution' ? layer.channels : 0;
  };
  const stepOf = (id: NodeId): number => (widthOf(id) % group === 0 ? group : widthOf(id) % group);
  const scoreOf = (id: NodeId): number => {
    const left = widthOf(id) / must(widths.get(id), 'width');
    if (bySaving === 0 || widthOf(id) <= group) return left;
    const smaller = narrow.rewrite(mutant.network, { kind: 'narrow', node: id, fewer: stepOf(id) });
    const saved = typeof smaller === 'string' ? 0 : 1 - sizeOf(smaller.network) / sizeOf(mutant.network);
    return left * saved ** bySaving;
  };
  while (open.size > 0 && isEnough?.(mutant.network) !== true) {
    const scores = new Map([...open].map((id) => [id, scoreOf(id)]));
    const most = Math.max(...scores.values());
    const chosen = must(
      [...open].find((id) => scores.get(id) === most),
      'convolution',
    );
    const before = fewer.get(chosen);
    fewer.set(chosen, (before ?? 0) + stepOf(chosen));
    const next = widthOf(chosen) > group ? changed(network, fewer, narrowing, limits) : undefined;
    if (next === undefined) {
      if (before === undefined) fewer.delete(chosen);
      else fewer.set(chosen, before);
      open.delete(chosen);
    } else mutant = next;
  }
  return mutant;
}

/** One of the names, as likely as its weight says. */
function pickWeighted(names: readonly OperatorName[], weightOf: (name: OperatorName) => number, random: Random): OperatorName {
  // Equal weights as a uniform pick: the paper's runs depend on which random numbers that takes.
  if (new Set(names.map(weightOf)).size === 1) return random.pick(names);
  let rest = random.float() * names.reduce((sum, name) => sum + weightOf(name), 0);
  return names.find((name) => (rest -= weightOf(name)) < 0) ?? (names.at(-1) as OperatorName);
}

function sampleOne(
  network: Network,
  weights: OperatorWeights,
  limits: Limits,
  random: Random,
  preference?: Preference,
): Proposal | undefined {
  const weightOf = (name: OperatorName): number => (weights[name] ?? 0) * (preference?.ofOperator(name) ?? 1);
  let left = operatorNames.filter((name) => weights[name] !== undefined);
  while (left.length > 0) {
    const name = pickWeighted(left, weightOf, random);
    const proposal = propose(name, network, limits, random.fork(name), preference);
    if (proposal !== undefined) return proposal;
    left = left.filter((other) => other !== name);
  }
  return undefined;
}

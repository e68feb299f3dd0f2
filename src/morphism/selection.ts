/**
 * What a change of width makes of the channels that a layer selects. New channels of its input follow the channel behind which
 * they stand: they stand behind it in the output too, or are not read where it is not. Those before the first are read where the
 * output begins with the first. So each place of the output has one place in the input.
 */
import { freeze, type Network, nextId, type Node } from '../network/network.ts';
import { must } from '../util/assert.ts';
import { type Growth, grownAt, noGrowth } from './growth.ts';
import { layoutOf, type WidthChange, type WidthChanges } from './width-change.ts';

export function takeOf({ id, layer }: Node): readonly number[] {
  if (layer.kind !== 'select') throw new Error(`bug: node ${id} (${layer.kind}) selects no channels`);
  return layer.take;
}

/** The place in the input of what is new at a place in the output; undefined where none is. */
export function placeBefore(take: readonly number[], offset: number): number | undefined {
  if (offset === 0) return take[0] === 0 ? 0 : undefined;
  return must(take[offset - 1], `channel before place ${offset}`) + 1;
}

/** What the output gets where the input gets that. */
export function selectedGrowth(take: readonly number[], growth: Growth): Growth {
  const places = new Map(Array.from({ length: take.length + 1 }, (_none, offset) => [placeBefore(take, offset), offset]));
  let result = noGrowth;
  for (const [place, count] of growth) {
    const offset = places.get(place);
    if (offset !== undefined) result = grownAt(result, offset, count);
  }
  return result;
}

/** The channels to take after the changes of input and output. */
function taken(take: readonly number[], input: WidthChange | undefined, output: WidthChange | undefined): readonly number[] {
  const moved = new Map<number, number>();
  for (const { from, to, length } of input === undefined ? [] : layoutOf(input).kept)
    for (let channel = 0; channel < length; channel++) moved.set(from + channel, to + channel);
  const placeOf = (channel: number): number =>
    input === undefined ? channel : must(moved.get(channel), `place of channel ${channel}`);
  const result: number[] = [];
  for (const piece of output ?? [{ kept: 0, length: take.length }])
    if ('new' in piece) for (let more = 0; more < piece.new; more++) result.push((result.at(-1) ?? -1) + 1);
    else for (const channel of take.slice(piece.kept, piece.kept + piece.length)) result.push(placeOf(channel));
  return result;
}

/** The network with its selections as the changes leave them. */
export function reselected(network: Network, changes: WidthChanges): Network {
  const nodes = network.nodes.map((node) => {
    const { id, layer, inputs } = node;
    const [input] = inputs;
    if (layer.kind !== 'select' || input === undefined || (!changes.has(input) && !changes.has(id))) return node;
    return { ...node, layer: { ...layer, take: taken(layer.take, changes.get(input), changes.get(id)) } };
  });
  return freeze(nodes, nextId(network));
}

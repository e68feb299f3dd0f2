/** What is different between a network and the one that it was grown from. Nodes keep their ids, so they can be told apart. */
import type { Layer, Network, NodeId } from '../network/network.ts';
import { formatShape, shapesOf } from '../network/shapes.ts';
import { describeLayer } from '../network/print.ts';
import { canonicalJson } from '../util/json.ts';
import { plural } from '../util/words.ts';

export type Change =
  | { readonly kind: 'added' }
  /** Its own settings are others. */
  | { readonly kind: 'altered'; readonly words: string }
  /** What it reads or gives has another shape. */
  | { readonly kind: 'grown'; readonly words: string }
  /** It reads others. */
  | { readonly kind: 'rewired'; readonly words: string };

export interface Difference {
  /** Changes of the nodes of the new network; those that stayed as they were are missing. */
  readonly changes: ReadonlyMap<NodeId, readonly Change[]>;
  /** Nodes of the old network that are gone, in its order. */
  readonly removed: readonly { readonly id: NodeId; readonly layer: Layer }[];
}

const listed = (ids: readonly NodeId[]): string => ids.join(' and ');

function alteration(before: Layer, after: Layer): string {
  if (before.kind === 'convolution' && after.kind === 'convolution' && before.channels !== after.channels)
    return `${before.channels} → ${after.channels} channels`;
  return `${describeLayer(before)} → ${describeLayer(after)}`;
}

export function compareNetworks(before: Network, after: Network): Difference {
  const old = new Map(before.nodes.map((node) => [node.id, node]));
  const [oldShapes, shapes] = [shapesOf(before), shapesOf(after)];
  const text = (id: NodeId, from: ReadonlyMap<NodeId, { channels: number; height: number; width: number }>): string => {
    const shape = from.get(id);
    return shape === undefined ? '' : formatShape(shape);
  };
  const changes = new Map<NodeId, readonly Change[]>();
  for (const { id, layer, inputs } of after.nodes) {
    const node = old.get(id);
    if (node === undefined) {
      changes.set(id, [{ kind: 'added' }]);
      continue;
    }
    const found: Change[] = [];
    const isAltered = canonicalJson(node.layer) !== canonicalJson(layer);
    if (isAltered) found.push({ kind: 'altered', words: alteration(node.layer, layer) });
    if (!isAltered) {
      const [was, is] = [text(id, oldShapes), text(id, shapes)];
      const [read, reads] = [
        node.inputs.map((input) => text(input, oldShapes)).join(),
        inputs.map((input) => text(input, shapes)).join(),
      ];
      if (was !== is) found.push({ kind: 'grown', words: `${was} → ${is}` });
      else if (read !== reads) found.push({ kind: 'grown', words: `reads ${reads.replace(',', ' and ')}` });
    }
    if (node.inputs.join() !== inputs.join())
      found.push({ kind: 'rewired', words: `reads ${listed(inputs)} instead of ${listed(node.inputs)}` });
    if (found.length > 0) changes.set(id, found);
  }
  const kept = new Set(after.nodes.map(({ id }) => id));
  return { changes, removed: before.nodes.filter(({ id }) => !kept.has(id)) };
}

/** `new`; `3×8×8 → 6×8×8, reads 4 instead of 2`. */
export const wordsOfChanges = (changes: readonly Change[]): string =>
  changes.map((change) => (change.kind === 'added' ? 'new' : change.words)).join(', ');

export interface Tally {
  readonly added: number;
  readonly altered: number;
  readonly grown: number;
  readonly rewired: number;
  readonly removed: number;
}

/** A node counts once, by the first that holds. */
export function tallyOf({ changes, removed }: Difference): Tally {
  const kinds = [...changes.values()].map((each) => each[0]?.kind);
  const count = (kind: Change['kind']): number => kinds.filter((each) => each === kind).length;
  return {
    added: count('added'),
    altered: count('altered'),
    grown: count('grown'),
    rewired: count('rewired'),
    removed: removed.length,
  };
}

/** `3 layers added, 2 altered`. */
export function summaryOf(difference: Difference): string {
  const { added, altered, grown, rewired, removed } = tallyOf(difference);
  const parts = [
    added === 0 ? '' : `${plural(added, 'layer')} added`,
    removed === 0 ? '' : `${plural(removed, 'layer')} removed`,
    altered === 0 ? '' : `${altered} altered`,
    grown === 0 ? '' : `${grown} grown along`,
    rewired === 0 ? '' : `${rewired} that read others now`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

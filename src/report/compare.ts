/** The difference between a network and its parent. Nodes keep their ids, so that they can be matched. */
import type { Layer, Network, NodeId } from '../network/network.ts';
import { formatShape, shapesOf } from '../network/shapes.ts';
import { describeLayer } from '../network/print.ts';
import { canonicalJson } from '../util/json.ts';
import { plural } from '../util/words.ts';

export type Change =
  | { readonly kind: 'added' }
  /** Its own parameters differ, such as the channels. */
  | { readonly kind: 'altered'; readonly text: string }
  /** Its input or output has another shape. */
  | { readonly kind: 'grown'; readonly text: string }
  /** It has other inputs. */
  | { readonly kind: 'rewired'; readonly text: string };

export interface Difference {
  /** Changes by node of the new network, without the unchanged nodes. */
  readonly changes: ReadonlyMap<NodeId, readonly Change[]>;
  /** Nodes of the old network that are not in the new one, in its order. */
  readonly removed: readonly { readonly id: NodeId; readonly layer: Layer }[];
}

function alteration(before: Layer, after: Layer): string {
  if (before.kind === 'convolution' && after.kind === 'convolution' && before.channels !== after.channels)
    return `${before.channels} → ${after.channels} channels`;
  return `${describeLayer(before)} → ${describeLayer(after)}`;
}

/** The output shapes of a network's nodes in words; empty for a node that it does not have. */
export function shapeTexts(network: Network): (id: NodeId) => string {
  const shapes = shapesOf(network);
  return (id) => {
    const shape = shapes.get(id);
    return shape === undefined ? '' : formatShape(shape);
  };
}

export function compareNetworks(before: Network, after: Network): Difference {
  const old = new Map(before.nodes.map((node) => [node.id, node]));
  const [oldShape, newShape] = [shapeTexts(before), shapeTexts(after)];
  const changesOf = ({ id, layer, inputs }: Network['nodes'][number]): readonly Change[] => {
    const node = old.get(id);
    if (node === undefined) return [{ kind: 'added' }];
    const found: Change[] = [];
    const [was, is] = [oldShape(id), newShape(id)];
    const [read, reads] = [node.inputs.map(oldShape).join(), inputs.map(newShape).join()];
    if (canonicalJson(node.layer) !== canonicalJson(layer)) found.push({ kind: 'altered', text: alteration(node.layer, layer) });
    else if (was !== is) found.push({ kind: 'grown', text: `${was} → ${is}` });
    else if (read !== reads) found.push({ kind: 'grown', text: `reads ${reads.replace(',', ' and ')}` });
    if (node.inputs.join() !== inputs.join())
      found.push({ kind: 'rewired', text: `reads ${inputs.join(' and ')} instead of ${node.inputs.join(' and ')}` });
    return found;
  };
  const changes = after.nodes.map((node) => [node.id, changesOf(node)] as const).filter(([, found]) => found.length > 0);
  const kept = new Set(after.nodes.map(({ id }) => id));
  return { changes: new Map(changes), removed: before.nodes.filter(({ id }) => !kept.has(id)) };
}

/** `new`; `3×8×8 → 6×8×8, reads 4 instead of 2`. */
export const describeChanges = (changes: readonly Change[]): string =>
  changes.map((change) => (change.kind === 'added' ? 'new' : change.text)).join(', ');

/** `3 layers added, 2 changed`. A layer counts once, by its first change. */
export function summaryOf({ changes, removed }: Difference): string {
  const kinds = [...changes.values()].map((each) => each[0]?.kind);
  const count = (kind: Change['kind']): number => kinds.filter((each) => each === kind).length;
  const layers = (number: number, text: string): string => (number === 0 ? '' : `${plural(number, 'layer')} ${text}`);
  const others = (number: number, text: string): string => (number === 0 ? '' : `${number} ${text}`);
  const parts = [
    layers(count('added'), 'added'),
    layers(removed.length, 'removed'),
    others(count('altered'), 'changed'),
    others(count('grown'), 'with other shapes'),
    others(count('rewired'), 'with other inputs'),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

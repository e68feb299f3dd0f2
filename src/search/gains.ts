/** What the mutations of a search gained, by operator and place. Pure. */
import { nodeOf, type Edit, type OperatorName } from '../morphism/edit.ts';
import { rewriteOf } from '../morphism/operators.ts';
import { inputShapeOf, type Network, type NodeId } from '../network/network.ts';
import { shapesOf } from '../network/shapes.ts';
import { median } from '../util/numbers.ts';
import { candidateOf, networkOf, type Candidate, type SearchState } from './state.ts';

/** Where in a network something is: how often the side of the image was halved before. Behind the last place it counts as there. */
export type Place = number;
export const lastPlace = 5;

/** The place of each node of a network. */
export function placesOf(network: Network): (node: NodeId) => Place {
  const shapes = shapesOf(network);
  const { height, width } = inputShapeOf(network);
  const side = Math.max(height, width);
  return (node) => {
    const shape = shapes.get(node);
    const halved = shape === undefined ? 0 : Math.round(Math.log2(side / Math.max(shape.height, shape.width)));
    return Math.max(0, Math.min(lastPlace, halved));
  };
}

/** An edit by what is learned about it. */
export interface Kind {
  readonly operator: OperatorName;
  readonly place: Place;
}

/** The kinds of a child's edits: each is placed in the network that it is applied to. */
function kindsOf(parent: Network, edits: readonly Edit[]): readonly Kind[] {
  let network = parent;
  return edits.map((edit) => {
    const kind = { operator: edit.kind, place: placesOf(network)(nodeOf(edit)) };
    const rewrite = rewriteOf(network, edit);
    if (typeof rewrite === 'string') throw new Error(`bug: an edit of the journal does not apply: ${rewrite}`);
    network = rewrite.network;
    return kind;
  });
}

const known = new WeakMap<readonly Edit[], readonly Kind[]>();

/** The kinds of a child's edits. Made from its networks, which takes a while. */
export function kindsOfChild(state: SearchState, { edits, parent }: Candidate): readonly Kind[] {
  const kinds = known.get(edits) ?? (parent === null ? [] : kindsOf(networkOf(state, parent), edits));
  known.set(edits, kinds);
  return kinds;
}

/**
 * By how much ln loss falls where a network has e times the multiply-adds, as siblings of a step have it. A child that is larger than
 * its siblings is to be better by that much: what is above is its mutations' gain. Hestness et al. 2017 find powers of 0.07 to 0.35
 * for sizes.
 */
export const lossPerWork = 0.1;

/** No child counts as better or worse by more: one whose training breaks down is out, however large its loss has become. */
export const mostGain = 0.1;

/** A child of a step, as it is compared with its siblings. */
export interface ChildGain {
  readonly child: Candidate;
  /**
   * By how much its ln loss is below the median of its siblings', its own included, at equal multiply-adds, at most `mostGain`. The loss
   * is the mean of those of training and validation after the last epoch that all of them have.
   */
  readonly gain: number;
}

/** The loss after so many epochs, at most; null where nothing was measured. */
function lossAfter({ epochs }: Candidate, most: number): number | null {
  const last = epochs.findLast(({ epoch }) => epoch <= most);
  return last === undefined ? null : (last.loss + (last.validation?.loss ?? last.loss)) / 2;
}

/** The gains of the children of each step that has ended and in which two or more were trained. */
export function gainsOf(state: SearchState): readonly (readonly ChildGain[])[] {
  return state.steps.flatMap(({ winner, children }) => {
    if (winner === null) return [];
    const trained = children
      .map((id) => candidateOf(state, id))
      .filter(({ end, epochs }) => end?.kind !== 'lost' && epochs.length > 0);
    const epochs = Math.min(...trained.map((child) => child.epochs.at(-1)?.epoch ?? 0));
    const scored = trained.flatMap((child) => {
      const loss = lossAfter(child, epochs);
      return loss === null || !(loss > 0) || !Number.isFinite(loss)
        ? []
        : [{ child, score: -Math.log(loss) - lossPerWork * Math.log(child.multiplyAdds) }];
    });
    if (scored.length < 2) return [];
    const middle = median(scored.map(({ score }) => score));
    const bounded = (gain: number): number => Math.max(-mostGain, Math.min(mostGain, gain));
    return [scored.map(({ child, score }) => ({ child, gain: bounded(score - middle) }))];
  });
}

/** Gains, each as often as its weight says. */
export interface Sum {
  /** Children, each counted by its share of edits of this kind. */
  readonly weight: number;
  /** Their gains, so weighted. */
  readonly sum: number;
}

export interface OperatorGains extends Sum {
  readonly places: ReadonlyMap<Place, Sum>;
}

export const plus = (a: Sum | undefined, b: Sum): Sum => ({ weight: (a?.weight ?? 0) + b.weight, sum: (a?.sum ?? 0) + b.sum });

/** The gains of a search by operator and place, each shared evenly among the edits of its child. */
export function gainsByOperator(state: SearchState): ReadonlyMap<OperatorName, OperatorGains> {
  const found = new Map<OperatorName, OperatorGains>();
  for (const { child, gain } of gainsOf(state).flat()) {
    const kinds = kindsOfChild(state, child);
    for (const { operator, place } of kinds) {
      const share = { weight: 1 / kinds.length, sum: gain / kinds.length };
      const before = found.get(operator);
      const places = new Map(before?.places).set(place, plus(before?.places.get(place), share));
      found.set(operator, { ...plus(before, share), places });
    }
  }
  return found;
}

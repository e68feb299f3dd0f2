/**
 * How the channels of a tensor change: an ordered list of the old channels that are kept and of new ones between them. Old
 * channels that are not listed are dropped. So narrowing and widening are one thing.
 */
import type { NodeId } from '../network/network.ts';
import { countAt, type Growth } from './growth.ts';

/** Old channels from number `kept` on. */
export interface KeptRange {
  readonly kept: number;
  readonly length: number;
}

export type WidthPiece = KeptRange | { readonly new: number };

export type WidthChange = readonly WidthPiece[];

/** By node. Tensors that keep their channels are missing. */
export type WidthChanges = ReadonlyMap<NodeId, WidthChange>;

const lengthOf = (piece: WidthPiece): number => ('new' in piece ? piece.new : piece.length);

/** Channels after the change. */
export const widthAfter = (change: WidthChange): number => change.reduce((sum, piece) => sum + lengthOf(piece), 0);

/** A range of kept channels: where it was, where it is, how long it is. */
export interface Kept {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** Where the kept and the new channels stand after the change, both in order. */
export function layoutOf(change: WidthChange): {
  readonly kept: readonly Kept[];
  readonly added: readonly (readonly [offset: number, count: number])[];
} {
  const kept: Kept[] = [];
  const added: [number, number][] = [];
  let to = 0;
  for (const piece of change) {
    if ('new' in piece) added.push([to, piece.new]);
    else kept.push({ from: piece.kept, to, length: piece.length });
    to += lengthOf(piece);
  }
  return { kept, added };
}

/** The change that keeps these ranges of old channels and puts `growth` between them. */
export function changeOf(ranges: readonly KeptRange[], growth: Growth): WidthChange {
  const pieces: WidthPiece[] = [];
  let place = 0;
  for (const { kept, length } of ranges) {
    let done = 0;
    for (const [at, count] of growth) {
      if (at < place || at >= place + length) continue;
      if (at - place > done) pieces.push({ kept: kept + done, length: at - place - done });
      pieces.push({ new: count });
      done = at - place;
    }
    pieces.push({ kept: kept + done, length: length - done });
    place += length;
  }
  const behind = countAt(growth, place);
  return behind === 0 ? pieces : [...pieces, { new: behind }];
}

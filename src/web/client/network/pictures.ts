/** Images of a part of a run's data, fetched in pieces that are kept while there is room. Knows no network. */
import type { ImagesFacts } from '../../api.ts';
import type { Shape } from '../../../network/network.ts';
import { imagesFacts, pixels as fetchPixels } from '../api.ts';
import type { PartName } from '../../api.ts';

/** Bytes of a piece at most, and of all that are kept. */
const pieceBytes = 512 << 10;
const keptBytes = 64 << 20;
/** The server gives no more at once. */
const mostAtOnce = 512;

export const bytesOfImage = ({ channels, height, width }: Shape): number => channels * height * width;

export interface Pictures {
  readonly facts: ImagesFacts;
  /** Copies, (N, H, W, C), of the images at those places. */
  read(places: readonly number[]): Promise<Uint8Array<ArrayBuffer>>;
}

export async function openPictures(run: string, part: PartName): Promise<Pictures> {
  const facts = await imagesFacts(run, part);
  const size = bytesOfImage(facts.shape);
  const inPiece = Math.max(1, Math.min(mostAtOnce, Math.floor(pieceBytes / size)));
  const mostPieces = Math.max(2, Math.floor(keptBytes / (inPiece * size)));
  // From the one used longest ago to the newest.
  const pieces = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();
  function pieceOf(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const piece =
      pieces.get(index) ??
      fetchPixels(run, part, index * inPiece, inPiece).catch((error: unknown) => {
        pieces.delete(index); // Asked for again, it may come.
        throw error;
      });
    pieces.delete(index);
    pieces.set(index, piece);
    for (const oldest of pieces.keys()) {
      if (pieces.size <= mostPieces) break;
      pieces.delete(oldest);
    }
    return piece;
  }
  return {
    facts,
    async read(places) {
      const indices = [...new Set(places.map((place) => Math.floor(place / inPiece)))];
      const found = new Map(await Promise.all(indices.map(async (index) => [index, await pieceOf(index)] as const)));
      const all = new Uint8Array(places.length * size);
      places.forEach((place, at) => {
        const piece = found.get(Math.floor(place / inPiece));
        const from = (place % inPiece) * size;
        if (piece === undefined || piece.length < from + size) throw new Error(`image ${place} did not come`);
        all.set(piece.subarray(from, from + size), at * size);
      });
      return all;
    },
  };
}

/** The images of a part of a run's data, fetched in chunks that are kept while there is room. */
import type { PartName } from '../../api.ts';
import type { Shape } from '../../../network/network.ts';
import { imagesFacts, pixels as fetchPixels } from '../api.ts';

/** Bytes of a chunk, and of all chunks that are kept. */
const chunkBytes = 512 << 10;
const keptBytes = 64 << 20;
/** The server's limit per response. */
const mostPerResponse = 512;

export const bytesOfImage = ({ channels, height, width }: Shape): number => channels * height * width;

export type PartImages = Awaited<ReturnType<typeof openImages>>;

export async function openImages(run: string, part: PartName) {
  const facts = await imagesFacts(run, part);
  const size = bytesOfImage(facts.shape);
  const perChunk = Math.max(1, Math.min(mostPerResponse, Math.floor(chunkBytes / size)));
  const mostChunks = Math.max(2, Math.floor(keptBytes / (perChunk * size)));
  // The least recently used first.
  const chunks = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();
  function chunkOf(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const chunk =
      chunks.get(index) ??
      fetchPixels(run, part, index * perChunk, perChunk).catch((error: unknown) => {
        chunks.delete(index); // The next request tries again.
        throw error;
      });
    chunks.delete(index);
    chunks.set(index, chunk);
    const [oldest = index] = chunks.keys();
    if (chunks.size > mostChunks) chunks.delete(oldest);
    return chunk;
  }
  return {
    facts,
    /** Copies of the images with these numbers: (N, H, W, C). */
    async read(numbers: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
      const indices = [...new Set(numbers.map((number) => Math.floor(number / perChunk)))];
      const found = new Map(await Promise.all(indices.map(async (index) => [index, await chunkOf(index)] as const)));
      const all = new Uint8Array(numbers.length * size);
      numbers.forEach((number, at) => {
        const chunk = found.get(Math.floor(number / perChunk));
        const from = (number % perChunk) * size;
        if (chunk === undefined || chunk.length < from + size) throw new Error(`the server did not send image ${number}`);
        all.set(chunk.subarray(from, from + size), at * size);
      });
      return all;
    },
  };
}

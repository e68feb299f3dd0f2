/** Images as views see them, and means over views. */
import type { Shape } from '../network/network.ts';
import { viewsOf, type View, type ViewsName } from '../network/views.ts';
import { bytesOf, type Part } from './dataset.ts';
import { derived } from './images.ts';

/** What is seen at a place: mirrored at the edge, without the edge. A side of one pixel has nothing beside it. */
function seenAt(place: number, side: number): number {
  if (side === 1) return 0;
  if (place < 0) return -place;
  return place < side ? place : 2 * (side - 1) - place;
}

/** The images (N, C, H, W) of a part as a view sees them: moved, then mirrored. */
export function viewOf(part: Part, shape: Shape, { mirrored, moved }: View): Part {
  if (!mirrored && moved === 0) return part;
  const { height, width } = shape;
  const rows = Array.from({ length: height }, (_none, y) => seenAt(y - moved, height) * width);
  const columns = Array.from({ length: width }, (_none, x) => seenAt((mirrored ? width - 1 - x : x) - moved, width));
  const [area, size] = [height * width, bytesOf(shape)];
  const write = (first: number, count: number, to: Uint8Array): void => {
    const from = part.images.subarray(first * size, (first + count) * size);
    let at = 0;
    for (let plane = 0; plane < from.length; plane += area)
      for (const row of rows) for (const column of columns) to[at++] = from[plane + row + column] as number;
  };
  return { images: derived(part.labels.length, size, write), labels: part.labels };
}

/** The weighted mean of what is computed of each view. */
export async function meanOfViews(
  part: Part,
  shape: Shape,
  views: ViewsName,
  compute: (part: Part) => Promise<Float32Array>,
): Promise<Float32Array> {
  if (views === 'image') return compute(part);
  let sum: Float64Array | undefined;
  for (const view of viewsOf(views)) {
    const values = await compute(viewOf(part, shape, view));
    sum ??= new Float64Array(values.length);
    for (let at = 0; at < sum.length; at++) (sum[at] as number) += view.weight * (values[at] as number);
  }
  return Float32Array.from(sum ?? []);
}

/**
 * Moves an image by −m … m pixels on each axis, uniformly and independently, m = round(fraction · side) with the axis' own
 * side (4 of 32 in the paper). What comes in is black before normalisation, or with `edges` mirror the image mirrored at its
 * edge pixel, which is not repeated (the padding that numpy and PyTorch call `reflect`). Draws two integers: down, then right.
 */
import type { Shape } from '../../network/network.ts';
import { assert } from '../../util/assert.ts';
import type { Augmentation, EdgeName } from './augmentation.ts';

/** Moves an image in place. */
type Move = (image: Uint8Array, down: number, right: number) => void;

const moveOverBlack = ({ channels, height, width }: Shape): Move => {
  const area = height * width;
  return (image, down, right) => {
    const forward = down * width + right;
    // One move a channel; then the rows that nothing reached, and the columns that came from the neighbouring row.
    const [firstStrange, endStrange] = right >= 0 ? [0, right] : [width + right, width];
    for (let start = 0; start < channels * area; start += area) {
      const end = start + area;
      if (Math.abs(forward) >= area) {
        image.fill(0, start, end);
      } else if (forward >= 0) {
        image.copyWithin(start + forward, start, end - forward);
        image.fill(0, start, start + forward);
      } else {
        image.copyWithin(start, start - forward, end);
        image.fill(0, end + forward, end);
      }
      for (let row = start; row < end; row += width) for (let x = firstStrange; x < endStrange; x++) image[row + x] = 0;
    }
  };
};

/** The pixel, 0 … side − 1, that is seen at a place outside of them: mirrored at the edges, as often as it takes. */
function reflected(place: number, side: number): number {
  if (side === 1) return 0;
  const period = 2 * (side - 1);
  const within = ((place % period) + period) % period;
  return within < side ? within : period - within;
}

/** Any move, pixel by pixel. */
const moveFar = ({ channels, height, width }: Shape): Move => {
  const before = new Uint8Array(channels * height * width);
  const columns = new Uint16Array(width);
  return (image, down, right) => {
    before.set(image);
    for (let x = 0; x < width; x++) columns[x] = reflected(x - right, width);
    for (let channel = 0, at = 0; channel < channels; channel++)
      for (let y = 0; y < height; y++) {
        const from = (channel * height + reflected(y - down, height)) * width;
        for (let x = 0; x < width; x++) image[at++] = before[from + (columns[x] as number)] as number;
      }
  };
};

const moveOverMirror = (shape: Shape): Move => {
  const { channels, height, width } = shape;
  const [overBlack, far] = [moveOverBlack(shape), moveFar(shape)];
  return (image, down, right) => {
    if (2 * Math.abs(down) >= height || 2 * Math.abs(right) >= width) return far(image, down, right);
    // What is seen in the mirror is still in the image. First the columns that came in, then whole rows.
    overBlack(image, down, right);
    const [edgeColumn, firstColumn, endColumn] = right >= 0 ? [right, 0, right] : [width - 1 + right, width + right, width];
    const [edgeRow, firstRow, endRow] = down >= 0 ? [down, 0, down] : [height - 1 + down, height + down, height];
    for (let row = 0; row < image.length; row += width)
      for (let x = firstColumn; x < endColumn; x++) image[row + x] = image[row + 2 * edgeColumn - x] as number;
    for (let channel = 0; channel < channels; channel++)
      for (let y = firstRow; y < endRow; y++) {
        const from = (channel * height + 2 * edgeRow - y) * width;
        image.copyWithin((channel * height + y) * width, from, from + width);
      }
  };
};

const moves = { black: moveOverBlack, mirror: moveOverMirror };

/** Moves an image of that shape in place, by pixels down and to the right. */
export const moverOf = (edges: EdgeName, shape: Shape): Move => moves[edges](shape);

/** The farthest moves of a shift by that fraction of the side, pixels. */
export const farthestShift = (fraction: number, { height, width }: Shape): { readonly down: number; readonly right: number } => ({
  down: Math.round(fraction * height),
  right: Math.round(fraction * width),
});

export const shift = {
  stage: 'pixels',
  create({ shift: fraction, edges }, { shape }) {
    assert(fraction >= 0 && fraction <= 1, () => `a shift of 0 … 1, not ${fraction}`);
    const farthest = farthestShift(fraction, shape);
    if (farthest.down === 0 && farthest.right === 0) return undefined;
    const move = moverOf(edges, shape);
    return (image, random) => {
      const down = random.integer(2 * farthest.down + 1) - farthest.down;
      move(image, down, random.integer(2 * farthest.right + 1) - farthest.right);
    };
  },
} as const satisfies Augmentation;

/** How images of any proportions become images of one shape. Pure; what decodes and the page in the browser follow it alike. */

export interface Sides {
  readonly height: number;
  readonly width: number;
}

export const fitSummaries = {
  crop: 'the shape is covered, and what lies beyond it at two opposite sides is cut off',
  pad: 'the whole image, and around it the colours of its edges',
  stretch: 'the whole image, with other proportions',
} as const;

export type Fit = keyof typeof fitSummaries;
export const fits = Object.keys(fitSummaries) as [Fit, ...Fit[]];

/** What was done to images, after their size. */
export const fitWords: { readonly [F in Fit]: string } = {
  crop: 'cut to their centre square',
  pad: 'padded',
  stretch: 'stretched',
};

/** From this share of the pixels on, images are padded where nothing else is said. */
const mostCut = 0.05;

/** How images are best brought to squares, and the share of their pixels that cropping cuts off: the mean over images. */
export interface FoundFit {
  readonly fit: Fit;
  readonly cut: number;
}

export function findFit(images: readonly Sides[]): FoundFit {
  const shares = images.map(({ height, width }) => Math.abs(height - width) / Math.max(height, width));
  const cut = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, images.length);
  // Rounding of the sum must not matter at the limit itself.
  return { fit: cut >= mostCut - 1e-9 ? 'pad' : 'crop', cut };
}

/** An image's sides within a shape that it fills in one direction, and what is free in front of it. Pixels. */
export function padded(image: Sides, shape: Sides): Sides & { readonly top: number; readonly left: number } {
  const scale = Math.min(shape.height / image.height, shape.width / image.width);
  const side = (length: number, most: number): number => Math.min(most, Math.max(1, Math.round(scale * length)));
  const [height, width] = [side(image.height, shape.height), side(image.width, shape.width)];
  return { height, width, top: (shape.height - height) >> 1, left: (shape.width - width) >> 1 };
}

/**
 * The views of an image whose logits may be averaged: the image, its mirror image, and both moved by a pixel, as "94% on CIFAR-10 in
 * 3.29 Seconds on a Single GPU" (Jordan 2024, arXiv 2404.00498, §3.5) evaluates.
 */

export interface View {
  readonly mirrored: boolean;
  /** Pixels that the image moves to the right and down; what comes in is mirrored at the image's edge, without the edge itself. */
  readonly moved: -1 | 0 | 1;
  /** Of the mean. */
  readonly weight: number;
}

/** Each, for people who choose. */
export const viewSummaries = {
  image: 'the image alone',
  flips: 'the image and its mirror image',
  shifts: 'both, and both moved by a pixel either way',
} as const;

export type ViewsName = keyof typeof viewSummaries;

const both = (moved: View['moved'], share: number): readonly View[] =>
  [false, true].map((mirrored) => ({ mirrored, moved, weight: share / 2 }));

const table: { readonly [Name in ViewsName]: readonly View[] } = {
  image: [{ mirrored: false, moved: 0, weight: 1 }],
  flips: both(0, 1),
  shifts: [...both(0, 0.5), ...both(-1, 0.25), ...both(1, 0.25)],
};

export const viewsOf = (name: ViewsName): readonly View[] => table[name];

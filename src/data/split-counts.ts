/** How many images train and validate, told beforehand and without the images: pages in a browser ask it too. */

/** Validation images that are kept where only a part of the training images is used. */
const fewestValidation = 2000;

/** How many validate where at most so many train. `share`: of all, what validates. */
export const validatedOf = (images: number, share: number): number =>
  Math.max(fewestValidation, Math.round((images * share) / (1 - share)));

/** Of so many images that divide evenly among the classes; of others, up to rounding in each class. */
export function splitCounts(
  all: number,
  { validation: share, images }: { readonly validation: number; readonly images: number | null },
): { readonly train: number; readonly validation: number } {
  const held = Math.round(share * all);
  if (images === null) return { train: all - held, validation: held };
  return { train: Math.min(images, all - held), validation: Math.min(held, validatedOf(images, share)) };
}

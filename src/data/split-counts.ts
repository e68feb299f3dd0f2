/** How many images train and validate, computed without the images, also in the browser. */

/** Least validation images where only a part of the training images is used. */
const fewestValidation = 2000;

/** Validation images where at most `images` train. `share`: of all images, those that validate. */
export const validatedOf = (images: number, share: number): number =>
  Math.max(fewestValidation, Math.round((images * share) / (1 - share)));

/** How many training images there are, and how many of them are given to validate; undefined: a share of them is. */
interface TrainingImages {
  readonly trainImages: number;
  readonly validationImages?: number | undefined;
}

/** Exact where the images divide evenly among the classes; else up to rounding in each class. */
export function splitCounts(
  { trainImages: all, validationImages: given }: TrainingImages,
  { validation, images }: { readonly validation: number; readonly images: number | null },
): { readonly train: number; readonly validation: number } {
  const held = given ?? Math.round(validation * all);
  const share = given === undefined ? validation : given / all;
  if (images === null) return { train: all - held, validation: held };
  return { train: Math.min(images, all - held), validation: Math.min(held, validatedOf(images, share)) };
}

/** How the pixels of an .onnx file of any origin are scaled: as an option or the file says, else by trying; and the line that says it. */
import { picked, type Part } from '../data/dataset.ts';
import { usualScalings, type NamedScaling, type PixelOptions, type Scaling } from '../data/pixel-scales.ts';
import { evenlySpaced } from '../data/split.ts';
import type { Shape } from '../network/network.ts';
import { assumedLine, knownPixels, type ReadPixels } from '../run/preparing/given-pixels.ts';
import { chooseScaling, likenessOf, type Tried } from '../run/preparing/pixel-evidence.ts';
import { measureLogits, scoresAsLogits } from '../training/measure.ts';
import type { ForeignModel } from './foreign.ts';

export interface AssumedPixels {
  /** The model takes (pixel/255 − mean)/std. */
  readonly scaling: Scaling;
  /** For people: what was found in the file, and what was assumed. */
  readonly line: string;
}

/** What was read of a model that its pixels depend on. */
function readOf({ where, classifier, stem }: ForeignModel): ReadPixels {
  const { channels, elementType, layout } = classifier.input;
  return {
    called: where,
    takesBytes: elementType === 'uint8',
    channelsLast: layout === 'NHWC',
    channels,
    metadata: classifier.metadata,
    inside: stem?.inside ?? null,
    normalisation: stem?.normalisation ?? null,
    brightest: stem?.brightest ?? null,
  };
}

/** Images that scalings are tried on, at most; of few images a share, so that trying takes no longer than measuring. */
const mostTried = 256;
const leastTried = 64;
const triedShare = 1 / 8;

/** Of labelled images, what each scaling leads to. */
async function trying(model: ForeignModel, scalings: readonly NamedScaling[], part: Part, shape: Shape): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const scaling of scalings) {
    const scores = await model.logits(part, shape, scaling);
    const classes = scores.length / part.labels.length;
    // Another number of classes is refused where it is measured.
    if (!part.labels.every((label) => label < classes)) return [];
    const { accuracy, loss } = measureLogits(scoresAsLogits(scores, classes), part.labels, classes);
    // Of pixels that overflow.
    tried.push({ scaling, accuracy, loss: Number.isNaN(loss) ? Infinity : loss });
  }
  return tried;
}

/** What options or the file say; null where neither does. `own`: the mean and deviation of the data. */
export function saidPixels(model: ForeignModel, given: PixelOptions, own: Scaling | null): AssumedPixels | null {
  const known = knownPixels(readOf(model), given, own);
  return known === null ? null : { scaling: known.input, line: known.line };
}

/**
 * `part`: images of the model's shape. `labelled`: whether their labels are the model's classes. `own`: the mean and deviation of
 * the data, where there are images enough.
 */
export async function pixelsFor(
  model: ForeignModel,
  given: PixelOptions,
  part: Part,
  shape: Shape,
  labelled: boolean,
  own: Scaling | null,
): Promise<AssumedPixels> {
  const { classifier, stem } = model;
  const said = saidPixels(model, given, own);
  if (said !== null) return said;
  const scalings = usualScalings(classifier.input.channels, own);
  const count = part.labels.length;
  const most = Math.min(mostTried, Math.max(leastTried, Math.floor(triedShare * count)));
  const some = picked(
    part,
    shape,
    evenlySpaced(
      Uint32Array.from(part.labels, (_label, index) => index),
      most,
    ),
  );
  const tried = labelled ? await trying(model, scalings, some, shape) : [];
  const classes = classifier.count ?? Math.max(2, ...part.labels) + 1;
  const likeness = stem === null ? null : likenessOf(stem, scalings, some, shape);
  const chosen = chooseScaling(scalings, tried, tried.length === 0 ? 0 : some.labels.length, classes, likeness);
  return { scaling: chosen.scaling, line: assumedLine(readOf(model), chosen) };
}

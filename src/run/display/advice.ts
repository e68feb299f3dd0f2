/** What a run used of its data, and which next steps would help most: sentences from its state and configuration. Pure. */
import { splitCounts } from '../../data/split-counts.ts';
import { bestCandidate } from '../../search/ranking.ts';
import { endsWithHead } from '../../search/head-alone.ts';
import { limitedSizes, sizes } from '../../search/sizes.ts';
import { classCounts } from '../../util/confusion.ts';
import { quoted } from '../../util/quoted.ts';
import { formatPercent, formatWhole, plural, printable } from '../../util/words.ts';
import { plannedSettings } from '../planning/budget.ts';
import type { Config } from '../record/config.ts';
import type { RunState } from '../record/replay.ts';

export interface Advised {
  readonly run: RunState;
  readonly config: Config;
  /** The run's folder, for commands. */
  readonly root: string;
}

interface UsedImages {
  readonly train: number;
  readonly validation: number;
  readonly all: number;
}

/** Training images in all. */
const allImagesOf = ({ data: { trainImages, sampledFrom = trainImages } }: Config): number => sampledFrom;

const usedImages = ({ run, config }: Advised): UsedImages => ({
  ...splitCounts(config.data, plannedSettings(config.settings, run.plan)),
  all: allImagesOf(config),
});

/** `all 6,000 training images, 600 of them to compare networks; 1,000 test images` */
export function usedData(advised: Advised): string {
  const { train, validation, all } = usedImages(advised);
  const used = train + validation;
  const images = used < all ? `${formatWhole(used)} of ${plural(all, 'training image')}` : `all ${plural(all, 'training image')}`;
  // The final training leaves them out, where it is validated.
  const use = advised.config.settings.validatesFinal ? 'to validate, not to train' : 'to compare networks';
  return `${images}, ${formatWhole(validation)} of them ${use}; ${plural(advised.config.data.testImages, 'test image')}`;
}

/** Folders of images are brought to at most this many pixels a side unless `--image-size` says otherwise. */
const usualSide = 64;
const largerSide = 96;
/** With fewer training images a trained start helps, and with so few of each class more than anything else. */
const fewImages = 20_000;
const fewOfClass = 500;
/** FIGURES OF TRAINED STARTS, from LOG.md: whoever measures them again writes them here, and nowhere else. */
const measuredStart =
  'EfficientNet-Lite0 on 3,301 photos of five flowers had 82.6 %, from scratch 73.5 to 76.7 %; on 18 photos of each 61.0 ± 2.6 %';
/** A class counts as weak when so much less of it is right than of all, on at least so many test images. */
const weaker = 0.05;
const leastOfClass = 5;
const namedClasses = 3;
/** Most next steps that are said. */
const mostSteps = 3;

/** Photos of one's own, of which there can be more and larger ones: not a name, nor files of fixed images. */
const isOwn = ({ data }: Config): boolean => data.where !== undefined;

/** Classes of which the least is right on the test images, the worst first. */
export function weakClasses({
  run,
  config,
}: Pick<Advised, 'run' | 'config'>): readonly { readonly name: string; readonly share: number }[] {
  const { search } = run;
  const test = search.tests.get(bestCandidate(search) ?? 'final');
  if (test === undefined) return [];
  return classCounts(test.confusion)
    .map(({ images, right }, index) => ({
      name: config.data.classes[index] ?? '',
      count: images,
      share: images === 0 ? 1 : right / images,
    }))
    .filter(({ count, share }) => count >= leastOfClass && share < test.measured.accuracy - weaker)
    .toSorted((a, b) => a.share - b.share)
    .slice(0, namedClasses);
}

type Rule = (advised: Advised) => string | null;

/** A time as the option takes it. */
const timeOf = (seconds: number): string => (seconds < 120 ? `${Math.ceil(seconds)}s` : `${Math.ceil(seconds / 60)}m`);

/** Multiply-adds as the option takes them: `30T`. */
function workOf(work: number): string {
  const power = Math.min(4, Math.floor(Math.log10(work) / 3));
  return `${Number((work / 1000 ** power).toPrecision(3))}${['', 'k', 'M', 'G', 'T'][power] ?? ''}`;
}

const finish: Rule = ({ run }) => (run.search.finished ? null : 'let it finish: it was stopped before its end');

/** Options of limits: of those that the run has, and of the usual ones. */
const limitOptions = ({ settings: { limits } }: Config): string =>
  [
    ...limitedSizes
      .filter((name) => name === 'parameters' || name === 'multiplyAdds' || limits[name] !== null)
      .map((name) => sizes[name].option),
    '--max-memory',
  ].join(', ');

/** By what stopped the search. */
const moreTime: Rule = ({ run, config, root }) => {
  const { search } = run;
  const budget = run.budget ?? config.budget;
  if (!search.finished) return null;
  if (endsWithHead(search)) return 'train all layers: without --freeze all-but-head';
  if (budget !== null) return `give it more time: instar resume ${quoted(root)} --budget +${timeOf(budget)}`;
  if (search.stop?.reason === 'limits') return `allow larger networks (${limitOptions(config)}): no mutation fitted the limits`;
  const { work } = config.settings;
  if (work !== null) return `train for longer: --work ${workOf(2 * work)}, or --budget with the time that you have`;
  return search.stop?.reason === 'steps'
    ? 'allow more steps and epochs: --steps, --epochs and --final-epochs, or --budget'
    : null;
};

const allImages: Rule = (advised) => {
  const { train, validation, all } = usedImages(advised);
  if (train + validation >= all) return null;
  return advised.config.settings.images === null
    ? `a longer --budget: it then uses more of the ${plural(all, 'training image')}`
    : `use all ${plural(all, 'training image')}: without --images ${advised.config.settings.images}`;
};

const morePhotos: Rule = (advised) => {
  if (!isOwn(advised.config)) return null;
  const weak = weakClasses(advised);
  if (weak.length === 0) return null;
  const named = weak.map(({ name, share }) => `${printable(name)} (${formatPercent(share)} right)`).join(', ');
  return `add photos of the ${weak.length === 1 ? 'class that is' : 'classes that are'} right least often: ${named}`;
};

const largerImages: Rule = ({ config }) => {
  const { data, from } = config;
  const isUsual = data.imageSize === null && from === null && data.shape.height === usualSide && data.shape.width === usualSide;
  if (!isOwn(config) || !isUsual) return null;
  const times = (largerSide / usualSide) ** 2;
  return `larger images, where the photos have more pixels: --image-size ${largerSide} (now ${usualSide}; each takes ${times.toFixed(1)} times as long)`;
};

const isFromScratch = (config: Config): boolean => isOwn(config) && config.from === null && allImagesOf(config) < fewImages;

/** What a trained start would likely give, and how. */
interface StartAdvice {
  readonly words: string;
  readonly command: string;
  readonly source: string;
}

/** With few photos of a class, from scratch; else null. */
export function trainedStartAdvice(config: Config): StartAdvice | null {
  const { data } = config;
  if (!isFromScratch(config) || allImagesOf(config) >= fewOfClass * data.classes.length) return null;
  return {
    words: 'begin with a network that was trained on many other photos',
    command: `instar search ${quoted(data.reference)} --from start.onnx`,
    source: `docs/trained-starts.md says where to get one; ${measuredStart}`,
  };
}

/** The same in two lines; else none. */
export function adviseTrainedStart(config: Config): readonly string[] {
  const advice = trainedStartAdvice(config);
  return advice === null ? [] : [`${advice.words}: ${advice.command}`, advice.source];
}

const trainedStartForFew: Rule = ({ config }) => {
  const lines = adviseTrainedStart(config);
  return lines.length === 0 ? null : lines.join('\n');
};

const trainedStart: Rule = ({ config }) =>
  isFromScratch(config) && adviseTrainedStart(config).length === 0
    ? 'start from a network that was trained on similar images: --from MODEL.onnx, or --from another run'
    : null;

const views: Rule = ({ config, root }) =>
  config.settings.augmentation.flip
    ? `average over mirror images, without further training: instar predict ${quoted(root)} IMAGE --views flips`
    : null;

/** By how much they help, the most first. */
const rules: readonly Rule[] = [finish, trainedStartForFew, moreTime, allImages, morePhotos, trainedStart, largerImages, views];

/** Two or three next steps, as far as there are so many, the most helpful first. One may have two lines. */
export const nextSteps = (advised: Advised): readonly string[] =>
  rules.flatMap((rule) => rule(advised) ?? []).slice(0, mostSteps);

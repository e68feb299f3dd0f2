/**
 * The program that checks the data of a search as the search would: the first argument is the options as JSON, and a line of JSON goes to
 * stdout for each thing that is known.
 */
import sharp from 'sharp';
import { channelsLast, bytesOf, type Dataset } from '../data/dataset.ts';
import { splitDataset } from '../data/split.ts';
import { readTexts } from '../options/option.ts';
import { planOptions } from '../options/table.ts';
import { adviseTrainedStart } from '../run/display/advice.ts';
import { describeConfig } from '../run/display/wording.ts';
import { optionsFrom } from '../run/preparing/asked.ts';
import { begin } from '../run/preparing/begin.ts';
import { configOf } from '../run/preparing/config-of.ts';
import { temporaryCache } from '../run/preparing/spare-cache.ts';
import { UserError } from '../util/user-error.ts';
import { printableLines } from '../util/words.ts';
import type { CheckNews, ClassSamples } from './api.ts';

const say = (news: CheckNews): void => void process.stdout.write(`${JSON.stringify(news)}\n`);

/** Classes of which pictures are shown, pictures of each, and pixels a side, at most. */
const mostClasses = 20;
const picturesOfClass = 4;
const largestSide = 128;

/** Training images of the first classes, evenly drawn from each, as they are trained on. */
async function samplesOf(dataset: Dataset, indices: Uint32Array): Promise<readonly ClassSamples[]> {
  const { train, shape, classes } = dataset;
  const { channels, height, width } = shape;
  const size = bytesOf(shape);
  const ofClass = classes.slice(0, mostClasses).map((): number[] => []);
  for (const index of indices) ofClass[train.labels[index] as number]?.push(index);
  const picture = async (index: number): Promise<string> => {
    const pixels = channelsLast(train.images.subarray(index * size, (index + 1) * size), shape);
    const raw = { width, height, channels: channels as 1 | 3 };
    const small = sharp(pixels, { raw }).resize({
      width: largestSide,
      height: largestSide,
      fit: 'inside',
      withoutEnlargement: true,
    });
    return `data:image/png;base64,${(await small.png().toBuffer()).toString('base64')}`;
  };
  return Promise.all(
    ofClass.map(async (all, at) => {
      const count = Math.min(picturesOfClass, all.length);
      const drawn = Array.from({ length: count }, (_none, n) => all[Math.floor((n * all.length) / count)] as number);
      return { name: classes[at] ?? '', pictures: await Promise.all(drawn.map(picture)) };
    }),
  );
}

const spare = temporaryCache();
try {
  const { dataset: reference, texts } = JSON.parse(process.argv[2] ?? '') as {
    readonly dataset: string;
    readonly texts: Readonly<Record<string, readonly string[]>>;
  };
  const options = { ...optionsFrom(reference, readTexts(planOptions, texts)), onData: say };
  const beginning = await begin(options, spare);
  const { dataset, settings, prepared, leftOut } = beginning;
  const { validation, images } = settings;
  const { train } = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const origin = prepared === null ? null : { network: prepared.network, checkpoint: '', compared: null };
  const config = configOf(options, beginning, origin);
  adviseTrainedStart(config).forEach((line, at) =>
    say({ kind: 'note', message: at === 0 ? `With so few photos ${line} (the field Trained start)` : line }),
  );
  say({
    kind: 'checked',
    lines: describeConfig(config),
    leftOut: leftOut.map(({ path, reason }) => `${path}: ${reason}`).slice(0, 100),
    samples: await samplesOf(dataset, train),
  });
} catch (error) {
  if (!(error instanceof UserError))
    process.stderr.write(`${printableLines(error instanceof Error ? (error.stack ?? '') : String(error))}\n`);
  say({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
} finally {
  spare.remove();
}

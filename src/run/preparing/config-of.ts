/** The configuration of a run, from what was given and what was found. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { datasetNames } from '../../data/resolve.ts';
import type { Origin } from '../../search/next.ts';
import { givenNames } from '../../search/setting-names.ts';
import { plannedByWork, type SettingsOverride } from '../../search/settings.ts';
import { version } from '../../util/version.ts';
import type { Config } from '../record/config.ts';
import { format } from '../record/journal.ts';
import type { AskedOptions, Beginning } from './begin.ts';
import { precisionOf } from './precision.ts';

/** For the plan of a budget, which is made when the run has begun. */
function givenOf(settings: SettingsOverride): Pick<Config, 'given'> {
  const given = givenNames(settings, plannedByWork);
  return given.length === 0 ? {} : { given: [...given] };
}

/** Where labels are, for the configuration. A table in the folder of the images may be named from there. */
function labelsOf({ labels, labelColumn, dataset }: AskedOptions): Pick<Config['data'], 'labels'> {
  if (labels === undefined && labelColumn === undefined) return {};
  const file = labels === undefined ? {} : { file: resolve(existsSync(labels) ? labels : join(dataset, labels)) };
  return { labels: { ...file, ...(labelColumn === undefined ? {} : { column: labelColumn }) } };
}

/** What was said of the pixels of the given network. */
const pixelsOf = ({ pixels, mean, std }: AskedOptions): Pick<NonNullable<Config['from']>, 'pixels' | 'mean' | 'std'> => ({
  ...(pixels === undefined ? {} : { pixels }),
  ...(mean === undefined ? {} : { mean: [...mean] }),
  ...(std === undefined ? {} : { std: [...std] }),
});

/** What determines the run. `origin`: of the given network, where there is one. */
export function configOf(
  options: AskedOptions & { readonly vanilla?: string },
  {
    preset,
    workers,
    device,
    engine,
    engineName,
    dataset,
    path,
    settings,
    prepared,
    side,
    reading,
    sampledFrom,
    times,
    given,
    imageSize,
  }: Beginning,
  origin: Origin | null,
): Config {
  const { mean, std } = prepared?.normalisation ?? dataset;
  return {
    format,
    instar: version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    preset,
    settings,
    data: {
      reference: options.dataset,
      ...(datasetNames.includes(options.dataset) ? {} : { where: resolve(options.dataset) }),
      imageSize,
      ...labelsOf(options),
      ...(reading === undefined ? {} : { reading }),
      folder: options.dataFolder === undefined ? null : resolve(options.dataFolder),
      path,
      hash: dataset.hash,
      name: dataset.name,
      classes: [...dataset.classes],
      shape: dataset.shape,
      mean: [...mean],
      std: [...std],
      trainImages: dataset.train.labels.length,
      ...(sampledFrom === undefined ? {} : { sampledFrom }),
      testImages: dataset.test.labels.length,
      ...(dataset.validationImages === undefined ? {} : { validationImages: dataset.validationImages }),
    },
    from:
      prepared === null || origin === null
        ? null
        : {
            reference: prepared.reference,
            checkpoint: origin.checkpoint,
            imageSize: side,
            ...pixelsOf(options),
            normalises: prepared.normalisation !== null,
            compared: origin.compared,
          },
    ...(times === undefined ? {} : { times }),
    vanilla: options.vanilla ?? null,
    engine: {
      name: engineName,
      device,
      convolution: options.convolution ?? 'auto',
      ...precisionOf(options, settings, engine),
      version: engine.fingerprint.version,
      instructionSet: engine.fingerprint.instructionSet,
    },
    workers,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    budget: options.budget ?? null,
    ...givenOf(given),
  };
}

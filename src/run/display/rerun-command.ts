/** The command line that begins a run again: what `search` was given, in its options. Pure. */
import { givenReading, usualReading } from '../../data/reading.ts';
import type { Config } from '../record/config.ts';
import { differingSettings, valueOf } from '../../search/setting-names.ts';
import { presetNames } from '../../search/settings.ts';
import { quoted } from '../../util/quoted.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The table of labels from the folder of the images, or its whole path. */
const shownTable = (file: string, where: string | undefined, place: 'as given' | 'from anywhere'): string =>
  place === 'from anywhere'
    ? file
    : where !== undefined && file.startsWith(`${where}/`)
      ? file.slice(where.length + 1)
      : baseOf(file);

const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * `from anywhere`: with the whole path of the data, which a page that is passed on should not tell. Every setting that is not the
 * preset's, the seed, and what the bits depend on: engine, workers, threads, memory.
 */
export function searchAgain(config: Config, place: 'as given' | 'from anywhere'): string {
  const { data, from, vanilla, settings, engine, workers, budget } = config;
  // Given by options of their own, or by the network that is grown further.
  const given = new Set(['seed', 'method', ...(from === null ? [] : ['widths'])]);
  const preset = presetNames.find((name) => name === config.preset);
  const names = preset === undefined ? [] : differingSettings(settings, preset).filter((name) => !given.has(name));
  // The workers' memory decides which children can be; where it was not given, it is what was free then.
  const memory = ['--set', `limits.memory=${settings.limits.memory}`];
  const words = [
    'instar',
    'search',
    (place === 'from anywhere' ? data.where : undefined) ?? data.reference,
    ...(data.folder === null ? [] : ['--data', data.folder]),
    ...(data.imageSize === null ? [] : ['--image-size', String(data.imageSize)]),
    ...(data.labels?.file === undefined ? [] : ['--labels', shownTable(data.labels.file, data.where, place)]),
    ...(data.labels?.column === undefined ? [] : ['--label-column', data.labels.column]),
    ...(data.reading === undefined || data.reading.background === usualReading.background
      ? []
      : ['--background', data.reading.background]),
    ...(data.reading === undefined ? [] : ['--fit', givenReading(data.reading).fit]),
    ...(data.reading?.strict === true ? ['--strict'] : []),
    ...(from === null ? [] : ['--from', from.reference]),
    ...(from?.pixels === undefined ? [] : ['--pixels', from.pixels]),
    ...(from?.mean === undefined ? [] : ['--mean', from.mean.join()]),
    ...(from?.std === undefined ? [] : ['--std', from.std.join()]),
    ...(vanilla === null ? [] : ['--vanilla', vanilla]),
    '--preset',
    config.preset,
    '--method',
    settings.method,
    '--seed',
    String(settings.seed),
    ...names.flatMap((name) => ['--set', `${name}=${text(valueOf(settings, name))}`]),
    ...(budget === null ? [] : ['--budget', `${Number(budget.toFixed(3))}s`]),
    '--workers',
    String(workers),
    ...(config.threads === undefined ? [] : ['--threads', String(config.threads)]),
    '--engine',
    engine.name,
    ...(engine.device === 'cpu' ? [] : ['--device', engine.device]),
    '--convolution',
    engine.convolution,
    '--precision',
    engine.precision ?? 'f32',
    ...memory,
  ];
  return words.map(quoted).join(' ');
}

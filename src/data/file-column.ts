/** Which column of a table names the images of a folder: by what is in it, helped by its name. Pure. */
import { UserError } from '../util/user-error.ts';
import type { Found, ImageIndex } from './image-index.ts';
import { hasImageExtension } from './image-kinds.ts';
import type { Column } from './label-column.ts';

/** Rows that a column is judged by, at most. */
const sampled = 1000;

export const everyNth = <T>(items: readonly T[]): T[] =>
  items.filter((_item, at) => at % Math.ceil(items.length / sampled) === 0);

/** What a name stands for where it is only tried; names that lead elsewhere are refused when they are used. */
export function tried(index: ImageIndex, name: string, from: string): Found {
  try {
    return index.find(name, from, () => false);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const wordsOf = (name: string): readonly string[] => name.toLowerCase().split(/[^a-z]+/);
const fileWord = /^(files?|filenames?|images?|img|imagenames?|paths?|filepaths?|ids?)$/;
const maskWord = /^(masks?|segmentations?|annotations?|thumbnails?)$/;

/** What speaks for a column, the strongest first; columns are compared by these numbers. */
interface Score {
  readonly column: Column;
  /** Values of a sample that name images. */
  readonly share: number;
  readonly marks: readonly number[];
}

function scoreOf(column: Column, index: ImageIndex, from: string): Score {
  const sample = everyNth(column.values);
  const found = sample.map((value) => tried(index, value, from)).filter((each) => each !== undefined);
  const images = new Set(found.map((each) => (each === 'several' ? each : each.path)));
  const words = wordsOf(column.name);
  const marks = [
    Number(!words.some((word) => maskWord.test(word))),
    // Numbers of rows may name images, too, but not by whole names.
    Number(sample.every(hasImageExtension)),
    Number(words.some((word) => fileWord.test(word))),
    // Programs write the numbers of rows without a name.
    Number(!/^\d*$/.test(column.name)),
    images.size,
  ];
  return { column, share: found.length / Math.max(1, sample.length), marks };
}

/** Below zero where the first is better. */
function compared(a: Score, b: Score): number {
  const at = a.marks.findIndex((mark, place) => mark !== b.marks[place]);
  return at < 0 ? 0 : (b.marks[at] as number) - (a.marks[at] as number);
}

/** Whether two columns name other images in some row. */
function differ(a: Column, b: Column, index: ImageIndex, from: string): boolean {
  const pathOf = (name: string): string | undefined => {
    const found = tried(index, name, from);
    return found === undefined || found === 'several' ? found : found.path;
  };
  return a.values.some((name, row) => pathOf(name) !== pathOf(b.values[row] ?? ''));
}

/**
 * The column that names the images; undefined where none names any. `where`: for messages. A UserError where two may be meant that
 * name other images.
 */
export function fileColumn(where: string, columns: readonly Column[], index: ImageIndex, from: string): Column | undefined {
  const [best, next] = columns
    .map((column) => scoreOf(column, index, from))
    .filter(({ column, share }) => share >= 0.5 || (share > 0 && everyNth(column.values).every(hasImageExtension)))
    .toSorted(compared);
  if (best === undefined) return undefined;
  if (next !== undefined && compared(best, next) === 0 && differ(best.column, next.column, index, from))
    throw new UserError(
      `${where}: columns ${best.column.name} and ${next.column.name} may both name the images: call the right one file, or remove the other`,
    );
  return best.column;
}

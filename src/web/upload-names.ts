/**
 * The upload of a folder, as page and server agree on it: limits, what is sent first, and the names under which files are kept. Runs in
 * a browser.
 */
import { z } from 'zod';

/** Of one upload. Bytes. */
export const uploadLimits = { files: 50_000, bytes: 8 * 2 ** 30, file: 2 ** 30 } as const;

/** Bytes of what is sent before the files, at most. */
export const longestManifest = 32 << 20;

/** What is sent first: the name of the folder, and path and bytes of each file, in the order in which their contents follow. */
export const uploadManifest = z.strictObject({
  name: z.string().max(300),
  files: z.array(z.tuple([z.string().max(4096), z.int().min(0)])),
});

export type UploadManifest = z.infer<typeof uploadManifest>;

/** Bytes of a name, and of its ending, at most; systems allow 255. */
const longestName = 200;
const longestEnding = 20;

/** Control characters, ends of lines, halves of characters, what turns the direction of writing, and what systems give a meaning. */
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\\/:*?"<>|]/gu;

const encoder = new TextEncoder();
const bytesIn = (text: string): number => encoder.encode(text).length;

/** As many whole characters as have so many bytes. */
function cutTo(text: string, bytes: number): string {
  let kept = '';
  let left = bytes;
  for (const character of text) {
    left -= bytesIn(character);
    if (left < 0) break;
    kept += character;
  }
  return kept;
}

const splitEnding = (name: string): readonly [stem: string, ending: string] => {
  const at = name.lastIndexOf('.');
  return at <= 0 || bytesIn(name.slice(at)) > longestEnding ? [name, ''] : [name.slice(0, at), name.slice(at)];
};

/** A name that every system takes: in composed form, without what is unsafe, not hidden, not too long. `behind`: before its ending. */
export function cleanName(name: string, behind = ''): string {
  const plain = name
    .normalize('NFC')
    .replaceAll(unsafe, '_')
    .replace(/^[.\s]+|[.\s]+$/gu, '');
  const [stem, ending] = splitEnding(plain || '_');
  // Where a name without an ending is cut, a space or a dot may come last.
  return `${cutTo(stem, longestName - bytesIn(ending) - bytesIn(behind))}${behind}${ending}`.replace(/[.\s]+$/u, '');
}

/** Levels of folders, at most. */
const mostLevels = 20;

/** What is wrong with the path of a file, as the end of a sentence; null where nothing is. */
export function pathProblem(path: string): string | null {
  const names = path.split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..')) return 'is no path below the folder';
  return names.length > mostLevels ? `is more than ${mostLevels} levels deep` : null;
}

/**
 * The paths under which files are kept, in their order: each name cleaned, and told apart by a number where another one beside it is
 * the same then. Files of one folder stay in one. Paths are those that have no problem.
 */
export function cleanPaths(paths: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  const folders = new Map<string, string>([['', '']]);
  /** By what names have become, the number to try next. */
  const next = new Map<string, number>();
  const freePath = (above: string, name: string): string => {
    const plain = `${above}${cleanName(name)}`;
    for (let count = next.get(plain) ?? 1; ; count++) {
      const path = count === 1 ? plain : `${above}${cleanName(name, `-${count}`)}`;
      if (taken.has(path)) continue;
      taken.add(path);
      next.set(plain, count + 1);
      return path;
    }
  };
  const folderOf = (names: readonly string[]): string => {
    const key = names.map((name) => `${name}/`).join('');
    const known = folders.get(key);
    if (known !== undefined) return known;
    const made = `${freePath(folderOf(names.slice(0, -1)), names.at(-1) ?? '')}/`;
    folders.set(key, made);
    return made;
  };
  return paths.map((path) => {
    const names = path.split('/');
    return freePath(folderOf(names.slice(0, -1)), names.at(-1) ?? '');
  });
}

/** What is wrong with an upload of so many files and bytes; null where nothing is. `largest`: bytes of the largest file. */
export function sizeProblem(files: number, bytes: number, largest: number): string | null {
  const { files: most, bytes: room, file } = uploadLimits;
  const gibibytes = (count: number): string => `${count / 2 ** 30} GiB`;
  if (files === 0) return 'there is no file in it';
  if (files > most) return `${files} files are more than the ${most} of one upload: put the folder into the data folder yourself`;
  if (bytes > room) return `it is larger than the ${gibibytes(room)} of one upload: put the folder into the data folder yourself`;
  return largest > file ? `a file in it is larger than ${gibibytes(file)}` : null;
}

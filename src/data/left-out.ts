/** Images that cannot be read: how many of them a folder may have, and what is said of those that are left out. */
import { plural } from '../util/words.ts';
import { UserError } from '../util/user-error.ts';

export interface LeftOut {
  readonly path: string;
  /** The end of a sentence. */
  readonly reason: string;
}

/** Share of the images that may be left out, at most. */
const mostShare = 0.1;
/** Images named in an error, and in a note, at most. */
const mostNamed = { error: 10, note: 2 } as const;

function named(files: readonly LeftOut[], most: number): string {
  const more = files.length > most ? `; and ${files.length - most} more` : '';
  return files.slice(0, most).map(leftOutLine).join('; ') + more;
}

/** A line of the list. */
export const leftOutLine = ({ path, reason }: LeftOut): string => `${path}: ${reason}`;

/** Refuses a folder of which too much cannot be read. `all`: images. */
export function checkLeftOut(folder: string, files: readonly LeftOut[], all: number, strict: boolean): void {
  const [first] = files;
  if (first === undefined || (!strict && files.length <= mostShare * all)) return;
  const why = strict ? 'as --strict asks, none is left out' : 'more than a tenth';
  throw new UserError(
    `${folder}: ${files.length} of ${plural(all, 'image')} cannot be read (${why}): ${named(files, mostNamed.error)}`,
  );
}

/** What is said of them, if there are any. */
export const describeLeftOut = (folder: string, files: readonly LeftOut[]): readonly string[] =>
  files.length === 0
    ? []
    : [`${folder}: ${plural(files.length, 'image')} left out that cannot be read: ${named(files, mostNamed.note)}`];

/** Labelled files from tables: the classes, the parts, and what does not fit together. Pure. */
import { UserError } from '../util/user-error.ts';
import { plural } from '../util/words.ts';
import type { LabelledFile, Layout } from './layout.ts';
import type { SourceFile } from './source.ts';

/** The parts that a row may be in. */
export type RowPart = 'train' | 'validation' | 'test';

export interface LabelledRow {
  readonly file: SourceFile;
  /** Not empty. */
  readonly label: string;
  readonly part: RowPart;
  /** Where it stands, for messages: `labels.csv, row 12`. */
  readonly where: string;
}

const quotedName = (name: string): string => (name.length > 60 ? `${name.slice(0, 60)}…` : name);

/** One row a file. A UserError where two rows contradict each other. */
function withoutRepeats(rows: readonly LabelledRow[]): { readonly rows: readonly LabelledRow[]; readonly repeated: number } {
  const seen = new Map<string, LabelledRow>();
  for (const row of rows) {
    const before = seen.get(row.file.path);
    if (before === undefined) seen.set(row.file.path, row);
    else if (before.label !== row.label || before.part !== row.part) {
      const [one, other] = before.label === row.label ? [before.part, row.part] : [before.label, row.label];
      throw new UserError(
        `${row.where}: ${row.file.path} is ${quotedName(other)}, but ${quotedName(one)} in ${before.where}: an image has one label and is in one part`,
      );
    }
  }
  return { rows: [...seen.values()], repeated: rows.length - seen.size };
}

/** The layout of labelled files. Classes are in the order of their names, as folders are. `where`: for messages. */
export function layoutOfRows(where: string, all: readonly LabelledRow[], notes: readonly string[]): Layout {
  const { rows, repeated } = withoutRepeats(all);
  const classes = [...new Set(rows.filter(({ part }) => part === 'train').map(({ label }) => label))].toSorted();
  const labels = new Map(classes.map((name, label) => [name, label]));
  const filesOf = (part: RowPart): LabelledFile[] =>
    rows
      .filter((row) => row.part === part)
      .map((row) => {
        const label = labels.get(row.label);
        if (label === undefined)
          throw new UserError(`${row.where}: a class that the training images of ${where} do not have: ${quotedName(row.label)}`);
        return { ...row.file, label };
      })
      .toSorted((a, b) => a.label - b.label || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const partOrNone = (part: RowPart): LabelledFile[] | undefined => {
    const files = filesOf(part);
    return files.length === 0 ? undefined : files;
  };
  const validation = partOrNone('validation');
  return {
    classes,
    train: filesOf('train'),
    validation,
    test: partOrNone('test'),
    notes: [
      ...notes,
      ...(repeated === 0 ? [] : [`${plural(repeated, 'row')} repeat${repeated === 1 ? 's' : ''} an image with the same label`]),
      ...(validation === undefined ? [] : [`${plural(validation.length, 'image')} of the validation part validate`]),
    ],
  };
}

/** A UserError where there is nothing to tell apart. */
export function checkEnough(where: string, { classes, train }: Layout): void {
  if (train.length === 0) throw new UserError(`${where}: no training images`);
  if (classes.length < 2)
    throw new UserError(`${where}: only one class (${quotedName(classes[0] ?? '')}); at least two are needed`);
}

/** Tags and a note that a person keeps with a run: `notes.json` in its folder. Nothing but the dashboard and the list reads it. */
import { join } from 'node:path';
import { z } from 'zod';
import { reasonOf, writeWhole } from '../util/files.ts';
import { factsOfRunFile, isThere, readRunText } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import { isRun } from '../run/record/folder.ts';
import type { RunNotes } from './api.ts';

export const notesFile = (root: string): string => join(root, 'notes.json');

/** Characters without ends of lines and control characters. */
const tag = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(/^[^\p{C}\p{Zl}\p{Zp},]+$/u, 'must be one line without commas');

/** What a page sends, and the file holds. */
export const notesForm = z.strictObject({
  tags: z.array(tag).max(20),
  note: z
    .string()
    .max(3000)
    .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text.replaceAll(/[\n\t]/g, '')), 'must have no control characters'),
});

/** Bytes of the file, at most. */
const largest = 64 << 10;

export const noNotes: RunNotes = { tags: [], note: '', problem: null };

/** Of a file that cannot be read, why. */
export function readNotes(root: string): RunNotes {
  const path = notesFile(root);
  if (!isThere(path)) return noNotes;
  try {
    if ((factsOfRunFile(path)?.size ?? 0) > largest) throw new UserError(`${path}: too large`);
    return { ...notesForm.parse(JSON.parse(readRunText(path).toString('utf8'))), problem: null };
  } catch (error) {
    const why = error instanceof UserError ? error.message : `${path}: no notes of a run (${reasonOf(error)})`;
    return { ...noNotes, problem: why };
  }
}

/** Replaces the file as a whole. */
export async function writeNotes(root: string, { tags, note }: z.infer<typeof notesForm>): Promise<void> {
  if (!isRun(root)) throw new UserError('notes are kept with runs that have begun');
  const text = `${JSON.stringify({ tags: [...new Set(tags)], note }, null, 2)}\n`;
  await writeWhole(notesFile(root), [new TextEncoder().encode(text)]);
}

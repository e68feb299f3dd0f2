/**
 * The progress of a running search for other processes: `live.json`, written at most once a second and removed when the run ends.
 * Nothing depends on it; a run that was killed leaves an old one behind.
 */
import { rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { z } from 'zod';
import { openRunHandle, readRunText } from '../../util/run-files.ts';
import { progressSchema, type Progress } from '../record/events.ts';

const liveSchema = z.strictObject({
  /** Active seconds of the run. */
  t: z.number(),
  /** The last of each line that a worker is on. */
  progress: z.array(progressSchema),
  /** Where workers are on other machines. */
  elsewhere: z
    .strictObject({
      waiting: z.int().min(0),
      queued: z.int().min(0),
      workers: z.array(z.strictObject({ task: z.string(), worker: z.string(), engine: z.string() })).readonly(),
      returned: z
        .array(z.strictObject({ task: z.string(), worker: z.string(), reason: z.string() }))
        .readonly()
        .optional(),
      others: z.array(z.string()).readonly(),
    })
    .optional(),
});

export type Live = z.infer<typeof liveSchema>;

/** Milliseconds between two writings, at least. */
const interval = 1000;

export interface LiveFile {
  tell(progress: Progress, t: number): void;
  /** That what stands elsewhere may have changed. */
  look(t: number): void;
  /** That line has no task in progress any more. */
  ended(line: string): void;
  /** Ends the file. */
  close(): Promise<void>;
}

const remove = (path: string): void => {
  for (const each of [path, `${path}.part`]) rmSync(each, { force: true });
};

async function replaceText(path: string, text: string): Promise<void> {
  const file = await openRunHandle(path, 'replace');
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

/** `now`: milliseconds of a clock that never goes back. `elsewhere`: of workers on other machines; undefined where there are none. */
export function liveFile(path: string, now: () => number, elsewhere: () => Live['elsewhere'] = () => undefined): LiveFile {
  // What a process that was killed has left is not ours.
  remove(path);
  const latest = new Map<string, Progress>();
  let written = -Infinity;
  let writing: Promise<void> = Promise.resolve();
  let busy = false;
  let closed = false;
  function write(t: number): void {
    if (busy || closed || now() - written < interval) return;
    written = now();
    busy = true;
    // A loss that is no number has no JSON; its line is about to fail for it.
    const progress = [...latest.values()].filter(({ loss }) => Number.isFinite(loss));
    // Whoever watches misses a second of it where this fails, for want of room on the disk say; the run itself does not.
    writing = replaceText(`${path}.part`, JSON.stringify({ t, progress, elsewhere: elsewhere() } satisfies Live))
      .then(() => rename(`${path}.part`, path))
      .catch(() => undefined)
      .finally(() => (busy = false));
  }
  return {
    tell(progress, t) {
      latest.set(progress.line, progress);
      write(t);
    },
    look: write,
    ended: (line) => void latest.delete(line),
    async close() {
      closed = true;
      await writing;
      remove(path);
    },
  };
}

/** The last progress; null where there is none. */
export function readLive(path: string): Live | null {
  try {
    return liveSchema.safeParse(JSON.parse(readRunText(path).toString('utf8'))).data ?? null;
  } catch {
    return null; // No process tells anything, or the file is not by us.
  }
}

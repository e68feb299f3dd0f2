/** Files that are read several at a time, some of which cannot be read. */
import { UserError } from '../util/user-error.ts';
import type { LeftOut } from './left-out.ts';
import type { SourceFile } from './source.ts';

/** Files read at a time. */
const concurrency = 4;

/** What became of a file: its result, or why it cannot be read. */
export type Outcome<R> = { readonly result: R } | { readonly reason: string };

/** The outcomes in order, `concurrency` at a time. An error that is no UserError ends the work. */
export async function inOrder<T extends SourceFile, R>(
  items: readonly T[],
  work: (item: T, at: number) => Promise<R>,
  signal?: AbortSignal,
): Promise<Outcome<R>[]> {
  const outcomes: Outcome<R>[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      const item = items[at] as T;
      try {
        signal?.throwIfAborted();
        outcomes[at] = { result: await work(item, at) };
      } catch (error) {
        if (error instanceof UserError) outcomes[at] = { reason: error.message.replace(`${item.path}: `, '') };
        else {
          next = items.length;
          throw error;
        }
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return outcomes;
}

/** Those that have a result, with it, and those that do not. */
export function sorted<T extends SourceFile, R>(items: readonly T[], outcomes: readonly Outcome<R>[]) {
  const good: { readonly file: T; readonly result: R }[] = [];
  const bad: LeftOut[] = [];
  items.forEach((file, at) => {
    const outcome = outcomes[at] as Outcome<R>;
    if ('reason' in outcome) bad.push({ path: file.path, reason: outcome.reason });
    else good.push({ file, result: outcome.result });
  });
  return { good, bad };
}

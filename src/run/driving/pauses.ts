/** Pauses before a task that failed is tried again. */

/** Seconds before the next try, after so many failures one after another. */
export const pauseAfter = (repeated: number): number => (repeated === 1 ? 0 : Math.min(60, 2 ** (repeated - 2)));

/** They keep their cores meanwhile: other tasks start as if they ran. */
export interface Pauses {
  readonly all: ReadonlyMap<string, { readonly threads: number }>;
  begin(task: string, threads: number, seconds: number): void;
  end(task: string): void;
  clear(): void;
}

export function createPauses(over: (task: string) => void): Pauses {
  const all = new Map<string, { readonly threads: number; readonly timer: NodeJS.Timeout }>();
  const end = (task: string): void => {
    clearTimeout(all.get(task)?.timer);
    all.delete(task);
  };
  return {
    all,
    begin(task, threads, seconds) {
      if (seconds > 0) all.set(task, { threads, timer: setTimeout(() => over(task), 1000 * seconds) });
    },
    end,
    clear: () => [...all.keys()].forEach(end),
  };
}

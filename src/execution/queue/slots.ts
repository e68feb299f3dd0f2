/** Slots for threads: a job waits until as many are free as it needs, in order of arrival. */
export interface Slots {
  /** Calls `act` once there are slots; throws the signal's reason where it is aborted before. Takes all where more are wanted. */
  with<T>(wanted: number, signal: AbortSignal, act: () => Promise<T>): Promise<T>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const queue: { readonly wanted: number; go(): void }[] = [];
  const serve = (): void => {
    for (let next = queue[0]; next !== undefined && next.wanted <= free; next = queue[0]) {
      free -= next.wanted;
      queue.shift()?.go();
    }
  };
  return {
    async with(requested, signal, act) {
      const wanted = Math.min(requested, count);
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          queue.splice(queue.indexOf(entry), 1);
          reject(signal.reason as Error);
          serve();
        };
        const entry = {
          wanted,
          go(): void {
            signal.removeEventListener('abort', leave);
            resolve();
          },
        };
        signal.addEventListener('abort', leave);
        queue.push(entry);
        serve();
      });
      try {
        return await act();
      } finally {
        free += wanted;
        serve();
      }
    },
  };
}

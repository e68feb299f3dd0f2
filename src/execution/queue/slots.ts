/** Places for jobs: one that takes several waits until so many are free, in the order of asking. */
export interface Slots {
  /** Acts once there is room, or throws the signal's reason where that is aborted before. More than there are count as all. */
  with<T>(wanted: number, signal: AbortSignal, act: () => Promise<T>): Promise<T>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const queueing: { readonly wanted: number; go(): void }[] = [];
  const serve = (): void => {
    for (let next = queueing[0]; next !== undefined && next.wanted <= free; next = queueing[0]) {
      free -= next.wanted;
      queueing.shift()?.go();
    }
  };
  return {
    async with(asked, signal, act) {
      const wanted = Math.min(asked, count);
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          queueing.splice(queueing.indexOf(place), 1);
          reject(signal.reason as Error);
          serve();
        };
        const place = {
          wanted,
          go(): void {
            signal.removeEventListener('abort', leave);
            resolve();
          },
        };
        signal.addEventListener('abort', leave);
        queueing.push(place);
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

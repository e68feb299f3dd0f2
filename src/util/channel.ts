/** An unbounded queue between callbacks and a loop. */
export interface Channel<T> {
  put(item: T): void;
  take(): Promise<T>;
}

export function channel<T>(): Channel<T> {
  const items: T[] = [];
  let waiting: ((item: T) => void) | null = null;
  return {
    put(item) {
      if (waiting === null) {
        items.push(item);
        return;
      }
      const resolve = waiting;
      waiting = null;
      resolve(item);
    },
    take: () =>
      new Promise((resolve) => {
        if (items.length > 0) resolve(items.shift() as T);
        else waiting = resolve;
      }),
  };
}

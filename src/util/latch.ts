/** Something to wait for that may have happened already: each waking is heard once, however often it was called. */
export interface Latch {
  wake(): void;
  /** Resolves when it was woken since the last time. */
  woken(): Promise<void>;
}

export function latch(): Latch {
  let isWoken = false;
  let resolveWoken: (() => void) | null = null;
  return {
    wake() {
      isWoken = true;
      resolveWoken?.();
    },
    async woken() {
      if (!isWoken) await new Promise<void>((resolve) => (resolveWoken = resolve));
      [isWoken, resolveWoken] = [false, null];
    },
  };
}

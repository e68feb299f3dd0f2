/** Interrupts of a long command: the first signal stops it in order, the second ends it at once. */
import { exitCodes, type Io } from './io.ts';

/** Milliseconds in which a second signal counts as the first: a terminal and `timeout` may both send one. */
const sameSignal = 200;

export const interrupted = new Error('interrupted');

const nothing = (): void => undefined;

/** `first`: at the first signal; `close`: before the process ends at the second. `stop` removes the listeners. */
export function listenForInterrupts(
  io: Io,
  first: () => void = nothing,
  close: () => void = nothing,
): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  let signalled: number | null = null;
  const onSignal = (): void => {
    if (signalled !== null && io.now() - signalled < sameSignal) return;
    if (signalled !== null) {
      close();
      io.exit(exitCodes.interrupted);
    }
    signalled = io.now();
    first();
    controller.abort(interrupted);
  };
  // The reader of the output is gone.
  const onError = (): void => {
    if (!controller.signal.aborted) controller.abort(interrupted);
  };
  for (const signal of io.stops) io.on(signal, onSignal);
  io.out.on('error', onError);
  return {
    signal: controller.signal,
    stop() {
      for (const signal of io.stops) io.off(signal, onSignal);
      io.out.off('error', onError);
    },
  };
}

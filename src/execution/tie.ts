/** Ties a child process to its parent: it ends with it, and leaves signals to it that are sent to the whole process group. */
import { writeFileSync } from 'node:fs';
import { koffi } from '../util/koffi.ts';

/** Calls a function of glibc by its prototype; does nothing with another libc. */
export function callGlibc(prototype: string, ...values: readonly unknown[]): void {
  try {
    koffi.load('libc.so.6').func(prototype)(...values);
  } catch {
    // The caller's other limits remain.
  }
}

/** Also makes this process the kernel's first choice to end when memory runs out. */
export function tieToParent(): void {
  process.on('disconnect', () => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  if (process.platform !== 'linux') return;
  // The kernel ends this process with its parent even while it is stopped or in a long native call.
  const [setDeathSignal, kill] = [1, 9];
  callGlibc('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)', setDeathSignal, kill, 0, 0, 0);
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Some containers do not allow it.
  }
  // The parent ended before prctl.
  if (!process.connected) process.exit(0);
}

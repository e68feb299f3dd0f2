/**
 * A process that another one forked, bound to it: it ends with its parent, and only so. What a terminal or a scheduler sends to all
 * processes at once is the parent's to decide on.
 */
import { writeFileSync } from 'node:fs';
import koffi from 'koffi';

/** Asks the kernel, too, to be the first to go when memory runs out. */
export function tieToParent(): void {
  process.on('disconnect', () => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  if (process.platform !== 'linux') return;
  // The kernel ends this process with its parent even while it is stopped or inside a long native call.
  const setDeathSignal = 1;
  const kill = 9;
  try {
    koffi.load('libc.so.6').func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)')(
      setDeathSignal,
      kill,
      0,
      0,
      0,
    );
  } catch {
    // Another libc: `disconnect` remains.
  }
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Only a preference: some containers do not allow it.
  }
  // Gone before the kernel was told.
  if (!process.connected) process.exit(0);
}

/** The kernel's locks of open files, which it releases when a process ends. */
import { platform } from 'node:os';
import { koffi } from './koffi.ts';
import { RunError } from './user-error.ts';

const shared = 1;
const exclusive = 2;
const doNotWait = 4;

let flockOfSystem: ((file: number, operation: number) => number) | null = null;

function openFlock(): (file: number, operation: number) => number {
  if (flockOfSystem !== null) return flockOfSystem;
  const name = platform() === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6';
  try {
    const flock = koffi.load(name).func('int flock(int, int)');
    return (flockOfSystem = (file, operation) => flock(file, operation) as number);
  } catch {
    throw new RunError(`files cannot be locked here: ${name} has no flock`);
  }
}

/** Takes the lock of an open file until that is closed; false where another one has it. */
export const lockFile = (file: number): boolean => openFlock()(file, exclusive | doNotWait) === 0;

/** Whether another one has the lock. Where none has, it is shared until the file is closed. */
export const isFileLocked = (file: number): boolean => openFlock()(file, shared | doNotWait) !== 0;

/**
 * Koffi, which calls functions of C libraries: its binary for this platform. The npm package `koffi` is a development dependency, for
 * its types: it has an install script, which pnpm refuses, and which has nothing to do where there is a binary.
 */
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import type Koffi from 'koffi';
import { UserError } from './user-error.ts';

export type { LibraryHandle } from 'koffi';

function load(): typeof Koffi {
  const name = `@koromix/koffi-${platform()}-${arch()}`;
  try {
    return createRequire(import.meta.url)(name) as typeof Koffi;
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new UserError(`${name}, an optional dependency of Instar, cannot be loaded on ${platform()} ${arch()}: ${reason}`);
  }
}

export const koffi = load();

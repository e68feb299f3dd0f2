/**
 * Where oneDNN is on this machine, and how it is opened: by name or path, of version 2 or 3, with so many threads. It knows
 * no primitives.
 */
import { existsSync, readdirSync } from 'node:fs';
import { platform } from 'node:os';
import { koffi, type LibraryHandle } from '../../util/koffi.ts';
import { UserError } from '../../util/user-error.ts';
import { version2, version3 } from './constants.ts';

/** As `process.env`. It must be that very object for the OpenMP runtime to see the number of threads when it is loaded. */
export type Environment = Record<string, string | undefined>;

export interface OneDnn {
  /** What it was found as: a path, or a name that the system's loader resolved. */
  readonly path: string;
  readonly major: 2 | 3;
  /** `2.6.3`. */
  readonly version: string;
  readonly threads: number;
  /** The effective one, such as `avx512_core_bf16`. */
  readonly instructionSet: string;
  readonly handle: LibraryHandle;
  /** Sets the number of threads for what this thread of the process does next, its own by default: another engine may have changed it. */
  claimThreads(threads?: number): void;
}

/** Where libraries lie. Debian 13 has a libdnnl.so.3.6 and no libdnnl.so.3: names that the loader knows are not enough. */
const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/local/lib', '/opt/homebrew/lib'];

const namesIn = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^libdnnl(\.so\.[23](\.\d+)*|(\.[23])?\.dylib)$/.test(name))
        .toSorted()
        .map((name) => `${folder}/${name}`)
    : [];

/** In the order in which they are tried: version 2 first, which has Winograd convolutions in f32 on x86-64. */
export function candidates(environment: Environment): readonly string[] {
  const conda = environment['CONDA_PREFIX'];
  const named = ['libdnnl.so.2', 'libdnnl.so.3', 'libdnnl.so'];
  return [...named, ...(conda === undefined ? [] : [`${conda}/lib`]).concat(folders).flatMap(namesIn)];
}

const howToInstall =
  'install it with `apt-get install libdnnl2` (Debian 12, Ubuntu 22.04), `apt-get install libdnnl3.6` (Debian 13) or ' +
  '`brew install onednn`, or name a libdnnl of version 2 or 3 in INSTAR_ONEDNN';

const oneLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');

interface Loaded {
  readonly path: string;
  readonly version: readonly [major: number, minor: number, patch: number];
  readonly handle: LibraryHandle;
}

/**
 * The library must outlive Node's own end: its threads still stand in its code when koffi unloads it, and the process would
 * crash while exiting. A second reference, never given back, keeps it.
 */
function keepLoaded(path: string): void {
  const names = platform() === 'darwin' ? ['libSystem.B.dylib'] : ['libc.so.6', 'libdl.so.2'];
  const now = 2;
  for (const name of names) {
    try {
      koffi.load(name).func('void *dlopen(const char *, int)')(path, now);
      return;
    } catch {
      // Before glibc 2.34 it is in libdl.
    }
  }
}

function load(path: string): Loaded | { readonly problem: string } {
  let handle: LibraryHandle;
  try {
    handle = koffi.load(path);
    keepLoaded(path);
  } catch (error) {
    return { problem: `cannot be loaded: ${oneLine(error)}` };
  }
  try {
    // dnnl_version_t starts with three ints: major, minor, patch.
    const pointer = handle.func('dnnl_version', 'void *', [])() as bigint;
    const [major = 0, minor = 0, patch = 0] = koffi.decode(pointer, 'int', 3) as number[];
    const version = [major, minor, patch] as const;
    if (major !== 2 && major !== 3) return { problem: `is of version ${version.join('.')}; 2 or 3 is needed` };
    return { path, version, handle };
  } catch (error) {
    return { problem: `is not oneDNN: ${oneLine(error)}` };
  }
}

function search(environment: Environment, names: readonly string[]): Loaded | { readonly problem: string } {
  const named = environment['INSTAR_ONEDNN'];
  if (named !== undefined && named !== '') {
    const loaded = load(named);
    return 'problem' in loaded ? { problem: `INSTAR_ONEDNN: ${named} ${loaded.problem}` } : loaded;
  }
  for (const path of names) {
    const loaded = load(path);
    if (!('problem' in loaded)) return loaded;
  }
  return { problem: `oneDNN was not found: ${howToInstall}` };
}

/** What would be opened, or why nothing can be: one line. Loads the library. */
export function findOneDnn(
  environment: Environment,
  names = candidates(environment),
): { readonly path: string; readonly version: string } | { readonly problem: string } {
  const found = search(environment, names);
  return 'problem' in found ? found : { path: found.path, version: found.version.join('.') };
}

/** The OpenMP runtime that the library brought; undefined where it was built for another threading. */
function openMp(handle: LibraryHandle): { set(threads: number): void; get(): number } | undefined {
  try {
    const set = handle.func('omp_set_num_threads', 'void', ['int']) as (threads: number) => void;
    const get = handle.func('omp_get_max_threads', 'int', []) as () => number;
    return { set, get };
  } catch {
    return undefined;
  }
}

/**
 * Opens the library with so many threads. A `UserError` of one line where there is none, or where it would compute with
 * another number of threads.
 */
export function openOneDnn(options: { readonly threads: number; readonly environment: Environment }): OneDnn {
  const { threads, environment } = options;
  // Read when the OpenMP runtime is loaded; where that happened before, the call below says it again.
  environment['OMP_NUM_THREADS'] = String(threads);
  environment['OMP_DYNAMIC'] = 'false';
  // Its threads look for work for some microseconds before they sleep, in place of milliseconds: threads of our own take turns with them.
  environment['GOMP_SPINCOUNT'] ??= '1000';
  const found = search(environment, candidates(environment));
  if ('problem' in found) throw new UserError(found.problem);
  const { path, handle } = found;
  const version = found.version.join('.');
  const runtime = openMp(handle);
  if (runtime === undefined)
    throw new UserError(`${path} (oneDNN ${version}) is not built for OpenMP, so its threads cannot be set: ${howToInstall}`);
  runtime.set(threads);
  if (runtime.get() !== threads)
    throw new UserError(`${path} (oneDNN ${version}) uses ${runtime.get()} threads and not ${threads}: raise OMP_THREAD_LIMIT`);
  const major = found.version[0] === 2 ? 2 : 3;
  const isa = (handle.func('dnnl_get_effective_cpu_isa', 'int', []) as () => number)();
  const names = (major === 2 ? version2 : version3).instructionSets;
  const instructionSet = names[isa] ?? `0x${isa.toString(16)}`;
  return { path, major, version, threads, instructionSet, handle, claimThreads: (own = threads) => runtime.set(own) };
}

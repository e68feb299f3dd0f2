/**
 * Memory and processors that this process may use: those of the machine, and what its control groups (version 1, version 2, both)
 * and all groups above them allow. Pages of files that the kernel can take back at once count as free. Reading is the caller's, so
 * that everything but the last functions is pure.
 */
import { readFileSync } from 'node:fs';
import { cpus, availableParallelism } from 'node:os';
import { posix } from 'node:path';

/** The text of a file; null where it cannot be read. */
export type ReadFile = (path: string) => string | null;

export interface Resources {
  /** Bytes that can be taken without ending a process; Infinity where nothing says so. */
  readonly memory: number;
  /** Processors' time, such as 0.5; Infinity without a quota. */
  readonly processors: number;
}

/** Whether an error of a process is one of memory: of the system, of V8, of WebAssembly, of C++. */
export const isWantOfMemory = (message: string): boolean =>
  /out of memory|bad_alloc|memory allocation|allocation failed|cannot allocate|could not allocate|ENOMEM/i.test(message);

const unlimited: Resources = { memory: Infinity, processors: Infinity };

const smaller = (a: Resources, b: Resources): Resources => ({
  memory: Math.min(a.memory, b.memory),
  processors: Math.min(a.processors, b.processors),
});

/** What a group is for: one version 2 group has everything, version 1 has groups by controller. */
type Controller = 'unified' | 'memory' | 'cpu';

/** A file's number; null where there is none. `max` is Infinity. */
function numberIn(text: string | null | undefined): number | null {
  const word = text?.trim() ?? '';
  if (word === 'max') return Infinity;
  return /^-?\d+$/.test(word) ? Number(word) : null;
}

/** The number in a line `name number`, or `name: number kB`, of a file of such lines. */
function numberOf(text: string | null, name: string): number | null {
  const line = text?.split('\n').find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}:`));
  return numberIn(
    line
      ?.slice(name.length + 1)
      .trim()
      .split(/\s+/)[0],
  );
}

const sumOf = (text: string | null, names: readonly string[]): number =>
  names.reduce((sum, name) => sum + (numberOf(text, name) ?? 0), 0);

/** Version 1 has this number, rounded down to a page, for no limit. */
const noLimit = 2 ** 62;

/** What may still be taken of a limit. A limit whose use is not known has no use. */
const leftOf = (limit: number, used: number | null, reclaimable: number): number =>
  limit === Infinity ? Infinity : Math.max(0, limit - Math.max(0, (used ?? 0) - reclaimable));

const quotaOf = (quota: number | null, period: number | null): number =>
  quota === null || quota <= 0 || period === null || period <= 0 ? Infinity : quota / period;

/** What a group itself allows, from its files. */
const rules: { readonly [C in Controller]: (file: (name: string) => string | null) => Resources } = {
  unified(file) {
    const limits = ['memory.max', 'memory.high'].map((name) => numberIn(file(name)) ?? Infinity);
    const reclaimable = sumOf(file('memory.stat'), ['inactive_file', 'active_file', 'slab_reclaimable']);
    const [quota, period] = file('cpu.max')?.trim().split(/\s+/) ?? [];
    return {
      memory: leftOf(Math.min(...limits), numberIn(file('memory.current')), reclaimable),
      processors: quotaOf(numberIn(quota), numberIn(period)),
    };
  },
  memory(file) {
    const stat = file('memory.stat');
    // The second one is also of the groups above that are not seen from here.
    const limits = [numberIn(file('memory.limit_in_bytes')), numberOf(stat, 'hierarchical_memory_limit')].map((limit) =>
      limit === null || limit >= noLimit ? Infinity : limit,
    );
    const reclaimable = sumOf(stat, ['total_inactive_file', 'total_active_file']);
    return { ...unlimited, memory: leftOf(Math.min(...limits), numberIn(file('memory.usage_in_bytes')), reclaimable) };
  },
  cpu(file) {
    return { ...unlimited, processors: quotaOf(numberIn(file('cpu.cfs_quota_us')), numberIn(file('cpu.cfs_period_us'))) };
  },
};

const controllers = Object.keys(rules) as Controller[];

interface Mount {
  readonly controllers: readonly Controller[];
  /** The group that is seen at its point. */
  readonly root: string;
  readonly point: string;
}

const unescaped = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The mounted hierarchies in /proc/self/mountinfo: `id parent device root point options … - type source options`. */
function mountsIn(mountinfo: string): readonly Mount[] {
  return mountinfo.split('\n').flatMap((line): Mount[] => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = before.split(' ');
    const [type = '', , options = ''] = after.split(' ');
    const mounted = { root: unescaped(root), point: unescaped(point) };
    if (type === 'cgroup2') return [{ ...mounted, controllers: ['unified'] }];
    const named = new Set(options.split(','));
    const here = controllers.filter((controller) => controller !== 'unified' && named.has(controller));
    return type === 'cgroup' && here.length > 0 ? [{ ...mounted, controllers: here }] : [];
  });
}

/** The paths of the process's groups in /proc/self/cgroup: `number:controllers:path`, version 2 with `0::`. */
function groupsIn(cgroup: string): ReadonlyMap<Controller, string> {
  const found = new Map<Controller, string>();
  for (const line of cgroup.split('\n')) {
    const [number, names, ...path] = line.split(':');
    if (names === undefined || path.length === 0) continue;
    const here: readonly string[] = number === '0' && names === '' ? ['unified'] : names.split(',');
    for (const controller of controllers) if (here.includes(controller)) found.set(controller, path.join(':'));
  }
  return found;
}

/** The group's folder and those above it as far as the mount shows them. A group outside of the mount is taken to be its root. */
function foldersOf(group: string, { root, point }: Mount): readonly string[] {
  const path = posix.relative(root, posix.normalize(group));
  const steps = path === '' || path.startsWith('..') ? [] : path.split('/');
  return [point, ...steps.map((_step, index) => posix.join(point, ...steps.slice(0, index + 1)))];
}

/** What the control groups of this process allow. */
export function groupResources(read: ReadFile): Resources {
  const groups = groupsIn(read('/proc/self/cgroup') ?? '');
  let found = unlimited;
  for (const mount of mountsIn(read('/proc/self/mountinfo') ?? ''))
    for (const controller of mount.controllers) {
      const group = groups.get(controller);
      if (group === undefined) continue;
      for (const folder of foldersOf(group, mount))
        found = smaller(
          found,
          rules[controller]((name) => read(posix.join(folder, name))),
        );
    }
  return found;
}

/** The smallest of what groups and machine allow. `machine`: what is known without /proc. */
export function resourcesOf(read: ReadFile, machine: Resources): Resources {
  const available = numberOf(read('/proc/meminfo'), 'MemAvailable');
  const memory = available === null ? machine.memory : 1024 * available;
  return smaller(groupResources(read), { memory, processors: machine.processors });
}

/** What the system says in a file of /proc or /sys. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // There is no such file, or nobody may read it.
  }
}

const resources = (): Resources =>
  resourcesOf(readText, { memory: process.availableMemory(), processors: availableParallelism() });

/** Bytes that this process may still take. */
export const freeMemory = (): number => resources().memory;

/** Threads that run at the same time: whole processors, at least one. */
export const usableProcessors = ({ processors } = resources()): number => Math.max(1, Math.floor(processors));

/** The processor's name, as the system says it. */
export const processorModel = (): string => cpus()[0]?.model.trim() ?? process.arch;

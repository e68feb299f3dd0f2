/** Memory and processors of control groups, from the files that machines and containers have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isWantOfMemory,
  freeMemory,
  groupResources,
  resourcesOf,
  usableProcessors,
  type ReadFile,
} from '../../src/execution/resources.ts';

type Files = Readonly<Record<string, string>>;

const reading =
  (files: Files): ReadFile =>
  (path) =>
    files[path] ?? null;

const MiB = 2 ** 20;
const none = { memory: Infinity, processors: Infinity };

const version2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';

/** Files of a version 2 group: limit, use and reclaimable pages in MiB. */
const group2 = (folder: string, max: number | 'max', current: number, cache: number, more: Files = {}): Files => ({
  [`${folder}/memory.max`]: `${max === 'max' ? 'max' : max * MiB}\n`,
  [`${folder}/memory.high`]: 'max\n',
  [`${folder}/memory.current`]: `${current * MiB}\n`,
  [`${folder}/memory.stat`]: `anon ${(current - cache) * MiB}\nfile ${cache * MiB}\ninactive_anon 0\nactive_anon ${(current - cache) * MiB}\ninactive_file ${(cache / 2) * MiB}\nactive_file ${(cache / 4) * MiB}\nslab_reclaimable ${(cache / 4) * MiB}\nslab_unreclaimable 4096\n`,
  ...Object.fromEntries(Object.entries(more).map(([name, text]) => [`${folder}/${name}`, text])),
});

test('version 2: pages of files are free, memory.high is a limit, and a quota is a part of a processor', () => {
  const inContainer = { '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': version2 };
  const full = { ...inContainer, ...group2('/sys/fs/cgroup', 1024, 1024, 800, { 'cpu.max': '50000 100000\n' }) };
  assert.deepEqual(groupResources(reading(full)), { memory: 800 * MiB, processors: 0.5 });
  const high = { ...full, '/sys/fs/cgroup/memory.high': `${512 * MiB}\n`, '/sys/fs/cgroup/cpu.max': 'max 100000\n' };
  assert.deepEqual(groupResources(reading(high)), { memory: 288 * MiB, processors: Infinity });
  const over = { ...full, '/sys/fs/cgroup/memory.max': `${100 * MiB}\n` };
  assert.equal(groupResources(reading(over)).memory, 0);
});

test('version 2, nested: the smallest of the group and all above it', () => {
  const nested = {
    '/proc/self/cgroup': '0::/system.slice/a.service/inner\n',
    '/proc/self/mountinfo': version2,
    ...group2('/sys/fs/cgroup/system.slice', 2000, 1600, 400, { 'cpu.max': '150000 100000\n' }),
    ...group2('/sys/fs/cgroup/system.slice/a.service', 'max', 900, 100, { 'cpu.max': '300000 100000\n' }),
    ...group2('/sys/fs/cgroup/system.slice/a.service/inner', 1500, 500, 0, { 'cpu.max': 'max 100000\n' }),
  };
  assert.deepEqual(groupResources(reading(nested)), { memory: 800 * MiB, processors: 1.5 });
});

const mount1 = (names: string, root: string): string =>
  `35 31 0:32 ${root} /sys/fs/cgroup/${names} rw,relatime shared:9 - cgroup cgroup rw,${names}`;
const unlimited1 = '9223372036854771712';

/** Files of a version 1 memory group, in MiB. */
const group1 = (folder: string, limit: number | null, usage: number, cache: number, hierarchical = limit): Files => ({
  [`${folder}/memory.limit_in_bytes`]: `${limit === null ? unlimited1 : limit * MiB}\n`,
  [`${folder}/memory.usage_in_bytes`]: `${usage * MiB}\n`,
  [`${folder}/memory.stat`]: `cache 0\ninactive_file 0\nactive_file 0\nhierarchical_memory_limit ${hierarchical === null ? unlimited1 : hierarchical * MiB}\ntotal_cache ${cache * MiB}\ntotal_inactive_file ${(cache / 2) * MiB}\ntotal_active_file ${(cache / 2) * MiB}\n`,
});

test('version 1: a container sees its group as the root of the mount', () => {
  const container = {
    '/proc/self/cgroup': '5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n',
    '/proc/self/mountinfo': [mount1('memory', '/docker/abc'), mount1('cpu,cpuacct', '/docker/abc')].join('\n'),
    ...group1('/sys/fs/cgroup/memory', 1024, 1000, 900),
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '250000\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
  };
  assert.deepEqual(groupResources(reading(container)), { memory: 924 * MiB, processors: 2.5 });
  const free = {
    ...container,
    ...group1('/sys/fs/cgroup/memory', null, 1000, 900),
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
  };
  assert.deepEqual(groupResources(reading(free)), none);
});

test('version 1, nested: also limits of groups that are not seen from here', () => {
  const nested = {
    '/proc/self/cgroup': '4:memory:/jobs/one\n3:cpu:/\n',
    '/proc/self/mountinfo': [mount1('memory', '/'), mount1('cpu', '/')].join('\n'),
    ...group1('/sys/fs/cgroup/memory', null, 9000, 0),
    ...group1('/sys/fs/cgroup/memory/jobs', 600, 500, 200),
    ...group1('/sys/fs/cgroup/memory/jobs/one', null, 100, 100, 250),
  };
  assert.equal(groupResources(reading(nested)).memory, 250 * MiB);
  const own = { ...nested, ...group1('/sys/fs/cgroup/memory/jobs/one', 5000, 100, 100, 600) };
  assert.equal(groupResources(reading(own)).memory, 300 * MiB);
});

test('hybrid: each controller where it is', () => {
  const hybrid = {
    '/proc/self/cgroup': '4:memory:/app\n3:cpu:/\n0::/app\n',
    '/proc/self/mountinfo': [
      mount1('memory', '/'),
      mount1('cpu', '/'),
      '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
    ].join('\n'),
    ...group1('/sys/fs/cgroup/memory/app', 300, 200, 100),
    '/sys/fs/cgroup/unified/app/cpu.max': '20000 10000\n',
  };
  assert.deepEqual(groupResources(reading(hybrid)), { memory: 200 * MiB, processors: 2 });
});

test('without groups, with files that cannot be read, and with damaged ones there is no limit', () => {
  assert.deepEqual(
    groupResources(() => null),
    none,
  );
  const here = { '/proc/self/cgroup': '0::/x\n', '/proc/self/mountinfo': version2 };
  assert.deepEqual(groupResources(reading(here)), none);
  const damaged = { ...here, '/sys/fs/cgroup/memory.max': 'many\n', '/sys/fs/cgroup/cpu.max': '\n' };
  assert.deepEqual(groupResources(reading(damaged)), none);
  assert.deepEqual(
    groupResources(reading({ '/proc/self/cgroup': 'x\n::\n', '/proc/self/mountinfo': 'y - cgroup2\n - \n' })),
    none,
  );
  // A limit whose use is not told.
  assert.equal(groupResources(reading({ ...here, '/sys/fs/cgroup/memory.max': '5000\n' })).memory, 5000);
});

test('a mount point with blanks, and a group outside of what is mounted', () => {
  const odd = {
    '/proc/self/cgroup': '0::/../other\n',
    '/proc/self/mountinfo': '30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw',
    ...group2('/my groups', 64, 60, 40),
  };
  assert.equal(groupResources(reading(odd)).memory, 44 * MiB);
});

test('the machine counts too: what is available there, and its processors', () => {
  const group = { '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': version2 };
  const roomy = {
    ...group,
    ...group2('/sys/fs/cgroup', 4096, 100, 0, { 'cpu.max': '800000 100000' }),
    '/proc/meminfo': 'MemTotal:       24683656 kB\nMemFree:         1000 kB\nMemAvailable:    2048000 kB\n',
  };
  const machine = { memory: 7 * MiB, processors: 2 };
  assert.deepEqual(resourcesOf(reading(roomy), machine), { memory: 2048000 * 1024, processors: 2 });
  assert.deepEqual(
    resourcesOf(() => null, machine),
    machine,
  );
});

test('half a processor is one worker, never two; here there is some of both', () => {
  const counts = [0.1, 0.5, 1, 1.9, 2, 7.99].map((processors) => usableProcessors({ memory: 1, processors }));
  assert.deepEqual(counts, [1, 1, 1, 1, 2, 7]);
  assert.ok(usableProcessors() >= 1);
  assert.ok(freeMemory() > 0 && Number.isFinite(freeMemory()));
});

test('want of memory is known in the words of all that may run out of it', () => {
  for (const message of [
    'WebAssembly.Memory(): could not allocate memory',
    'Array buffer allocation failed',
    'ENOMEM: not enough memory, read',
    "terminate called after throwing an instance of 'std::bad_alloc'",
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    'mmap: Cannot allocate memory',
  ])
    assert.ok(isWantOfMemory(message), message);
  for (const message of ['a buffer is missing', 'node 3 has no input', 'memoryOf is not a function'])
    assert.ok(!isWantOfMemory(message), message);
});

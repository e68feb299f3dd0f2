/** What the adapters of both versions share: calls into the library, and values as it takes them. */
import type { LibraryHandle } from 'koffi';
import type { NormalizationFlags } from './adapter.ts';
import { propagation, useGlobalStatistics, type VersionConstants } from './constants.ts';

type Native = (...values: unknown[]) => number;

export const binderOf =
  (library: LibraryHandle) =>
  (name: string, ...parameters: string[]): Native =>
    library.func(`dnnl_${name}`, 'int', parameters) as unknown as Native;

/** Functions of the same signature in both versions. */
export const commonOf = (library: LibraryHandle) => ({
  equal: binderOf(library)('memory_desc_equal', 'void *', 'void *'),
  size: library.func('dnnl_memory_desc_get_size', 'size_t', ['void *']) as unknown as Native,
  queryDescriptor: library.func('dnnl_primitive_desc_query_md', 'void *', ['void *', 'int', 'int']) as (
    ...values: unknown[]
  ) => bigint | null,
  postOpsCreate: binderOf(library)('post_ops_create', 'void *'),
  postOpsDestroy: binderOf(library)('post_ops_destroy', 'void *'),
  setPostOps: binderOf(library)('primitive_attr_set_post_ops', 'void *', 'void *'),
});

export const dims = (values: readonly number[]): BigInt64Array => BigInt64Array.from(values, BigInt);

export const flagsOf = (flags: NormalizationFlags, { useScale, useShift, fuseRelu }: VersionConstants): number =>
  (flags.globalStatistics ? useGlobalStatistics : 0) |
  (flags.scaleAndShift ? useScale | useShift : 0) |
  (flags.relu ? fuseRelu : 0);

export const forward = (training: boolean): number => (training ? propagation.training : propagation.inference);

/** Strides and blocks, of `dnnl_format_kind_t`. */
export const blockedFormat = 2;

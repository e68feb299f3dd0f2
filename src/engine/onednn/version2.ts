/**
 * oneDNN 2: a memory descriptor is a struct, and a primitive descriptor is made from an operation descriptor, another struct.
 * Sizes and offsets are those of dnnl_types.h, fixed within the major version.
 */
import { koffi, type LibraryHandle } from '../../util/koffi.ts';
import { assert } from '../../util/assert.ts';
import type { Adapter, Descriptor, Status } from './adapter.ts';
import { accumulate, blockedFormat, callerOf, callOf, commonOf, dims, int } from './binding.ts';
import { dataType, formatTagAny, status, version2 } from './constants.ts';

/** sizeof(dnnl_memory_desc_t). */
const descriptorSize = 696;
/** offsetof(dnnl_memory_desc_t, data_type), an int. */
const dataTypeOffset = 104;
/** offsetof(dnnl_memory_desc_t, format_kind), an int. */
const formatKindOffset = 312;
/** offsetof(dnnl_memory_desc_t, format_desc.blocking), and in it: strides (12 i64), inner_nblks (int), inner_blks and inner_idxs (12 i64 each). */
const blockingOffset = 320;
const [innerCount, innerSizes, innerAxes] = [96, 104, 200];
/** offsetof(dnnl_memory_desc_t, extra.flags), a u64: compensation and the like. */
const extraFlagsOffset = 616;
/** Decoded by copying. (A view of the library's memory would be cheaper, but koffi 3.3 never gives views back.) */
const descriptorType = koffi.array('uint8_t', descriptorSize, 'Typed');
/** Larger than any operation descriptor: sizeof(dnnl_rnn_desc_t) is 15344. */
const operationSize = 16384;

function struct(descriptor: Descriptor): Uint8Array {
  assert(typeof descriptor !== 'bigint', () => 'a descriptor of version 2');
  return descriptor;
}

function array(descriptors: readonly Descriptor[]): Uint8Array {
  const bytes = new Uint8Array(descriptors.length * descriptorSize);
  descriptors.forEach((descriptor, index) => bytes.set(struct(descriptor), index * descriptorSize));
  return bytes;
}

/** The struct of a blocked descriptor; null of another. */
function blockedView(descriptor: Descriptor): DataView | null {
  const { buffer, byteOffset } = struct(descriptor);
  const view = new DataView(buffer, byteOffset);
  const blocked = view.getInt32(formatKindOffset, true) === blockedFormat && view.getBigUint64(extraFlagsOffset, true) === 0n;
  return blocked ? view : null;
}

const must = (code: Status, what: string): void =>
  assert(code === status.success, () => `oneDNN refused ${what}: status ${code}`);

export function openVersion2(library: LibraryHandle): Adapter {
  const call = callerOf(library);
  const { equal, size, queryDescriptor } = commonOf(library);
  const operation = new Uint8Array(operationSize);

  return {
    normalizationGradientReadsShift: true,
    strided(dimensions, strides) {
      const result = new Uint8Array(descriptorSize);
      const extents = [int(dimensions.length), dims(dimensions)];
      const code = call('memory_desc_init_by_strides', result, ...extents, int(dataType.f32), dims(strides));
      must(code, `a memory of ${dimensions.join('×')}`);
      return result;
    },
    any(dimensions, precision) {
      const result = new Uint8Array(descriptorSize);
      const extents = [int(dimensions.length), dims(dimensions)];
      const code = call('memory_desc_init_by_tag', result, ...extents, int(dataType[precision]), int(formatTagAny));
      must(code, `a memory of ${dimensions.join('×')}`);
      return result;
    },
    submemory(parent, dimensions, offsets) {
      const result = new Uint8Array(descriptorSize);
      const code = call('memory_desc_init_submemory', result, parent, dims(dimensions), dims(offsets));
      return code === status.success ? result : null;
    },
    equal: (a, b) => equal(a, b) !== 0,
    size: (descriptor) => Number(size(descriptor)),
    precision(descriptor) {
      const { buffer, byteOffset } = struct(descriptor);
      return new DataView(buffer, byteOffset).getInt32(dataTypeOffset, true) === dataType.bf16 ? 'bf16' : 'f32';
    },
    isBlocked: (descriptor) => blockedView(descriptor) !== null,
    blocks(descriptor) {
      const view = blockedView(descriptor);
      if (view === null) return null;
      const numbers = (offset: number, count: number): number[] =>
        Array.from({ length: count }, (_none, index) => Number(view.getBigInt64(offset + 8 * index, true)));
      const inner = view.getInt32(blockingOffset + innerCount, true);
      return {
        strides: numbers(blockingOffset, view.getInt32(0, true)),
        sizes: numbers(blockingOffset + innerSizes, inner),
        axes: numbers(blockingOffset + innerAxes, inner),
      };
    },
    query(primitive, what) {
      const pointer = queryDescriptor(primitive, what, 0);
      return pointer === null || pointer === 0n ? null : (koffi.decode(pointer, descriptorType) as Uint8Array);
    },
    release: () => undefined,
    create(o, { engine, attributes, accumulating }, result) {
      if (o.kind === 'reorder')
        return call('reorder_primitive_desc_create', result, o.source, engine, o.destination, engine, attributes);
      if (o.kind === 'sum' || o.kind === 'concat') {
        const parameter = o.kind === 'sum' ? Float32Array.from(o.scales) : int(1);
        const sources = [int(o.sources.length), parameter, array(o.sources)];
        return call(`${o.kind}_primitive_desc_create`, result, o.destination, ...sources, attributes, engine);
      }
      operation.fill(0);
      const [name, ...values] = callOf(o, version2);
      const filled = call(`${name}_desc_init`, operation, ...values);
      if (filled !== status.success) return filled;
      const chosen = o.kind === 'binary' && o.accumulate ? accumulating : attributes;
      return call('primitive_desc_create', result, operation, chosen, engine, 'hint' in o ? o.hint : null);
    },
    accumulate: (attributes) => accumulate(call, attributes),
  };
}

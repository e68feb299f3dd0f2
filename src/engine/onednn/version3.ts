/**
 * oneDNN 3: memory descriptors and primitive descriptors are opaque, and the latter are made in one call. In place of the
 * struct there are queries.
 */
import type { LibraryHandle } from '../../util/koffi.ts';
import { assert } from '../../util/assert.ts';
import type { Adapter, Descriptor, Status } from './adapter.ts';
import { accumulate, blockedFormat, callerOf, callOf, commonOf, dims, int } from './binding.ts';
import { dataType, formatTagAny, status, version3 } from './constants.ts';

/** `dnnl_query_data_type` and `dnnl_query_format_kind`. */
const [queryDataType, queryFormatKind] = [258, 262];
/** `dnnl_data_type_undef`: a sum takes that of its destination. */
const destinationType = 0;

function handle(descriptor: Descriptor): bigint {
  assert(typeof descriptor === 'bigint', () => 'a descriptor of version 3');
  return descriptor;
}

const array = (descriptors: readonly Descriptor[]): BigInt64Array => BigInt64Array.from(descriptors, handle);

export function openVersion3(library: LibraryHandle): Adapter {
  const call = callerOf(library);
  const { equal, size, queryDescriptor } = commonOf(library);
  const pointer = new BigInt64Array(1);
  const made = (code: Status, what: string): bigint => {
    assert(code === status.success, () => `oneDNN refused ${what}: status ${code}`);
    return pointer[0] as bigint;
  };

  return {
    normalizationGradientReadsShift: false,
    strided(dimensions, strides) {
      const extents = [int(dimensions.length), dims(dimensions)];
      const code = call('memory_desc_create_with_strides', pointer, ...extents, int(dataType.f32), dims(strides));
      return made(code, `a memory of ${dimensions.join('×')}`);
    },
    any(dimensions, precision) {
      const extents = [int(dimensions.length), dims(dimensions)];
      const code = call('memory_desc_create_with_tag', pointer, ...extents, int(dataType[precision]), int(formatTagAny));
      return made(code, `a memory of ${dimensions.join('×')}`);
    },
    submemory(parent, dimensions, offsets) {
      const code = call('memory_desc_create_submemory', pointer, parent, dims(dimensions), dims(offsets));
      return code === status.success ? (pointer[0] as bigint) : null;
    },
    equal: (a, b) => equal(a, b) !== 0,
    size: (descriptor) => Number(size(descriptor)),
    precision(descriptor) {
      const type = new Int32Array(1);
      const known = call('memory_desc_query', descriptor, int(queryDataType), type) === status.success;
      return known && type[0] === dataType.bf16 ? 'bf16' : 'f32';
    },
    isBlocked(descriptor) {
      const kind = new Int32Array(1);
      return call('memory_desc_query', descriptor, int(queryFormatKind), kind) === status.success && kind[0] === blockedFormat;
    },
    // What needs it is not used with this version.
    blocks: () => null,
    query(primitive, what) {
      const found = queryDescriptor(primitive, what, 0);
      return found === null || found === 0n ? null : made(call('memory_desc_clone', pointer, found), 'a copy of a descriptor');
    },
    release: (descriptor) => void call('memory_desc_destroy', descriptor),
    create(o, { engine, attributes, accumulating }, result) {
      if (o.kind === 'reorder')
        return call('reorder_primitive_desc_create', result, o.source, engine, o.destination, engine, attributes);
      if (o.kind === 'sum' || o.kind === 'concat') {
        const parameter = o.kind === 'sum' ? Float32Array.from(o.scales) : int(1);
        const sources = [int(o.sources.length), parameter, array(o.sources)];
        return call(`${o.kind}_primitive_desc_create`, result, engine, o.destination, ...sources, attributes);
      }
      const [name, ...values] = callOf(o, version3);
      const hint = 'hint' in o ? [o.hint] : [];
      const chosen = o.kind === 'binary' && o.accumulate ? accumulating : attributes;
      return call(`${name}_primitive_desc_create`, result, engine, ...values, ...hint, chosen);
    },
    accumulate: (attributes) => accumulate(call, attributes, int(0), int(destinationType)),
  };
}

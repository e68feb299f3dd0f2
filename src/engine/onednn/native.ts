/**
 * The lifetime of oneDNN's objects: a `Native` owns an engine, a stream and everything created through it, and frees them
 * together. The adapter hides the differences between versions of the library.
 */
import { koffi } from '../../util/koffi.ts';
import type { Precision } from '../../program/precision.ts';
import { assert } from '../../util/assert.ts';
import type { Adapter, Blocks, Descriptor, Operation, PrimitiveDescriptor } from './adapter.ts';
import { cpuEngine, defaultStream, query, queryImplementation, scratchpadModeUser, status } from './constants.ts';
import type { OneDnn } from './library.ts';
import { openVersion2 } from './version2.ts';
import { openVersion3 } from './version3.ts';

/** How a tensor lies in memory. Interned: of one `Native`, equal layouts are the same object. */
export interface Layout {
  /** Unique within a `Native`. */
  readonly number: number;
  readonly dimensions: readonly number[];
  readonly descriptor: Descriptor;
  /** Padding included. */
  readonly bytes: number;
  readonly precision: Precision;
  /** Not opaque: elementwise work over the whole memory makes sense. */
  readonly blocked: boolean;
  /** 8 or 16 where images lie as (N, C / lanes, H, W, lanes); otherwise null. */
  readonly lanes: number | null;
}

/** One kernel of the library, ready to run. */
export interface Primitive {
  readonly handle: bigint;
  /** Null where it needs none. */
  readonly scratchpad: { readonly descriptor: Descriptor; readonly bytes: number } | null;
}

export interface Native {
  readonly normalizationGradientReadsShift: boolean;
  /** Row-major. */
  plain(dimensions: readonly number[]): Layout;
  /** Of images (N, C, H, W), which lie as (N, H, W, C). */
  channelsLast(dimensions: readonly number[]): Layout;
  /** f32 unless another precision is named. */
  any(dimensions: readonly number[], precision?: Precision): Descriptor;
  /** The part of a layout that starts at these offsets; null where the layout has no such part. */
  part(layout: Layout, dimensions: readonly number[], offsets: readonly number[]): Descriptor | null;
  /** Lives as long as this. Null where the library has no implementation. */
  describe(operation: Operation): PrimitiveDescriptor | null;
  /** Which layout a primitive wants; null where it wants none. */
  layout(primitive: PrimitiveDescriptor, what: number, dimensions: readonly number[]): Layout | null;
  /** For display: `jit:avx512_core`. */
  implementation(primitive: PrimitiveDescriptor): string;
  create(primitive: PrimitiveDescriptor): Primitive;
  /** A memory object over bytes that must outlive this. Writes zeros into the layout's padding. */
  memory(descriptor: Descriptor, bytes: Uint8Array): bigint;
  /** The arguments of one execution, (argument, memory) pairs. */
  bind(primitive: Primitive, pairs: readonly (readonly [argument: number, memory: bigint])[]): BoundPrimitive;
  execute(bound: BoundPrimitive): void;
  /** Frees everything that was made here. */
  release(): void;
}

export interface BoundPrimitive {
  readonly handle: bigint;
  readonly count: number;
  /** dnnl_exec_arg_t: an int, 4 bytes of padding, an address. */
  readonly pairs: BigInt64Array;
}

const statusNames: Readonly<Record<number, string>> = {
  [status.outOfMemory]: 'out of memory',
  [status.invalidArguments]: 'invalid arguments',
  [status.unimplemented]: 'unimplemented',
  [status.runtimeError]: 'runtime error',
};

/** Throws on an error of the library. Only out of memory is not a bug. */
function check(code: number, library: OneDnn, what: () => string): void {
  if (code === status.success) return;
  const name = `oneDNN ${library.version}: ${what()}: ${statusNames[code] ?? `status ${code}`}`;
  throw new Error(code === status.outOfMemory ? name : `bug: ${name}`);
}

function functionsOf({ handle }: OneDnn) {
  const p = 'void *';
  const bind = (name: string, ...parameters: string[]) =>
    handle.func(`dnnl_${name}`, 'int', parameters) as unknown as (...values: unknown[]) => number;
  return {
    engineCreate: bind('engine_create', p, 'int', 'size_t'),
    engineDestroy: bind('engine_destroy', p),
    streamCreate: bind('stream_create', p, p, 'uint'),
    streamWait: bind('stream_wait', p),
    streamDestroy: bind('stream_destroy', p),
    attributesCreate: bind('primitive_attr_create', p),
    attributesDestroy: bind('primitive_attr_destroy', p),
    setScratchpadMode: bind('primitive_attr_set_scratchpad_mode', p, 'int'),
    descriptorDestroy: bind('primitive_desc_destroy', p),
    descriptorQuery: bind('primitive_desc_query', p, 'int', 'int', p),
    primitiveCreate: bind('primitive_create', p, p),
    primitiveDestroy: bind('primitive_destroy', p),
    memoryCreate: bind('memory_create', p, p, p, p),
    memoryDestroy: bind('memory_destroy', p),
    execute: bind('primitive_execute', p, p, 'int', p),
  };
}

/** The functions of a library, looked up once. */
const functionsByLibrary = new WeakMap<OneDnn, { functions: ReturnType<typeof functionsOf>; adapter: Adapter }>();

function resolve(library: OneDnn): { functions: ReturnType<typeof functionsOf>; adapter: Adapter } {
  const known = functionsByLibrary.get(library);
  if (known !== undefined) return known;
  const open = { 2: openVersion2, 3: openVersion3 }[library.major];
  const resolved = { functions: functionsOf(library), adapter: open(library.handle) };
  functionsByLibrary.set(library, resolved);
  return resolved;
}

const rowMajor = (dimensions: readonly number[]): number[] => {
  const strides = dimensions.map(() => 1);
  for (let axis = dimensions.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] as number) * (dimensions[axis + 1] as number);
  return strides;
};

function lanesOf(blocks: Blocks | null, dimensions: readonly number[]): number | null {
  if (blocks === null || dimensions.length !== 4) return null;
  const [lanes, ...others] = blocks.sizes;
  const [, channels, height, width] = dimensions as [number, number, number, number];
  if (lanes === undefined || others.length > 0 || blocks.axes[0] !== 1 || (lanes !== 8 && lanes !== 16)) return null;
  const plane = height * width * lanes;
  const strides = [Math.ceil(channels / lanes) * plane, plane, width * lanes, lanes];
  // The library leaves the strides of axes of one element as it likes.
  return strides.every((stride, axis) => dimensions[axis] === 1 || blocks.strides[axis] === stride) ? lanes : null;
}

const layoutOf = (adapter: Adapter, descriptor: Descriptor, dimensions: readonly number[], number: number): Layout => ({
  number,
  dimensions,
  descriptor,
  bytes: adapter.size(descriptor),
  precision: adapter.precision(descriptor),
  blocked: adapter.isBlocked(descriptor),
  lanes: lanesOf(adapter.blocks(descriptor), dimensions),
});

export function openNative(library: OneDnn): Native {
  const { functions, adapter } = resolve(library);
  const result = new BigInt64Array(1);
  const made = (code: number, what: () => string): bigint => {
    check(code, library, what);
    return result[0] as bigint;
  };

  const engine = made(functions.engineCreate(result, cpuEngine, 0), () => 'an engine');
  const stream = made(functions.streamCreate(result, engine, defaultStream), () => 'a stream');
  const withScratchpad = (): bigint => {
    const attributes = made(functions.attributesCreate(result), () => 'attributes');
    check(functions.setScratchpadMode(attributes, scratchpadModeUser), library, () => 'the scratchpad mode');
    return attributes;
  };
  const attributes = withScratchpad();
  const accumulating = withScratchpad();
  check(adapter.accumulate(accumulating), library, () => 'attributes that accumulate');

  const descriptors: Descriptor[] = [];
  const primitiveDescriptors: PrimitiveDescriptor[] = [];
  const primitives: bigint[] = [];
  const memories: bigint[] = [];
  /** By dimensions. */
  const layouts = new Map<string, Layout[]>();
  let layoutCount = 0;
  let released = false;

  const own = (descriptor: Descriptor): Descriptor => {
    descriptors.push(descriptor);
    return descriptor;
  };
  const intern = (descriptor: Descriptor, dimensions: readonly number[]): Layout => {
    const key = dimensions.join();
    const alike = layouts.get(key) ?? [];
    layouts.set(key, alike);
    const known = alike.find((layout) => adapter.equal(layout.descriptor, descriptor));
    if (known !== undefined) {
      adapter.release(descriptor);
      return known;
    }
    const layout = layoutOf(adapter, own(descriptor), dimensions, ++layoutCount);
    alike.push(layout);
    return layout;
  };

  return {
    normalizationGradientReadsShift: adapter.normalizationGradientReadsShift,
    plain: (dimensions) => intern(adapter.strided(dimensions, rowMajor(dimensions)), dimensions),
    channelsLast(dimensions) {
      const [, channels, height, width] = dimensions as readonly [number, number, number, number];
      return intern(adapter.strided(dimensions, [height * width * channels, 1, width * channels, channels]), dimensions);
    },
    any: (dimensions, precision = 'f32') => own(adapter.any(dimensions, precision)),
    part(layout, dimensions, offsets) {
      const descriptor = adapter.submemory(layout.descriptor, dimensions, offsets);
      return descriptor === null ? null : own(descriptor);
    },
    describe(operation) {
      const code = adapter.create(operation, { engine, attributes, accumulating }, result);
      if (code === status.unimplemented) return null;
      const descriptor = made(code, () => operation.kind);
      primitiveDescriptors.push(descriptor);
      return descriptor;
    },
    layout(primitive, what, dimensions) {
      const descriptor = adapter.query(primitive, what);
      if (descriptor === null) return null;
      if (adapter.size(descriptor) > 0) return intern(descriptor, dimensions);
      adapter.release(descriptor);
      return null;
    },
    implementation(primitive) {
      check(functions.descriptorQuery(primitive, queryImplementation, 0, result), library, () => 'the name of a primitive');
      return koffi.decode(result[0], 'char', -1) as string;
    },
    create(descriptor) {
      const handle = made(functions.primitiveCreate(result, descriptor), () => 'a primitive');
      primitives.push(handle);
      const scratchpad = adapter.query(descriptor, query.scratchpad);
      if (scratchpad === null) return { handle, scratchpad: null };
      const bytes = adapter.size(own(scratchpad));
      return { handle, scratchpad: bytes > 0 ? { descriptor: scratchpad, bytes } : null };
    },
    memory(descriptor, bytes) {
      assert(bytes.byteLength >= adapter.size(descriptor), () => `${bytes.byteLength} bytes hold a memory`);
      const memory = made(functions.memoryCreate(result, descriptor, engine, koffi.address(bytes)), () => 'a memory');
      memories.push(memory);
      return memory;
    },
    bind(primitive, pairs) {
      const words = new BigInt64Array(2 * pairs.length);
      pairs.forEach(([argument, memory], index) => words.set([BigInt(argument), memory], 2 * index));
      return { handle: primitive.handle, count: pairs.length, pairs: words };
    },
    execute({ handle, count, pairs }) {
      const code = functions.execute(handle, stream, count, pairs);
      if (code !== status.success) check(code, library, () => 'running a primitive');
    },
    release() {
      if (released) return;
      released = true;
      for (const memory of memories) functions.memoryDestroy(memory);
      for (const handle of primitives) functions.primitiveDestroy(handle);
      for (const descriptor of primitiveDescriptors) functions.descriptorDestroy(descriptor);
      for (const descriptor of descriptors) adapter.release(descriptor);
      functions.attributesDestroy(accumulating);
      functions.attributesDestroy(attributes);
      functions.streamDestroy(stream);
      functions.engineDestroy(engine);
    },
  };
}

/**
 * The safetensors format (huggingface/safetensors, version 0.4 and newer): a JSON header, followed by the tensors' bytes,
 * little-endian, row-major, without gaps. Everything that is read is checked.
 *
 *     u64 length of the header │ header, padded with spaces to a multiple of 8 │ tensors
 */
import { assert } from '../util/assert.ts';
import { asBytes, asNumbers } from '../util/bytes.ts';
import { UserError } from '../util/user-error.ts';

/** Bytes of an element. */
const sizes = { F64: 8, I64: 8, U64: 8, F32: 4, I32: 4, U32: 4, F16: 2, BF16: 2, I16: 2, U16: 2, I8: 1, U8: 1, BOOL: 1 } as const;

export type Dtype = keyof typeof sizes;

export interface StoredTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian, row-major; as many bytes as dtype and shape say. */
  readonly data: Uint8Array;
}

export interface DecodedSafetensors {
  /** Without a prototype: a name such as `constructor` finds nothing. */
  readonly tensors: Record<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

/** Longest header, as in the reference implementation. */
const headerLimit = 100_000_000;
const metadataName = '__metadata__';
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The number of elements; undefined for an invalid shape. */
function elementsOf(shape: readonly unknown[]): number | undefined {
  let elements = 1;
  for (const extent of shape) {
    if (typeof extent !== 'number' || !Number.isSafeInteger(extent) || extent < 0) return undefined;
    elements *= extent;
    if (!Number.isSafeInteger(elements)) return undefined;
  }
  return elements;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The file's beginning, and the names of the tensors as they follow it. These are sorted by the width of their elements, widest first,
 * and by name, so that each is aligned and equal content gives equal bytes.
 */
export function layOutSafetensors(
  tensors: Readonly<Record<string, Pick<StoredTensor, 'dtype' | 'shape'>>>,
  metadata: Readonly<Record<string, string>> = {},
): { readonly head: Uint8Array; readonly names: readonly string[] } {
  const entries = Object.entries(tensors).toSorted(
    ([a, one], [b, other]) => sizes[other.dtype] - sizes[one.dtype] || compare(a, b),
  );
  const members: string[] = [];
  const described = Object.entries(metadata).toSorted(([a], [b]) => compare(a, b));
  if (described.length > 0) {
    const texts = described.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`);
    members.push(`"${metadataName}":{${texts.join(',')}}`);
  }
  let offset = 0;
  for (const [name, { dtype, shape }] of entries) {
    const elements = elementsOf(shape);
    assert(name !== metadataName, () => `a tensor may not be named ${metadataName}`);
    assert(elements !== undefined, () => `${name}: no shape, [${shape.join(', ')}]`);
    const end = offset + elements * sizes[dtype];
    members.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);
  return { head, names: entries.map(([name]) => name) };
}

/** The file as consecutive parts, without copying tensors. */
export function encodeSafetensorsParts(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const expected = (elementsOf(shape) ?? Number.NaN) * sizes[dtype];
    assert(data.byteLength === expected, () => `${name}: ${dtype} [${shape.join(', ')}] in ${data.byteLength} bytes`);
  }
  const { head, names } = layOutSafetensors(tensors, metadata);
  return [head, ...names.map((name) => (tensors[name] as StoredTensor).data)];
}

/** Bytes of a file that is one array: no view in Node 20 is larger. */
export const mostBytes = 2 ** 32 - 1;

/** The file as one array. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const parts = encodeSafetensorsParts(tensors, metadata);
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  if (length > mostBytes)
    throw new Error(`tensors of ${length} bytes are more than the ${mostBytes} that a file of them may have`);
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readEntry(name: string, value: unknown, length: number, fail: (what: string) => UserError): Entry {
  const called = `tensor ${JSON.stringify(name)}`;
  if (!isRecord(value)) throw fail(`${called} is not described by an object`);
  const { dtype, shape, data_offsets: offsets, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw fail(`${called} has an unknown member ${JSON.stringify(unknown)}`);
  if (typeof dtype !== 'string' || !Object.hasOwn(sizes, dtype))
    throw fail(`${called} has the unknown type ${JSON.stringify(dtype)}`);
  const elements = Array.isArray(shape) ? elementsOf(shape) : undefined;
  if (elements === undefined) throw fail(`${called} has no shape of whole numbers`);
  if (!Array.isArray(offsets) || offsets.length !== 2) throw fail(`${called} has no two offsets`);
  const [begin, end] = offsets as [unknown, unknown];
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end)) throw fail(`${called} has offsets that are no whole numbers`);
  const [from, to] = [begin as number, end as number];
  if (from < 0 || to < from || to > length)
    throw fail(`${called} lies at ${from} … ${to}, outside the ${length} bytes that there are`);
  const expected = elements * sizes[dtype as Dtype];
  if (to - from !== expected) throw fail(`${called} takes ${to - from} bytes where type and shape need ${expected}`);
  return { name, dtype: dtype as Dtype, shape: shape as readonly number[], begin: from, end: to };
}

export interface SafetensorsHeader {
  /** In the order of the header; `begin` and `end` are bytes behind it. */
  readonly entries: readonly Entry[];
  readonly metadata: Record<string, string>;
  /** Where the tensors' bytes begin in the file. */
  readonly data: number;
}

/** The length of a file's header, from its first eight bytes. */
export function safetensorsHeaderEnd(head: Uint8Array, length: number, where: string): number {
  const fail = (what: string): UserError => new UserError(`${where}: not a valid safetensors file: ${what}`);
  if (length < 8) throw fail(`only ${length} bytes long`);
  const headerLength = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0, true));
  if (headerLength > headerLimit) throw fail(`a header of ${headerLength} bytes`);
  if (headerLength > length - 8) throw fail('it ends within its header');
  return 8 + headerLength;
}

/** The header of a file of `length` bytes. `head`: the file's first bytes, at least `safetensorsHeaderEnd`. */
export function readSafetensorsHeader(head: Uint8Array, length: number, where: string): SafetensorsHeader {
  const fail = (what: string): UserError => new UserError(`${where}: not a valid safetensors file: ${what}`);
  const start = safetensorsHeaderEnd(head, length, where);
  let header: unknown;
  try {
    header = JSON.parse(decoder.decode(head.subarray(8, start)));
  } catch {
    throw fail('its header is not JSON');
  }
  if (!isRecord(header)) throw fail('its header is not an object');
  const metadata = Object.create(null) as Record<string, string>;
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== metadataName) {
      entries.push(readEntry(name, value, length - start, fail));
      continue;
    }
    if (!isRecord(value)) throw fail('its metadata is not an object');
    for (const [key, text] of Object.entries(value)) {
      if (typeof text !== 'string') throw fail(`its metadata ${JSON.stringify(key)} is not a text`);
      metadata[key] = text;
    }
  }
  let reached = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== reached)
      throw fail(`tensor ${JSON.stringify(name)} ${begin < reached ? 'overlaps another' : 'follows a hole'}`);
    reached = end;
  }
  if (reached !== length - start) throw fail(`${length - start - reached} bytes follow the last tensor`);
  return { entries, metadata, data: start };
}

/**
 * The tensors, as views into `bytes`, and the metadata. A UserError, which begins with `where`, for a file that is not valid:
 * lengths, JSON, types, shapes and offsets, overlaps, gaps, bytes after the end.
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): DecodedSafetensors {
  const { entries, metadata, data } = readSafetensorsHeader(bytes, bytes.byteLength, where);
  const tensors = Object.create(null) as Record<string, StoredTensor>;
  for (const { name, dtype, shape, begin, end } of entries)
    tensors[name] = Object.freeze({ dtype, shape: Object.freeze([...shape]), data: bytes.subarray(data + begin, data + end) });
  return { tensors, metadata };
}

/** The numbers of an F32 tensor: a view where the bytes are aligned, else a copy. */
export function f32({ dtype, data }: StoredTensor): Float32Array {
  assert(dtype === 'F32', () => `a tensor of F32, not ${dtype}`);
  return asNumbers(data, Float32Array);
}

/** A tensor that shares the memory of these numbers. */
export function fromF32(shape: readonly number[], data: Float32Array): StoredTensor {
  return { dtype: 'F32', shape, data: asBytes(data) };
}

/** The numbers of a U16 tensor: a view where the bytes are aligned, else a copy. */
export function u16({ dtype, data }: StoredTensor): Uint16Array {
  assert(dtype === 'U16', () => `a tensor of U16, not ${dtype}`);
  return asNumbers(data, Uint16Array);
}

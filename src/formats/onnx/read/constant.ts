/**
 * Reads the numbers of a model's tensors and checks extents, sizes and types. Floats of any width become f32; whole numbers are
 * only read where they are few, as in shapes and axes.
 */
import { asNumbers } from '../../../util/bytes.ts';
import { UserError } from '../../../util/user-error.ts';
import { dataType, saturate, type TensorProto } from '../proto.ts';
import type { ExternalFiles } from './external.ts';
import { quotedName } from './failure.ts';

export interface Constant {
  readonly dims: readonly number[];
  readonly numbers:
    | { readonly kind: 'floats'; readonly values: Float32Array }
    | { readonly kind: 'integers'; readonly values: readonly number[] };
}

export interface ConstantReader {
  /** A UserError for a tensor that is not valid. */
  read(tensor: TensorProto, name: string): Constant;
  /** Types that were converted to f32 so far, and for how many tensors. */
  readonly converted: ReadonlyMap<string, number>;
}

/** No layer's weight has more dimensions, and no shape or list of channels more entries. */
const mostDims = 8;
const mostIntegers = 65_536;

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));
function brainToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** The number of elements; undefined for invalid extents. */
function countOf(dims: readonly number[]): number | undefined {
  let count = 1;
  for (const extent of dims) {
    if (extent < 0) return undefined;
    count *= extent;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** How the numbers of a type are read. */
interface NumberType {
  readonly name: string;
  /** Bytes of one number. */
  readonly width: number;
  readonly floating: boolean;
  read(view: DataView, at: number): number;
  /** The typed list in which the numbers may be instead of bytes. */
  list(tensor: TensorProto): readonly number[] | undefined;
}

const rows: { readonly [name in keyof typeof dataType]?: Omit<NumberType, 'name'> } = {
  float: { width: 4, floating: true, read: (view, at) => view.getFloat32(at, true), list: ({ floats }) => floats },
  double: { width: 8, floating: true, read: (view, at) => view.getFloat64(at, true), list: ({ doubles }) => doubles },
  float16: {
    width: 2,
    floating: true,
    read: (view, at) => halfToNumber(view.getUint16(at, true)),
    list: ({ int32s }) => int32s?.map((bits) => halfToNumber(bits & 0xffff)),
  },
  bfloat16: {
    width: 2,
    floating: true,
    read: (view, at) => brainToNumber(view.getUint16(at, true)),
    list: ({ int32s }) => int32s?.map((bits) => brainToNumber(bits & 0xffff)),
  },
  int64: {
    width: 8,
    floating: false,
    read: (view, at) => saturate(Number(view.getBigInt64(at, true))),
    list: ({ int64s }) => int64s,
  },
  int32: { width: 4, floating: false, read: (view, at) => view.getInt32(at, true), list: ({ int32s }) => int32s },
  uint8: { width: 1, floating: false, read: (view, at) => view.getUint8(at), list: ({ int32s }) => int32s },
  int8: { width: 1, floating: false, read: (view, at) => view.getInt8(at), list: ({ int32s }) => int32s },
  bool: { width: 1, floating: false, read: (view, at) => view.getUint8(at), list: ({ int32s }) => int32s },
};

const typeNames = new Map<number, keyof typeof dataType>(
  Object.entries(dataType).map(([name, code]) => [code, name as keyof typeof dataType]),
);

/** The type of that code; its name where it cannot be read. */
function typeOf(code: number): NumberType | string {
  const name = typeNames.get(code);
  const row = name === undefined ? undefined : rows[name];
  return name === undefined ? `type ${code}` : row === undefined ? name : { name, ...row };
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function constantReader(where: string, files: ExternalFiles): ConstantReader {
  const converted = new Map<string, number>();

  /** The bytes of a tensor, raw or external; undefined where its numbers are in a typed list. */
  function bytesOf(tensor: TensorProto, name: string, length: number, fail: (what: string) => UserError): Uint8Array | undefined {
    const { raw, external, floats, int32s, int64s, doubles } = tensor;
    const places = [raw, external, floats, int32s, int64s, doubles].filter((place) => place !== undefined).length;
    if (places > 1) throw fail('its numbers are in more than one place');
    if (external === undefined) return raw ?? (places === 0 ? new Uint8Array() : undefined);
    const { location, offset = '0', length: given = String(length) } = external;
    const from = number(offset);
    if (location === undefined || from === undefined) throw fail('it does not say where its numbers are');
    if (number(given) !== length) throw fail(`type and extents need ${length} bytes, and it says ${quotedName(given)}`);
    return files.read(location, from, length, name);
  }

  return {
    converted,
    read(tensor, name) {
      const { dims } = tensor;
      const fail = (problem: string): UserError => new UserError(`${where}: tensor ${quotedName(name)}: ${problem}`);
      const type = typeOf(tensor.dataType);
      if (typeof type === 'string') throw fail(`numbers of ${type} are not read`);
      const { width } = type;
      if (dims.length > mostDims) throw fail(`${dims.length} dimensions`);
      const count = countOf(dims);
      if (count === undefined) throw fail(`extents ${dims.join('×')}`);
      const shown = `${dims.length === 0 ? 'one number' : dims.join('×')} of ${type.name}`;
      const bytes = bytesOf(tensor, name, count * width, fail);
      const list = bytes === undefined ? type.list(tensor) : [];
      if (list === undefined) throw fail(`${shown} in a list of another type`);
      if (bytes === undefined && list.length !== count) throw fail(`${shown}, but ${list.length} are there`);
      if (bytes !== undefined && bytes.byteLength !== count * width)
        throw fail(`${shown} need ${count * width} bytes, not ${bytes.byteLength}`);
      const view = bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const numberAt = (at: number): number => (view === undefined ? (list[at] as number) : type.read(view, at * width));
      if (!type.floating) {
        if (count > mostIntegers) throw fail(`${shown}: weights of whole numbers are not read`);
        return { dims, numbers: { kind: 'integers', values: Array.from({ length: count }, (_none, at) => numberAt(at)) } };
      }
      const isF32 = tensor.dataType === dataType.float;
      if (!isF32) converted.set(type.name, (converted.get(type.name) ?? 0) + 1);
      const values =
        isF32 && bytes !== undefined ? asNumbers(bytes, Float32Array) : new Float32Array(count).map((_zero, at) => numberAt(at));
      if (!values.every(Number.isFinite)) throw fail('it holds a number that is not finite');
      return { dims, numbers: { kind: 'floats', values } };
    },
  };
}

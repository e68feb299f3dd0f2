/**
 * The numbers of a model's tensors, checked: extents against the bytes that there are, types, exactly one place where the
 * numbers lie. Floats of any width become f32; whole numbers are read where they are few, as shapes and axes are.
 */
import { assert } from '../../../util/assert.ts';
import { UserError } from '../../../util/user-error.ts';
import { dataType, saturate, type TensorProto } from '../proto.ts';
import type { ExternalFiles } from './external.ts';
import { quoted } from './failure.ts';

export interface Constant {
  readonly dims: readonly number[];
  readonly numbers:
    | { readonly kind: 'floats'; readonly values: Float32Array }
    | { readonly kind: 'integers'; readonly values: readonly number[] };
}

export interface ConstantReader {
  /** A UserError where the tensor is not what it says. */
  read(tensor: TensorProto, name: string): Constant;
  /** Wider or narrower types that became f32 so far, and how many tensors did. */
  readonly converted: ReadonlyMap<string, number>;
}

const typeNames = new Map<number, string>(Object.entries(dataType).map(([name, code]) => [code, name]));
const describeType = (code: number): string => typeNames.get(code) ?? `type ${code}`;

/** Bytes of one number. */
const widths = new Map<number, number>([
  [dataType.float, 4],
  [dataType.double, 8],
  [dataType.float16, 2],
  [dataType.bfloat16, 2],
  [dataType.int64, 8],
  [dataType.int32, 4],
  [dataType.uint8, 1],
  [dataType.int8, 1],
  [dataType.bool, 1],
]);

/** No layer has a weight of more dimensions, and no shape of an image as many entries. */
const mostDims = 8;
const mostIntegers = 64;

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

/** Elements of those extents, or undefined where they are no extents. */
function countOf(dims: readonly number[]): number | undefined {
  let count = 1;
  for (const extent of dims) {
    if (extent < 0) return undefined;
    count *= extent;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

type Reading = (view: DataView, at: number) => number;
const readings = new Map<number, Reading>([
  [dataType.double, (view, at) => view.getFloat64(at, true)],
  [dataType.float16, (view, at) => halfToNumber(view.getUint16(at, true))],
  [dataType.bfloat16, (view, at) => brainToNumber(view.getUint16(at, true))],
  [dataType.int64, (view, at) => saturate(Number(view.getBigInt64(at, true)))],
  [dataType.int32, (view, at) => view.getInt32(at, true)],
  [dataType.uint8, (view, at) => view.getUint8(at)],
  [dataType.int8, (view, at) => view.getInt8(at)],
  [dataType.bool, (view, at) => view.getUint8(at)],
]);

const isFloating = (type: number): boolean =>
  type === dataType.float || type === dataType.double || type === dataType.float16 || type === dataType.bfloat16;

/** The typed list that a type's numbers may stand in. */
function typedOf(tensor: TensorProto): readonly number[] | undefined {
  switch (tensor.dataType) {
    case dataType.float:
      return tensor.floats;
    case dataType.double:
      return tensor.doubles;
    case dataType.int64:
      return tensor.int64s;
    case dataType.float16:
      return tensor.int32s?.map((bits) => halfToNumber(bits & 0xffff));
    case dataType.bfloat16:
      return tensor.int32s?.map((bits) => brainToNumber(bits & 0xffff));
    default:
      return tensor.int32s;
  }
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return bytes.byteOffset % 4 === 0
    ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    : // Not `slice`, which of a Buffer is no copy.
      new Float32Array(new Uint8Array(bytes).buffer);
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function constantReader(where: string, files: ExternalFiles): ConstantReader {
  const converted = new Map<string, number>();

  /** The raw bytes of a tensor, wherever they lie; undefined where its numbers stand in a typed list. */
  function bytesOf(tensor: TensorProto, name: string, length: number, fail: (what: string) => UserError): Uint8Array | undefined {
    const { raw, external, floats, int32s, int64s, doubles } = tensor;
    const places = [raw, external, floats, int32s, int64s, doubles].filter((place) => place !== undefined).length;
    if (places > 1) throw fail('its numbers stand in more than one place');
    if (external === undefined) return raw ?? (places === 0 ? new Uint8Array() : undefined);
    const { location, offset = '0', length: said = String(length) } = external;
    const from = number(offset);
    if (location === undefined || from === undefined) throw fail('it does not say where its numbers lie');
    if (number(said) !== length) throw fail(`type and extents need ${length} bytes, and it says ${quoted(said)}`);
    return files.read(location, from, length, name);
  }

  return {
    converted,
    read(tensor, name) {
      const { dataType: type, dims } = tensor;
      const fail = (what: string): UserError => new UserError(`${where}: tensor ${quoted(name)}: ${what}`);
      const width = widths.get(type);
      if (width === undefined) throw fail(`numbers of ${describeType(type)} are not read`);
      if (dims.length > mostDims) throw fail(`${dims.length} dimensions`);
      const count = countOf(dims);
      if (count === undefined) throw fail(`extents ${dims.join('×')}`);
      const shown = `${dims.length === 0 ? 'one number' : dims.join('×')} of ${describeType(type)}`;
      const bytes = bytesOf(tensor, name, count * width, fail);
      const typed = bytes === undefined ? typedOf(tensor) : undefined;
      if (bytes === undefined && typed === undefined) throw fail(`${shown} in a list of another type`);
      const there = bytes === undefined ? (typed as readonly number[]).length : bytes.byteLength / width;
      if (there !== count)
        throw fail(
          bytes === undefined
            ? `${shown}, but ${there} are there`
            : `${shown} need ${count * width} bytes, not ${bytes.byteLength}`,
        );
      if (!isFloating(type)) {
        if (count > mostIntegers) throw fail(`${shown}: weights of whole numbers are not read`);
        const view = bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const reading = readings.get(type) as Reading;
        const values = view ? Array.from({ length: count }, (_none, at) => reading(view, at * width)) : [...(typed ?? [])];
        return { dims, numbers: { kind: 'integers', values } };
      }
      if (type !== dataType.float) converted.set(describeType(type), (converted.get(describeType(type)) ?? 0) + 1);
      let values: Float32Array;
      if (bytes === undefined) values = Float32Array.from(typed as readonly number[]);
      else if (type === dataType.float) values = floatsOf(bytes);
      else {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const reading = readings.get(type) as Reading;
        values = new Float32Array(count);
        for (let at = 0; at < count; at++) values[at] = reading(view, at * width);
      }
      assert(values.length === count, () => `${count} numbers, not ${values.length}`);
      if (!values.every(Number.isFinite)) throw fail('it holds a number that is not finite');
      return { dims, numbers: { kind: 'floats', values } };
    },
  };
}

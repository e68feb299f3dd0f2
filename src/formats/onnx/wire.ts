/**
 * Protobuf messages by tables of their members. The bytes are untrusted: every length is checked before anything is allocated,
 * nothing recurses, and messages, names and lists of whole numbers are counted and limited, because two bytes can become an
 * object of hundreds. Values of bytes are views.
 */
import { BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { saturate } from './proto.ts';

export class Malformed extends Error {}

/** Limit of nodes, tensors, names, attributes, extents and the like in a file. DenseNet-201, of 709 nodes, has about 10,000. */
export const mostEntries = 200_000;

/** The messages, names and numbers that a file may still have. */
export interface Allowance {
  entries: number;
}

function spend(allowance: Allowance): void {
  if (allowance.entries-- === 0) throw new Malformed(`more than ${mostEntries} nodes, names and attributes`);
}

/** How the values of a field are read and written. */
export interface Codec<T> {
  /** The value where the field is missing; undefined omits the member. */
  initial(): T | undefined;
  /** `before`: the value so far, which repeated fields extend. */
  read(allowance: Allowance, r: BinaryReader, wire: WireType, before: T | undefined): T | undefined;
  write(w: BinaryWriter, field: number, value: T): void;
}

/** How one value is read and written behind its tag. */
interface Primitive<T> {
  readonly type: WireType;
  read(r: BinaryReader): T;
  write(w: BinaryWriter, value: T): unknown;
}

export const int64: Primitive<number> = {
  type: WireType.Varint,
  read(r) {
    const value = Number(r.int64());
    if (!Number.isSafeInteger(value)) throw new Malformed('a whole number beyond 2^53');
    return value;
  },
  write: (w, value) => w.int64(value),
};
export const saturated: Primitive<number> = { ...int64, read: (r) => saturate(Number(r.int64())) };
export const int32: Primitive<number> = { type: WireType.Varint, read: (r) => r.int32(), write: (w, value) => w.int32(value) };
export const float: Primitive<number> = { type: WireType.Bit32, read: (r) => r.float(), write: (w, value) => w.float(value) };
export const double: Primitive<number> = { type: WireType.Bit64, read: (r) => r.double(), write: (w, value) => w.double(value) };

function expect(wire: WireType, wanted: WireType): void {
  if (wire !== wanted) throw new Malformed(`a field of wire type ${wire} instead of ${wanted}`);
}

export function bytesOf(r: BinaryReader, wire: WireType): Uint8Array {
  expect(wire, WireType.LengthDelimited);
  return r.bytes();
}

/** A field with one value, which is written whatever it is. */
export const single = <T>({ type, read, write }: Primitive<T>, initial: T | undefined): Codec<T> => ({
  initial: () => initial,
  read(_allowance, r, wire) {
    expect(wire, type);
    return read(r);
  },
  write: (w, field, value) => void write(w.tag(field, type), value),
});

export const raw: Codec<Uint8Array> = {
  initial: () => undefined,
  read: (_allowance, r, wire) => bytesOf(r, wire),
  write: (w, field, value) => void w.tag(field, WireType.LengthDelimited).bytes(value),
};
/** Invalid UTF-8 is an error: replaced by U+FFFD, two names would become one. */
const utf8: Primitive<string> = {
  type: WireType.LengthDelimited,
  read: (r) => r.string(true),
  write: (w, value) => w.string(value),
};
export const string = single(utf8, '');
/** Not written where it is empty. */
export const text: Codec<string> = {
  ...string,
  write: (w, field, value) => void (value !== '' && string.write(w, field, value)),
};
/** The number of fields, which are skipped and not written. */
export const counter: Codec<number> = {
  initial: () => 0,
  read(_allowance, r, wire, before = 0) {
    r.skip(wire, 1, 1);
    return before + 1;
  },
  write: () => undefined,
};

export const repeated = <T>(item: Codec<T>): Codec<readonly T[]> => ({
  initial: () => [],
  read(allowance, r, wire, before = []) {
    (before as T[]).push(item.read(allowance, r, wire, item.initial()) as T);
    return before;
  },
  write(w, field, values) {
    for (const value of values) item.write(w, field, value);
  },
});

/** Strings that count as entries. Empty ones are written too: they mark omitted inputs. */
export const strings = repeated<string>({
  ...string,
  read(allowance, ...from) {
    spend(allowance);
    return string.read(allowance, ...from);
  },
});

/** A list of numbers, read packed or one by one and written packed. `isCounted`: they count as entries. */
export const numbers = ({ type, read, write }: Primitive<number>, isCounted: boolean): Codec<readonly number[]> => ({
  initial: () => [],
  read(allowance, r, wire, before = []) {
    const take = (from: BinaryReader): void => {
      if (isCounted) spend(allowance);
      (before as number[]).push(read(from));
    };
    if (wire === type) take(r);
    else for (const inner = new BinaryReader(bytesOf(r, wire)); inner.pos < inner.len;) take(inner);
    return before;
  },
  write(w, field, values) {
    if (values.length === 0) return;
    w.tag(field, WireType.LengthDelimited).fork();
    for (const value of values) write(w, value);
    w.join();
  },
});

interface Message<T> extends Codec<T> {
  decode(allowance: Allowance, bytes: Uint8Array): T;
  encode(w: BinaryWriter, value: T): void;
}

/** A message by the numbers and codecs of its members, in the order in which they are written. It counts as an entry. */
export function message<T>(members: {
  readonly [K in keyof T]-?: readonly [field: number, codec: Codec<Exclude<T[K], undefined>>];
}): Message<T> {
  const fields = Object.entries<readonly [number, Codec<unknown>]>(members);
  // Files of hundreds of thousands of messages: nothing is computed for each that the table says once.
  const initial = fields.flatMap(([name, [, codec]]) => (codec.initial() === undefined ? [] : [[name, codec.initial] as const]));
  const optional = fields.filter(([, [, codec]]) => codec.initial() === undefined).map(([name]) => name);
  const byNumber = new Map(fields.map(([name, [field, codec]]) => [field, { name, codec }]));
  function decode(allowance: Allowance, bytes: Uint8Array): T {
    spend(allowance);
    const values: Record<string, unknown> = {};
    for (const [name, value] of initial) values[name] = value();
    const r = new BinaryReader(bytes);
    while (r.pos < r.len) {
      const [field, wire] = r.tag();
      if (wire === WireType.StartGroup || wire === WireType.EndGroup) throw new Malformed('it holds a group');
      const member = byNumber.get(field);
      if (member === undefined) r.skip(wire, field, 1);
      else values[member.name] = member.codec.read(allowance, r, wire, values[member.name]);
    }
    for (const name of optional) if (values[name] === undefined) delete values[name];
    return values as T;
  }
  function encode(w: BinaryWriter, value: T): void {
    for (const [name, [field, codec]] of fields) {
      const member = value[name as keyof T];
      if (member !== undefined) codec.write(w, field, member);
    }
  }
  return {
    decode,
    encode,
    initial: () => undefined,
    read: (allowance, r, wire) => decode(allowance, bytesOf(r, wire)),
    write(w, field, value) {
      w.tag(field, WireType.LengthDelimited).fork();
      encode(w, value);
      w.join();
    },
  };
}

/** A message that becomes another value. */
export const mapped = <W, T>(wire: Message<W>, read: (message: W) => T, write: (value: T) => W): Codec<T> => ({
  initial: () => undefined,
  read: (allowance, r, type) => read(wire.decode(allowance, bytesOf(r, type))),
  write: (w, field, value) => wire.write(w, field, write(value)),
});

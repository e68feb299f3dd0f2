/**
 * Parses the bytes of an .onnx file. The file is untrusted: every length is checked before anything is allocated, nothing
 * recurses, and errors are UserErrors of one line. Raw bytes of tensors are views into the file; names, nodes and lists of
 * whole numbers are counted and limited, because two bytes of a file can become an object of hundreds. Whether the model makes
 * sense is not checked here.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { UserError } from '../../util/user-error.ts';
import {
  attributeType,
  saturate,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto.ts';

class Malformed extends Error {}

/** Limit of nodes, tensors, names, attributes, extents and the like in a file. DenseNet-201, of 709 nodes, has about 10,000. */
const mostEntries = 200_000;

/** The entries that a file may still have. */
interface Allowance {
  entries: number;
}

function spend(allowance: Allowance): void {
  if (allowance.entries-- === 0) throw new Malformed(`more than ${mostEntries} nodes, names and attributes`);
}

/** Reads the value of a field from `r`. */
type FieldReader = (r: BinaryReader, wire: WireType) => unknown;

/** Calls the reader of each field's number; other fields are skipped. Costs one entry. */
function readFields(allowance: Allowance, bytes: Uint8Array, readers: Readonly<Record<number, FieldReader>>): void {
  spend(allowance);
  const r = new BinaryReader(bytes);
  while (r.pos < r.len) {
    const [field, wire] = r.tag();
    if (wire === WireType.StartGroup || wire === WireType.EndGroup) throw new Malformed('it holds a group');
    const read = readers[field];
    if (read === undefined) r.skip(wire, field, 1);
    else read(r, wire);
  }
}

function expect(wire: WireType, wanted: WireType): void {
  if (wire !== wanted) throw new Malformed(`a field of wire type ${wire} instead of ${wanted}`);
}

const bytesOf = (r: BinaryReader, wire: WireType): Uint8Array => {
  expect(wire, WireType.LengthDelimited);
  return r.bytes();
};

/** Invalid UTF-8 is an error: replaced by U+FFFD, two names would become one. */
const textOf = (r: BinaryReader, wire: WireType): string => {
  expect(wire, WireType.LengthDelimited);
  return r.string(true);
};

/** A string of a list. */
const entryTextOf = (allowance: Allowance, r: BinaryReader, wire: WireType): string => {
  spend(allowance);
  return textOf(r, wire);
};

function int64(r: BinaryReader): number {
  const value = Number(r.int64());
  if (!Number.isSafeInteger(value)) throw new Malformed('a whole number beyond 2^53');
  return value;
}

const saturated = (r: BinaryReader): number => saturate(Number(r.int64()));

const wholeOf = (r: BinaryReader, wire: WireType): number => {
  expect(wire, WireType.Varint);
  return int64(r);
};

const floatOf = (r: BinaryReader, wire: WireType): number => {
  expect(wire, WireType.Bit32);
  return r.float();
};

/** A field of repeated numbers, packed or one by one. */
const numbers =
  (into: number[], single: WireType, one: (r: BinaryReader) => number): FieldReader =>
  (r, wire) => {
    if (wire === single) return into.push(one(r));
    const inner = new BinaryReader(bytesOf(r, wire));
    while (inner.pos < inner.len) into.push(one(inner));
  };

/** Whole numbers that count as entries: extents, axes, strides. */
const counted =
  (allowance: Allowance, one: (r: BinaryReader) => number) =>
  (r: BinaryReader): number => {
    spend(allowance);
    return one(r);
  };

/** Without a prototype: `__proto__` is a key like any other, and `constructor` finds nothing. */
function recordOf(entries: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const record = Object.create(null) as Record<string, string>;
  for (const [key, value] of entries) record[key] = value;
  return record;
}

function entryOf(allowance: Allowance, bytes: Uint8Array): readonly [string, string] {
  let [key, value] = ['', ''];
  readFields(allowance, bytes, {
    1: (r, wire) => (key = textOf(r, wire)),
    2: (r, wire) => (value = textOf(r, wire)),
  });
  return [key, value];
}

function tensorOf(allowance: Allowance, bytes: Uint8Array): TensorProto {
  let [name, dataType, isExternal] = ['', 0, false];
  let raw: Uint8Array | undefined;
  const dims: number[] = [];
  const typed = { floats: [] as number[], int32s: [] as number[], int64s: [] as number[], doubles: [] as number[] };
  const external: (readonly [string, string])[] = [];
  readFields(allowance, bytes, {
    1: numbers(dims, WireType.Varint, counted(allowance, int64)),
    2: (r, wire) => (dataType = wholeOf(r, wire)),
    3: () => {
      throw new Malformed('a tensor in segments');
    },
    4: numbers(typed.floats, WireType.Bit32, (r) => r.float()),
    5: numbers(typed.int32s, WireType.Varint, (r) => r.int32()),
    7: numbers(typed.int64s, WireType.Varint, saturated),
    8: (r, wire) => (name = textOf(r, wire)),
    9: (r, wire) => (raw = bytesOf(r, wire)),
    10: numbers(typed.doubles, WireType.Bit64, (r) => r.double()),
    13: (r, wire) => external.push(entryOf(allowance, bytesOf(r, wire))),
    14: (r, wire) => (isExternal = wholeOf(r, wire) === 1),
  });
  return {
    name,
    dataType,
    dims,
    ...(raw === undefined ? {} : { raw }),
    ...Object.fromEntries(Object.entries(typed).filter(([, values]) => values.length > 0)),
    ...(isExternal || external.length > 0 ? { external: recordOf(external) } : {}),
  };
}

const attributeKinds = new Map(Object.entries(attributeType).map(([kind, type]) => [type as number, kind]));

function attributeOf(allowance: Allowance, bytes: Uint8Array): AttributeProto {
  let [name, type] = ['', 0];
  const [floats, ints, strings]: [number[], number[], string[]] = [[], [], []];
  const values: Record<string, unknown> = { float: 0, int: 0, string: '', floats, ints, strings };
  readFields(allowance, bytes, {
    1: (r, wire) => (name = textOf(r, wire)),
    2: (r, wire) => (values['float'] = floatOf(r, wire)),
    3: (r, wire) => (values['int'] = wholeOf(r, wire)),
    4: (r, wire) => (values['string'] = textOf(r, wire)),
    5: (r, wire) => (values['tensor'] = tensorOf(allowance, bytesOf(r, wire))),
    7: numbers(
      floats,
      WireType.Bit32,
      counted(allowance, (r) => r.float()),
    ),
    8: numbers(ints, WireType.Varint, counted(allowance, saturated)),
    9: (r, wire) => strings.push(entryTextOf(allowance, r, wire)),
    20: (r, wire) => (type = wholeOf(r, wire)),
  });
  const kind = attributeKinds.get(type);
  const value = kind === undefined ? undefined : values[kind];
  return value === undefined ? { name, kind: 'other', type } : ({ name, kind, value } as AttributeProto);
}

/** The long name of ONNX's own domain is ''. */
const domainOf = (name: string): string => (name === 'ai.onnx' ? '' : name);

function nodeOf(allowance: Allowance, bytes: Uint8Array): NodeProto {
  let [name, opType, domain] = ['', '', ''];
  const [inputs, outputs, attributes]: [string[], string[], AttributeProto[]] = [[], [], []];
  readFields(allowance, bytes, {
    1: (r, wire) => inputs.push(entryTextOf(allowance, r, wire)),
    2: (r, wire) => outputs.push(entryTextOf(allowance, r, wire)),
    3: (r, wire) => (name = textOf(r, wire)),
    4: (r, wire) => (opType = textOf(r, wire)),
    5: (r, wire) => attributes.push(attributeOf(allowance, bytesOf(r, wire))),
    7: (r, wire) => (domain = textOf(r, wire)),
  });
  return { name, opType, domain: domainOf(domain), inputs, outputs, attributes };
}

type Extent = number | string | null;

function extentOf(allowance: Allowance, bytes: Uint8Array): Extent {
  let extent: Extent = null;
  readFields(allowance, bytes, {
    1: (r, wire) => (extent = wholeOf(r, wire)),
    2: (r, wire) => (extent = textOf(r, wire)),
  });
  return extent;
}

function shapeOf(allowance: Allowance, bytes: Uint8Array): readonly Extent[] {
  const extents: Extent[] = [];
  readFields(allowance, bytes, { 1: (r, wire) => extents.push(extentOf(allowance, bytesOf(r, wire))) });
  return extents;
}

function valueInfoOf(allowance: Allowance, bytes: Uint8Array): ValueInfoProto {
  let [name, elementType] = ['', 0];
  let shape: readonly Extent[] | null = null;
  const tensorType: Readonly<Record<number, FieldReader>> = {
    1: (r, wire) => (elementType = wholeOf(r, wire)),
    2: (r, wire) => (shape = shapeOf(allowance, bytesOf(r, wire))),
  };
  readFields(allowance, bytes, {
    1: (r, wire) => (name = textOf(r, wire)),
    2: (r, wire) =>
      readFields(allowance, bytesOf(r, wire), {
        1: (type, typeWire) => readFields(allowance, bytesOf(type, typeWire), tensorType),
      }),
  });
  return { name, elementType, shape };
}

function graphOf(allowance: Allowance, bytes: Uint8Array): GraphProto {
  let [name, sparseInitializers] = ['', 0];
  const [nodes, initializers]: [NodeProto[], TensorProto[]] = [[], []];
  const [inputs, outputs]: [ValueInfoProto[], ValueInfoProto[]] = [[], []];
  readFields(allowance, bytes, {
    1: (r, wire) => nodes.push(nodeOf(allowance, bytesOf(r, wire))),
    2: (r, wire) => (name = textOf(r, wire)),
    5: (r, wire) => initializers.push(tensorOf(allowance, bytesOf(r, wire))),
    11: (r, wire) => inputs.push(valueInfoOf(allowance, bytesOf(r, wire))),
    12: (r, wire) => outputs.push(valueInfoOf(allowance, bytesOf(r, wire))),
    15: (r, wire) => {
      sparseInitializers++;
      r.skip(wire, 15, 1);
    },
  });
  return { name, nodes, initializers, inputs, outputs, sparseInitializers };
}

function opsetOf(allowance: Allowance, bytes: Uint8Array): ModelProto['opsets'][number] {
  let [domain, version] = ['', 0];
  readFields(allowance, bytes, {
    1: (r, wire) => (domain = textOf(r, wire)),
    2: (r, wire) => (version = wholeOf(r, wire)),
  });
  return { domain: domainOf(domain), version };
}

function modelOf(allowance: Allowance, bytes: Uint8Array): ModelProto {
  let [irVersion, producer, producerVersion, functions] = [0, '', '', 0];
  let graph: GraphProto | undefined;
  const opsets: ModelProto['opsets'][number][] = [];
  const metadata: (readonly [string, string])[] = [];
  readFields(allowance, bytes, {
    1: (r, wire) => (irVersion = wholeOf(r, wire)),
    2: (r, wire) => (producer = textOf(r, wire)),
    3: (r, wire) => (producerVersion = textOf(r, wire)),
    7: (r, wire) => (graph = graphOf(allowance, bytesOf(r, wire))),
    8: (r, wire) => opsets.push(opsetOf(allowance, bytesOf(r, wire))),
    14: (r, wire) => metadata.push(entryOf(allowance, bytesOf(r, wire))),
    25: (r, wire) => {
      functions++;
      r.skip(wire, 25, 1);
    },
  });
  if (graph === undefined) throw new Malformed('it holds no graph');
  return { irVersion, producer, producerVersion, opsets, graph, metadata: recordOf(metadata), functions };
}

/** `where` begins the message of the UserError for a damaged file. */
export function decodeModel(bytes: Uint8Array, where: string): ModelProto {
  try {
    return modelOf({ entries: mostEntries }, bytes);
  } catch (error) {
    // Malformed is thrown here; the reader throws RangeErrors and Errors, all because of the file.
    throw new UserError(`${where}: not a valid ONNX file: ${(error as Error).message}`);
  }
}

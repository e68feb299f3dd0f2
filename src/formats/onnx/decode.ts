/**
 * The bytes of an .onnx file as a model. The file is not trusted: every length is checked against what is there before
 * anything is allocated, nothing recurses, and what is wrong is a UserError of one line. Tensors' raw bytes are views into
 * the file; what is not a view (names, nodes, lists of whole numbers) is counted and limited, because two bytes of a file
 * can be an object of hundreds. Whether the model makes sense is not asked here.
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

/**
 * Nodes, tensors, names, attributes, extents and the like that a file may hold, together. DenseNet-201, of 709 nodes, has
 * some ten thousand.
 */
const mostEntries = 200_000;

/** What of a file's allowance is left; one decoding has one. */
interface Allowance {
  entries: number;
}

function spend(allowance: Allowance): void {
  if (allowance.entries-- === 0) throw new Malformed(`more than ${mostEntries} nodes, names and attributes`);
}

/** Calls for each field; a field of which `read` says false is skipped. Costs one entry. */
function fields(
  allowance: Allowance,
  bytes: Uint8Array,
  read: (field: number, wire: WireType, r: BinaryReader) => boolean,
): void {
  spend(allowance);
  const r = new BinaryReader(bytes);
  while (r.pos < r.len) {
    const [field, wire] = r.tag();
    if (wire === WireType.StartGroup || wire === WireType.EndGroup) throw new Malformed('it holds a group');
    if (!read(field, wire, r)) r.skip(wire, field, 1);
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

/** A text of a list. */
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

/** Repeated numbers, packed or one by one. */
function numbers(r: BinaryReader, wire: WireType, single: WireType, into: number[], one: (r: BinaryReader) => number): void {
  if (wire === single) {
    into.push(one(r));
    return;
  }
  const inner = new BinaryReader(bytesOf(r, wire));
  while (inner.pos < inner.len) into.push(one(inner));
}

/** Whole numbers that are described one by one: extents, axes, strides. */
const listed =
  (allowance: Allowance, one: (r: BinaryReader) => number) =>
  (r: BinaryReader): number => {
    spend(allowance);
    return one(r);
  };

/** Without a prototype, so that a name such as `__proto__` is one like any other and `constructor` finds nothing. */
function recordOf(entries: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const record = Object.create(null) as Record<string, string>;
  for (const [key, value] of entries) record[key] = value;
  return record;
}

function entryOf(allowance: Allowance, bytes: Uint8Array): readonly [string, string] {
  let [key, value] = ['', ''];
  fields(allowance, bytes, (field, wire, r) => {
    if (field === 1) key = textOf(r, wire);
    else if (field === 2) value = textOf(r, wire);
    else return false;
    return true;
  });
  return [key, value];
}

function tensorOf(allowance: Allowance, bytes: Uint8Array): TensorProto {
  let [name, dataType, isExternal] = ['', 0, false];
  let raw: Uint8Array | undefined;
  const dims: number[] = [];
  const [floats, int32s, int64s, doubles]: [number[], number[], number[], number[]] = [[], [], [], []];
  const external: [string, string][] = [];
  fields(allowance, bytes, (field, wire, r) => {
    switch (field) {
      case 1:
        numbers(r, wire, WireType.Varint, dims, listed(allowance, int64));
        return true;
      case 2:
        dataType = wholeOf(r, wire);
        return true;
      case 3:
        throw new Malformed('a tensor in segments');
      case 4:
        numbers(r, wire, WireType.Bit32, floats, (one) => one.float());
        return true;
      case 5:
        numbers(r, wire, WireType.Varint, int32s, (one) => one.int32());
        return true;
      case 7:
        numbers(r, wire, WireType.Varint, int64s, saturated);
        return true;
      case 8:
        name = textOf(r, wire);
        return true;
      case 9:
        raw = bytesOf(r, wire);
        return true;
      case 10:
        numbers(r, wire, WireType.Bit64, doubles, (one) => one.double());
        return true;
      case 13:
        external.push([...entryOf(allowance, bytesOf(r, wire))]);
        return true;
      case 14:
        isExternal = wholeOf(r, wire) === 1;
        return true;
      default:
        return false;
    }
  });
  return {
    name,
    dataType,
    dims,
    ...(raw === undefined ? {} : { raw }),
    ...(floats.length > 0 ? { floats } : {}),
    ...(int32s.length > 0 ? { int32s } : {}),
    ...(int64s.length > 0 ? { int64s } : {}),
    ...(doubles.length > 0 ? { doubles } : {}),
    ...(isExternal || external.length > 0 ? { external: recordOf(external) } : {}),
  };
}

function attributeOf(allowance: Allowance, bytes: Uint8Array): AttributeProto {
  let [name, type, float, int, string] = ['', 0, 0, 0, ''];
  let tensor: TensorProto | undefined;
  const [floats, ints, strings]: [number[], number[], string[]] = [[], [], []];
  fields(allowance, bytes, (field, wire, r) => {
    switch (field) {
      case 1:
        name = textOf(r, wire);
        return true;
      case 2:
        expect(wire, WireType.Bit32);
        float = r.float();
        return true;
      case 3:
        int = wholeOf(r, wire);
        return true;
      case 4:
        string = textOf(r, wire);
        return true;
      case 5:
        tensor = tensorOf(allowance, bytesOf(r, wire));
        return true;
      case 7:
        numbers(
          r,
          wire,
          WireType.Bit32,
          floats,
          listed(allowance, (one) => one.float()),
        );
        return true;
      case 8:
        numbers(r, wire, WireType.Varint, ints, listed(allowance, saturated));
        return true;
      case 9:
        strings.push(entryTextOf(allowance, r, wire));
        return true;
      case 20:
        type = wholeOf(r, wire);
        return true;
      default:
        return false;
    }
  });
  switch (type) {
    case attributeType.float:
      return { name, kind: 'float', value: float };
    case attributeType.int:
      return { name, kind: 'int', value: int };
    case attributeType.string:
      return { name, kind: 'string', value: string };
    case attributeType.tensor:
      return tensor === undefined ? { name, kind: 'other', type } : { name, kind: 'tensor', value: tensor };
    case attributeType.floats:
      return { name, kind: 'floats', value: floats };
    case attributeType.ints:
      return { name, kind: 'ints', value: ints };
    case attributeType.strings:
      return { name, kind: 'strings', value: strings };
    default:
      return { name, kind: 'other', type };
  }
}

function nodeOf(allowance: Allowance, bytes: Uint8Array): NodeProto {
  let [name, opType, domain] = ['', '', ''];
  const [inputs, outputs, attributes]: [string[], string[], AttributeProto[]] = [[], [], []];
  fields(allowance, bytes, (field, wire, r) => {
    if (field === 1) inputs.push(entryTextOf(allowance, r, wire));
    else if (field === 2) outputs.push(entryTextOf(allowance, r, wire));
    else if (field === 3) name = textOf(r, wire);
    else if (field === 4) opType = textOf(r, wire);
    else if (field === 5) attributes.push(attributeOf(allowance, bytesOf(r, wire)));
    else if (field === 7) domain = textOf(r, wire);
    else return false;
    return true;
  });
  // The long name of the same domain.
  return { name, opType, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs, attributes };
}

function extentOf(allowance: Allowance, bytes: Uint8Array): number | string | null {
  let extent: number | string | null = null;
  fields(allowance, bytes, (field, wire, r) => {
    if (field === 1) extent = wholeOf(r, wire);
    else if (field === 2) extent = textOf(r, wire);
    else return false;
    return true;
  });
  return extent;
}

function valueInfoOf(allowance: Allowance, bytes: Uint8Array): ValueInfoProto {
  let [name, elementType] = ['', 0];
  let shape: (number | string | null)[] | null = null;
  fields(allowance, bytes, (field, wire, r) => {
    if (field === 1) name = textOf(r, wire);
    else if (field === 2)
      fields(allowance, bytesOf(r, wire), (typeField, typeWire, type) => {
        if (typeField !== 1) return false;
        fields(allowance, bytesOf(type, typeWire), (tensorField, tensorWire, tensor) => {
          if (tensorField === 1) elementType = wholeOf(tensor, tensorWire);
          else if (tensorField === 2) {
            const extents: (number | string | null)[] = [];
            fields(allowance, bytesOf(tensor, tensorWire), (dimField, dimWire, dim) => {
              if (dimField !== 1) return false;
              extents.push(extentOf(allowance, bytesOf(dim, dimWire)));
              return true;
            });
            shape = extents;
          } else return false;
          return true;
        });
        return true;
      });
    else return false;
    return true;
  });
  return { name, elementType, shape };
}

function graphOf(allowance: Allowance, bytes: Uint8Array): GraphProto {
  let name = '';
  let sparseInitializers = 0;
  const [nodes, initializers]: [NodeProto[], TensorProto[]] = [[], []];
  const [inputs, outputs]: [ValueInfoProto[], ValueInfoProto[]] = [[], []];
  fields(allowance, bytes, (field, wire, r) => {
    if (field === 1) nodes.push(nodeOf(allowance, bytesOf(r, wire)));
    else if (field === 2) name = textOf(r, wire);
    else if (field === 5) initializers.push(tensorOf(allowance, bytesOf(r, wire)));
    else if (field === 11) inputs.push(valueInfoOf(allowance, bytesOf(r, wire)));
    else if (field === 12) outputs.push(valueInfoOf(allowance, bytesOf(r, wire)));
    else if (field === 15) {
      sparseInitializers++;
      return false;
    } else return false;
    return true;
  });
  return { name, nodes, initializers, inputs, outputs, sparseInitializers };
}

function modelOf(allowance: Allowance, bytes: Uint8Array): ModelProto {
  let [irVersion, producer, producerVersion, functions] = [0, '', '', 0];
  let graph: GraphProto | undefined;
  const opsets: { domain: string; version: number }[] = [];
  const metadata: [string, string][] = [];
  fields(allowance, bytes, (field, wire, r) => {
    if (field === 1) irVersion = wholeOf(r, wire);
    else if (field === 2) producer = textOf(r, wire);
    else if (field === 3) producerVersion = textOf(r, wire);
    else if (field === 7) graph = graphOf(allowance, bytesOf(r, wire));
    else if (field === 8) {
      let [domain, version] = ['', 0];
      fields(allowance, bytesOf(r, wire), (opsetField, opsetWire, opset) => {
        if (opsetField === 1) domain = textOf(opset, opsetWire);
        else if (opsetField === 2) version = wholeOf(opset, opsetWire);
        else return false;
        return true;
      });
      opsets.push({ domain: domain === 'ai.onnx' ? '' : domain, version });
    } else if (field === 14) metadata.push([...entryOf(allowance, bytesOf(r, wire))]);
    else if (field === 25) {
      functions++;
      return false;
    } else return false;
    return true;
  });
  if (graph === undefined) throw new Malformed('it holds no graph');
  return { irVersion, producer, producerVersion, opsets, graph, metadata: recordOf(metadata), functions };
}

/** `where` begins the message of the UserError that a damaged file becomes. */
export function decodeModel(bytes: Uint8Array, where: string): ModelProto {
  try {
    return modelOf({ entries: mostEntries }, bytes);
  } catch (error) {
    // Malformed is ours; whatever else the reader throws (RangeError, Error: all on the bytes' account) is the same to people.
    throw new UserError(`${where}: not a valid ONNX file: ${(error as Error).message}`);
  }
}

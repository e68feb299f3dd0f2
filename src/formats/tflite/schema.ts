/**
 * The tables of a TensorFlow Lite file that are written here, by slots of their FlatBuffers: those of schema.fbs, version 3, of TensorFlow
 * Lite (Apache-2.0). It knows nothing of networks.
 */
import { Builder } from 'flatbuffers';
import { must } from '../../util/assert.ts';

/** What a field holds, in the schema's words: vectors of numbers, tables, vectors of tables. */
interface Holds {
  bool: boolean;
  byte: number;
  int: number;
  float: number;
  text: string;
  ints: ArrayLike<number>;
  longs: ArrayLike<number>;
  floats: ArrayLike<number>;
  /** Data, at a multiple of 16 from the file's beginning. */
  data: Uint8Array;
  table: AnyTable;
  tables: readonly AnyTable[];
}

type Slots = Readonly<Record<string, readonly [slot: number, holds: keyof Holds]>>;

const window = { padding: [0, 'byte'], strideWidth: [1, 'int'], strideHeight: [2, 'int'] } as const;
const fused = { fused: [0, 'byte'] } as const;

const tables = {
  Model: {
    version: [0, 'int'],
    operatorCodes: [1, 'tables'],
    subgraphs: [2, 'tables'],
    description: [3, 'text'],
    buffers: [4, 'tables'],
    metadata: [6, 'tables'],
    signatures: [7, 'tables'],
  },
  OperatorCode: { deprecatedCode: [0, 'byte'], version: [2, 'int'], code: [3, 'int'] },
  SubGraph: { tensors: [0, 'tables'], inputs: [1, 'ints'], outputs: [2, 'ints'], operators: [3, 'tables'], name: [4, 'text'] },
  Tensor: {
    shape: [0, 'ints'],
    type: [1, 'byte'],
    buffer: [2, 'int'],
    name: [3, 'text'],
    quantisation: [4, 'table'],
    shapeSignature: [7, 'ints'],
  },
  QuantizationParameters: { scale: [2, 'floats'], zeroPoint: [3, 'longs'], dimension: [6, 'int'] },
  Operator: {
    code: [0, 'int'],
    inputs: [1, 'ints'],
    outputs: [2, 'ints'],
    optionsType: [3, 'byte'],
    options: [4, 'table'],
  },
  Buffer: { data: [0, 'data'] },
  Metadata: { name: [0, 'text'], buffer: [1, 'int'] },
  SignatureDef: { inputs: [0, 'tables'], outputs: [1, 'tables'], key: [2, 'text'], subgraph: [4, 'int'] },
  TensorMap: { name: [0, 'text'], tensor: [1, 'int'] },

  Conv2DOptions: { ...window, fused: [3, 'byte'], dilationWidth: [4, 'int'], dilationHeight: [5, 'int'] },
  DepthwiseConv2DOptions: {
    ...window,
    depthMultiplier: [3, 'int'],
    fused: [4, 'byte'],
    dilationWidth: [5, 'int'],
    dilationHeight: [6, 'int'],
  },
  Pool2DOptions: { ...window, filterWidth: [3, 'int'], filterHeight: [4, 'int'], fused: [5, 'byte'] },
  ConcatenationOptions: { axis: [0, 'int'], fused: [1, 'byte'] },
  AddOptions: fused,
  LocalResponseNormalizationOptions: { radius: [0, 'int'], bias: [1, 'float'], alpha: [2, 'float'], beta: [3, 'float'] },
  ReshapeOptions: { shape: [0, 'ints'] },
  MulOptions: fused,
  PadOptions: {},
  GatherOptions: { axis: [0, 'int'] },
  ReducerOptions: { keepDimensions: [0, 'bool'] },
  SubOptions: fused,
  DequantizeOptions: {},
  MaximumMinimumOptions: {},
  PadV2Options: {},
  QuantizeOptions: {},
  HardSwishOptions: {},
  GeluOptions: { approximate: [0, 'bool'] },
} as const satisfies Readonly<Record<string, Slots>>;

export type TableName = keyof typeof tables;
type Fields<Name extends TableName> = (typeof tables)[Name];

/** A table as plain data. A field that is missing has the schema's default. */
export type Table<Name extends TableName> = { readonly kind: Name } & {
  readonly [Field in keyof Fields<Name>]?: Fields<Name>[Field] extends readonly [number, infer Kind extends keyof Holds]
    ? Holds[Kind]
    : never;
};
type AnyTable = { readonly [Name in TableName]: Table<Name> }[TableName];

/** Their numbers in the schema's union of options. */
export const optionTypes = {
  Conv2DOptions: 1,
  DepthwiseConv2DOptions: 2,
  Pool2DOptions: 5,
  ConcatenationOptions: 10,
  AddOptions: 11,
  LocalResponseNormalizationOptions: 13,
  ReshapeOptions: 17,
  MulOptions: 21,
  PadOptions: 22,
  GatherOptions: 23,
  ReducerOptions: 27,
  SubOptions: 28,
  DequantizeOptions: 38,
  MaximumMinimumOptions: 39,
  PadV2Options: 43,
  QuantizeOptions: 89,
  HardSwishOptions: 91,
  GeluOptions: 116,
} as const satisfies Partial<Record<TableName, number>>;

export type OptionsName = keyof typeof optionTypes;

export const tensorTypes = { float32: 0, int32: 2, int8: 9 } as const;
export type TensorType = keyof typeof tensorTypes;
export const fusedFunctions = { none: 0, relu: 1, 'relu-n1-to-1': 2, relu6: 3 } as const;
export const paddings = { same: 0, valid: 1 } as const;

const schemaVersion = 3;
const fileIdentifier = 'TFL3';
const dataAlignment = 16;

const vectorOf = (builder: Builder, size: number, values: ArrayLike<number>, add: (value: number) => void): number => {
  builder.startVector(size, values.length, size);
  for (let at = values.length - 1; at >= 0; at--) add(values[at] as number);
  return builder.endVector();
};

/** What a table's own bytes do not hold is written before it; the result is its place. */
const apart: {
  readonly [Kind in Exclude<keyof Holds, 'bool' | 'byte' | 'int' | 'float'>]: (builder: Builder, value: Holds[Kind]) => number;
} = {
  text: (builder, value) => builder.createString(value),
  ints: (builder, values) => vectorOf(builder, 4, values, (value) => builder.addInt32(value)),
  longs: (builder, values) => vectorOf(builder, 8, values, (value) => builder.addInt64(BigInt(value))),
  floats: (builder, values) => vectorOf(builder, 4, values, (value) => builder.addFloat32(value)),
  data(builder, bytes) {
    builder.prep(dataAlignment, bytes.length);
    return builder.createByteVector(bytes);
  },
  table: writeTable,
  tables: (builder, all) =>
    vectorOf(
      builder,
      4,
      all.map((each) => writeTable(builder, each)),
      (place) => builder.addOffset(place),
    ),
};

/** Nothing is left out for being a default. */
const inside: { readonly [Kind in 'bool' | 'byte' | 'int' | 'float']: (builder: Builder, slot: number, value: never) => void } = {
  bool: (builder, slot, value) => builder.addFieldInt8(slot, Number(value), 0),
  byte: (builder, slot, value) => builder.addFieldInt8(slot, value, 0),
  int: (builder, slot, value) => builder.addFieldInt32(slot, value, 0),
  float: (builder, slot, value) => builder.addFieldFloat32(slot, value, 0),
};

function writeTable(builder: Builder, table: AnyTable): number {
  const slots: Slots = tables[table.kind];
  const fields = Object.entries(table as object).filter(([name, value]) => name !== 'kind' && value !== undefined);
  const found = fields.map(([name, value]) => {
    const [slot, kind] = must(slots[name], `slot of ${table.kind}.${name}`);
    if (kind in inside) return { slot, kind: kind as keyof typeof inside, value: value as never };
    const write = apart[kind as keyof typeof apart] as (builder: Builder, value: unknown) => number;
    return { slot, kind: null, value: write(builder, value) };
  });
  builder.startObject(Math.max(0, ...Object.values(slots).map(([slot]) => slot + 1)));
  for (const { slot, kind, value } of found)
    if (kind === null) builder.addFieldOffset(slot, value, 0);
    else inside[kind](builder, slot, value as never);
  return builder.endObject();
}

/** The bytes of a file. The same model gives the same bytes. */
export function encode(model: Omit<Table<'Model'>, 'kind' | 'version'>): Uint8Array {
  const builder = new Builder(2 ** 16);
  builder.forceDefaults(true);
  builder.finish(writeTable(builder, { kind: 'Model', version: schemaVersion, ...model }), fileIdentifier);
  return builder.asUint8Array();
}

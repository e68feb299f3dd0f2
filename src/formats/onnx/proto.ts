/**
 * ONNX's messages (onnx.proto, IR version 3 and newer) as plain data: those fields that Instar writes or reads. What a file
 * may hold beside them is either skipped or, where it would change what the model means, kept as a mark that a reader can
 * refuse. Knows the fields, not what operators mean.
 */

/** TensorProto.DataType. */
export const dataType = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

/** AttributeProto.AttributeType of those that are read. */
export const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

/** Numbers by name. Exactly one of the data fields is used: raw (little-endian, row-major), typed, or external. */
export interface TensorProto {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly raw?: Uint8Array;
  /** `float_data`. */
  readonly floats?: readonly number[];
  /** `int32_data`, which also holds the narrower types. */
  readonly int32s?: readonly number[];
  readonly int64s?: readonly number[];
  readonly doubles?: readonly number[];
  /** Where the numbers lie outside of the file: `location`, `offset`, `length`, `checksum`. */
  readonly external?: Readonly<Record<string, string>>;
}

export type AttributeProto = { readonly name: string } & (
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: TensorProto }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  /** A subgraph, a sparse tensor, a reference to a function's attribute: nothing that is read here. */
  | { readonly kind: 'other'; readonly type: number }
);

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own. */
  readonly domain: string;
  /** An empty name: an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
}

/** A graph's input or output. */
export interface ValueInfoProto {
  readonly name: string;
  /** 0 where it is no tensor. */
  readonly elementType: number;
  /** Null where the rank is not said. An extent is a number, a name, or null where it is not said. */
  readonly shape: readonly (number | string | null)[] | null;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** How many sparse initializers there are, which nothing here reads. */
  readonly sparseInitializers: number;
}

export interface ModelProto {
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly producer: string;
  readonly producerVersion: string;
  readonly graph: GraphProto;
  readonly metadata: Readonly<Record<string, string>>;
  /** How many functions the model defines, which nothing here reads. */
  readonly functions: number;
}

/** A whole number as a value: INT64_MAX and the like stand for "to the end" (Slice), and are as large as it gets here. */
export const saturate = (value: number): number => Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));

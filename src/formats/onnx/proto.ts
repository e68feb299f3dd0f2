/**
 * ONNX's messages (onnx.proto, IR version 3 and newer) with the fields that Instar reads or writes. Other fields are skipped, or
 * counted where they change the model's meaning, so that the reader can refuse them.
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

/** AttributeProto.AttributeType, as far as supported. */
export const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

/** Exactly one of the data fields is used: raw (little-endian, row-major), typed, or external. */
export interface TensorProto {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly raw?: Uint8Array;
  /** `float_data`. */
  readonly floats?: readonly number[];
  /** `int32_data`, also for narrower types. */
  readonly int32s?: readonly number[];
  readonly int64s?: readonly number[];
  readonly doubles?: readonly number[];
  /** `location`, `offset`, `length` and `checksum` of data in another file. */
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
  /** In a function: the attribute of that name of whoever calls it. `type` as in `attributeType`. */
  | { readonly kind: 'reference'; readonly value: string; readonly type: number }
  /** A subgraph or a sparse tensor: not supported. */
  | { readonly kind: 'other'; readonly type: number }
);

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own domain. */
  readonly domain: string;
  /** Of a call: which function of that name. Missing: ''. */
  readonly overload?: string;
  /** '' is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
}

/** A graph's input or output. */
export interface ValueInfoProto {
  readonly name: string;
  /** 0 for other values than tensors. */
  readonly elementType: number;
  /** Null for an unknown rank. An extent is a number, a name, or null if it is unknown. */
  readonly shape: readonly (number | string | null)[] | null;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** Number of sparse initializers, which are not supported. */
  readonly sparseInitializers: number;
}

export interface ModelProto {
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly producer: string;
  readonly producerVersion: string;
  readonly graph: GraphProto;
  readonly metadata: Readonly<Record<string, string>>;
  readonly functions: readonly FunctionProto[];
}

/** A function that the model defines: a node of its domain and name stands for its nodes. */
export interface FunctionProto {
  readonly name: string;
  readonly domain: string;
  readonly overload?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeProto[];
  readonly opsets: ModelProto['opsets'];
  /** Attributes that a call may omit. Those that it must give are not listed. */
  readonly defaults: readonly AttributeProto[];
}

/** Clamps to safe integers: INT64_MAX and the like mean "to the end" (Slice). */
export const saturate = (value: number): number => Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));

/**
 * Reads and writes the bytes of an .onnx file. Errors of an untrusted file are UserErrors of one line. Raw bytes of tensors are
 * views into the file. Whether the model makes sense is not checked here.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { UserError } from '../../util/user-error.ts';
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from './proto.ts';
import { attributeType } from './proto.ts';
import { bytesOf, type Codec, counter, double, float, int32, int64, Malformed, mapped, message, mostEntries } from './wire.ts';
import { numbers, raw, repeated, saturated, single, string, strings, text } from './wire.ts';

/** The long name of ONNX's own domain is ''. */
const domain: Codec<string> = {
  ...text,
  read(...from) {
    const name = text.read(...from);
    return name === 'ai.onnx' ? '' : name;
  },
};

const whole = single(int64, 0);

/** Numbers that a tensor may have here; omitted where there are none. */
function data(type: Parameters<typeof numbers>[0]): Codec<readonly number[]> {
  const codec = numbers(type, false);
  return {
    ...codec,
    initial: () => undefined,
    read(...from) {
      const values = codec.read(...from);
      return values?.length === 0 ? undefined : values;
    },
  };
}

const entry = message<{ readonly key: string; readonly value: string }>({ key: [1, text], value: [2, text] });

/** Without a prototype: `__proto__` is a key like any other, and `constructor` finds nothing. */
const record: Codec<Readonly<Record<string, string>>> = {
  initial: () => Object.create(null) as Record<string, string>,
  read(allowance, r, wire, before = {}) {
    const { key, value } = entry.decode(allowance, bytesOf(r, wire));
    (before as Record<string, string>)[key] = value;
    return before;
  },
  write(w, field, values) {
    for (const [key, value] of Object.entries(values)) entry.write(w, field, { key, value });
  },
};

const segment: Codec<never> = {
  initial: () => undefined,
  read() {
    throw new Malformed('a tensor in segments');
  },
  write: () => undefined,
};

/** `location` 1: the data is external. */
const tensor = mapped<TensorProto & { readonly segment?: never; readonly location?: number }, TensorProto>(
  message({
    dims: [1, numbers(int64, true)],
    dataType: [2, whole],
    segment: [3, segment],
    floats: [4, data(float)],
    int32s: [5, data(int32)],
    int64s: [7, data(saturated)],
    name: [8, text],
    raw: [9, raw],
    doubles: [10, data(double)],
    external: [13, record],
    location: [14, whole],
  }),
  ({ location, external = {}, ...rest }) => (location === 1 || Object.keys(external).length > 0 ? { ...rest, external } : rest),
  (value) => (value.external === undefined ? value : { ...value, location: 1 }),
);

type Kind = keyof typeof attributeType;
type AttributeValues = { readonly [K in Kind]?: Extract<AttributeProto, { kind: K }>['value'] };
const attributeKinds = new Map(Object.entries(attributeType).map(([kind, type]) => [type as number, kind as Kind]));

const absent = <T>(codec: Codec<T>): Codec<T> => ({ ...codec, initial: () => undefined });

type AttributeMessage = AttributeValues & { readonly name: string; readonly type: number; readonly reference?: string };

const attribute = mapped<AttributeMessage, AttributeProto>(
  message({
    name: [1, text],
    float: [2, single(float, 0)],
    int: [3, whole],
    string: [4, string],
    tensor: [5, tensor],
    floats: [7, numbers(float, true)],
    ints: [8, numbers(saturated, true)],
    strings: [9, strings],
    type: [20, whole],
    reference: [21, absent(text)],
  }),
  ({ name, type, reference = '', ...values }) => {
    if (reference !== '') return { name, kind: 'reference', value: reference, type };
    const kind = attributeKinds.get(type);
    const value = kind === undefined ? undefined : values[kind];
    return value === undefined ? { name, kind: 'other', type } : ({ name, kind, value } as AttributeProto);
  },
  (of) => {
    if (of.kind === 'other') throw new Error(`bug: attribute ${of.name} is of a type that is not written`);
    if (of.kind === 'reference') return { name: of.name, type: of.type, reference: of.value };
    return { name: of.name, [of.kind]: of.value, type: attributeType[of.kind] };
  },
);

const node = message<NodeProto>({
  inputs: [1, strings],
  outputs: [2, strings],
  name: [3, text],
  opType: [4, text],
  attributes: [5, repeated(attribute)],
  domain: [7, domain],
  overload: [8, absent(text)],
});

const extent = mapped<{ readonly value?: number; readonly name?: string }, number | string | null>(
  message({ value: [1, absent(whole)], name: [2, absent(text)] }),
  ({ value, name }) => value ?? name ?? null,
  (value) => (typeof value === 'number' ? { value } : value === null ? {} : { name: value }),
);

interface TensorType {
  readonly elementType: number;
  readonly shape?: { readonly extents: NonNullable<ValueInfoProto['shape']> };
}
const tensorType = message<TensorType>({ elementType: [1, whole], shape: [2, message({ extents: [1, repeated(extent)] })] });

const valueInfo = mapped<{ readonly name: string; readonly type?: { readonly tensor?: TensorType } }, ValueInfoProto>(
  message({ name: [1, text], type: [2, message({ tensor: [1, tensorType] })] }),
  ({ name, type }) => {
    const { elementType = 0, shape } = type?.tensor ?? {};
    return { name, elementType, shape: shape?.extents ?? null };
  },
  ({ name, elementType, shape }) => ({
    name,
    type: { tensor: shape === null ? { elementType } : { elementType, shape: { extents: shape } } },
  }),
);

const graph = message<GraphProto>({
  nodes: [1, repeated(node)],
  name: [2, text],
  initializers: [5, repeated(tensor)],
  inputs: [11, repeated(valueInfo)],
  outputs: [12, repeated(valueInfo)],
  sparseInitializers: [15, counter],
});

const opsets = repeated(message<ModelProto['opsets'][number]>({ domain: [1, domain], version: [2, whole] }));

const functionDefinition = message<FunctionProto>({
  name: [1, text],
  inputs: [4, strings],
  outputs: [5, strings],
  nodes: [7, repeated(node)],
  opsets: [9, opsets],
  domain: [10, domain],
  defaults: [11, repeated(attribute)],
  overload: [13, absent(text)],
});

const model = message<ModelProto>({
  irVersion: [1, whole],
  producer: [2, text],
  producerVersion: [3, text],
  graph: [7, graph],
  opsets: [8, opsets],
  metadata: [14, record],
  functions: [25, repeated(functionDefinition)],
});

/** `where` begins the message of the UserError for a damaged file. */
export function decodeModel(bytes: Uint8Array, where: string): ModelProto {
  try {
    const decoded: Partial<ModelProto> = model.decode({ entries: mostEntries }, bytes);
    if (decoded.graph === undefined) throw new Malformed('it holds no graph');
    return decoded as ModelProto;
  } catch (error) {
    // Malformed is thrown here; the reader throws RangeErrors and Errors, all because of the file.
    throw new UserError(`${where}: not a valid ONNX file: ${(error as Error).message}`);
  }
}

/** Equal models give equal bytes. */
export function encodeModel(value: ModelProto): Uint8Array {
  const w = new BinaryWriter();
  model.encode(w, value);
  return w.finish();
}

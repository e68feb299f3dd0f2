/** Encodes a model as an .onnx file. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { unreachable } from '../../util/assert.ts';
import {
  attributeType,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto.ts';

const text = (w: BinaryWriter, field: number, value: string): void => {
  if (value !== '') w.tag(field, WireType.LengthDelimited).string(value);
};
const whole = (w: BinaryWriter, field: number, value: number): void => void w.tag(field, WireType.Varint).int64(value);

function message<T>(w: BinaryWriter, field: number, value: T, write: (w: BinaryWriter, value: T) => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write(w, value);
  w.join();
}

function messages<T>(w: BinaryWriter, field: number, values: readonly T[], write: (w: BinaryWriter, value: T) => void): void {
  for (const value of values) message(w, field, value, write);
}

function packed(w: BinaryWriter, field: number, values: readonly number[], write: (value: number) => void): void {
  if (values.length === 0) return;
  w.tag(field, WireType.LengthDelimited).fork();
  for (const value of values) write(value);
  w.join();
}

const entry = (w: BinaryWriter, [key, value]: readonly [string, string]): void => {
  text(w, 1, key);
  text(w, 2, value);
};

function tensor(w: BinaryWriter, t: TensorProto): void {
  packed(w, 1, t.dims, (value) => w.int64(value));
  whole(w, 2, t.dataType);
  packed(w, 4, t.floats ?? [], (value) => w.float(value));
  packed(w, 5, t.int32s ?? [], (value) => w.int32(value));
  packed(w, 7, t.int64s ?? [], (value) => w.int64(value));
  text(w, 8, t.name);
  if (t.raw !== undefined) w.tag(9, WireType.LengthDelimited).bytes(t.raw);
  packed(w, 10, t.doubles ?? [], (value) => w.double(value));
  if (t.external !== undefined) {
    messages(w, 13, Object.entries(t.external), entry);
    whole(w, 14, 1);
  }
}

function attribute(w: BinaryWriter, a: AttributeProto): void {
  text(w, 1, a.name);
  switch (a.kind) {
    case 'float':
      w.tag(2, WireType.Bit32).float(a.value);
      break;
    case 'int':
      whole(w, 3, a.value);
      break;
    case 'string':
      w.tag(4, WireType.LengthDelimited).string(a.value);
      break;
    case 'tensor':
      message(w, 5, a.value, tensor);
      break;
    case 'floats':
      packed(w, 7, a.value, (value) => w.float(value));
      break;
    case 'ints':
      packed(w, 8, a.value, (value) => w.int64(value));
      break;
    case 'strings':
      for (const value of a.value) w.tag(9, WireType.LengthDelimited).string(value);
      break;
    case 'other':
      throw new Error(`bug: attribute ${a.name} is of a type that is not written`);
    default:
      unreachable(a);
  }
  whole(w, 20, attributeType[a.kind]);
}

function node(w: BinaryWriter, n: NodeProto): void {
  // Also empty names, which mark omitted inputs.
  for (const name of n.inputs) w.tag(1, WireType.LengthDelimited).string(name);
  for (const name of n.outputs) w.tag(2, WireType.LengthDelimited).string(name);
  text(w, 3, n.name);
  text(w, 4, n.opType);
  messages(w, 5, n.attributes, attribute);
  text(w, 7, n.domain);
}

function valueInfo(w: BinaryWriter, v: ValueInfoProto): void {
  text(w, 1, v.name);
  message(w, 2, v, () =>
    message(w, 1, v, () => {
      whole(w, 1, v.elementType);
      const { shape } = v;
      if (shape !== null)
        message(w, 2, shape, () =>
          messages(w, 1, shape, (_writer, extent) => {
            if (typeof extent === 'number') whole(w, 1, extent);
            else if (extent !== null) text(w, 2, extent);
          }),
        );
    }),
  );
}

function graph(w: BinaryWriter, g: GraphProto): void {
  messages(w, 1, g.nodes, node);
  text(w, 2, g.name);
  messages(w, 5, g.initializers, tensor);
  messages(w, 11, g.inputs, valueInfo);
  messages(w, 12, g.outputs, valueInfo);
}

/** Equal models give equal bytes. */
export function encodeModel(model: ModelProto): Uint8Array {
  const w = new BinaryWriter();
  whole(w, 1, model.irVersion);
  text(w, 2, model.producer);
  text(w, 3, model.producerVersion);
  message(w, 7, model.graph, graph);
  messages(w, 8, model.opsets, (_writer, { domain, version }) => {
    text(w, 1, domain);
    whole(w, 2, version);
  });
  messages(w, 14, Object.entries(model.metadata), entry);
  return w.finish();
}

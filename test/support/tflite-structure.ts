/**
 * Reads a TensorFlow Lite file by the schema's slots, and checks each offset that it follows. It shares no code with the writer.
 */
import assert from 'node:assert/strict';
import { ByteBuffer } from 'flatbuffers';

/** A table of a FlatBuffer. */
interface Table {
  readonly at: number;
  /** Where a field lies; null: it is missing. */
  place(slot: number, size: number): number | null;
}

export interface ReadTensor {
  readonly shape: readonly number[];
  readonly type: number;
  readonly buffer: number;
  readonly name: string;
  readonly scales: readonly number[];
  readonly zeros: readonly number[];
  readonly dimension: number;
}

export interface ReadOperator {
  readonly code: number;
  readonly version: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly optionsType: number;
}

export interface ReadModel {
  readonly description: string;
  readonly codes: number;
  readonly tensors: readonly ReadTensor[];
  readonly operators: readonly ReadOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Of each buffer; the first is empty. */
  readonly buffers: readonly Uint8Array[];
  readonly metadata: Readonly<Record<string, string>>;
}

export function readModel(bytes: Uint8Array): ReadModel {
  const buffer = new ByteBuffer(bytes);
  const inside = (at: number, length: number): number => {
    assert.ok(at >= 4 && length >= 0 && at + length <= bytes.length, `${at} of ${length} bytes`);
    return at;
  };
  const aligned = (at: number, size: number): number => {
    assert.equal(at % size, 0, `${at} is no multiple of ${size}`);
    return inside(at, size);
  };
  const tableAt = (at: number): Table => {
    const vtable = at - buffer.readInt32(aligned(at, 4));
    const size = buffer.readUint16(aligned(vtable, 2));
    const extent = buffer.readUint16(inside(vtable + 2, 2));
    inside(vtable, size);
    inside(at, extent);
    return {
      at,
      place(slot, length) {
        const entry = 4 + 2 * slot;
        const offset = entry < size ? buffer.readUint16(vtable + entry) : 0;
        if (offset === 0) return null;
        assert.ok(offset + length <= extent, 'a field is inside its table');
        return aligned(at + offset, length);
      },
    };
  };
  const indirect = (table: Table, slot: number): number | null => {
    const at = table.place(slot, 4);
    return at === null ? null : aligned(at + buffer.readUint32(at), 4);
  };
  /** Where the members of a vector lie, `size` bytes each. */
  const vector = (table: Table, slot: number, size: number): readonly number[] => {
    const at = indirect(table, slot);
    if (at === null) return [];
    const length = buffer.readUint32(at);
    inside(at + 4, length * size);
    if (length > 0) aligned(at + 4, size);
    return Array.from({ length }, (_none, index) => at + 4 + size * index);
  };
  const int = (table: Table, slot: number): number => {
    const at = table.place(slot, 4);
    return at === null ? 0 : buffer.readInt32(at);
  };
  const byte = (table: Table, slot: number): number => {
    const at = table.place(slot, 1);
    return at === null ? 0 : buffer.readUint8(at);
  };
  const tables = (table: Table, slot: number): readonly Table[] =>
    vector(table, slot, 4).map((at) => tableAt(aligned(at + buffer.readUint32(at), 4)));
  const ints = (table: Table, slot: number): readonly number[] => vector(table, slot, 4).map((at) => buffer.readInt32(at));
  const text = (table: Table, slot: number): string => {
    const places = vector(table, slot, 1);
    const [from = 0] = places;
    assert.equal(bytes[from + places.length], 0, 'a text ends with a zero');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(from, from + places.length));
  };

  assert.equal(new TextDecoder().decode(bytes.subarray(4, 8)), 'TFL3');
  const model = tableAt(inside(buffer.readUint32(0), 4));
  assert.equal(int(model, 0), 3);
  const codes = tables(model, 1);
  const [graph, ...others] = tables(model, 2);
  assert.ok(graph !== undefined && others.length === 0);
  const data = tables(model, 4).map((each) => {
    const places = vector(each, 0, 1);
    const [from] = places;
    if (from === undefined) return new Uint8Array();
    assert.equal(from % 16, 0, 'data is aligned to 16 bytes');
    return bytes.subarray(from, from + places.length);
  });
  return {
    description: text(model, 3),
    codes: codes.length,
    buffers: data,
    tensors: tables(graph, 0).map((tensor) => {
      const quantisation = indirect(tensor, 4);
      const own = quantisation === null ? null : tableAt(quantisation);
      return {
        shape: ints(tensor, 0),
        type: byte(tensor, 1),
        buffer: int(tensor, 2),
        name: text(tensor, 3),
        scales: own === null ? [] : vector(own, 2, 4).map((at) => buffer.readFloat32(at)),
        zeros: own === null ? [] : vector(own, 3, 8).map((at) => Number(buffer.readInt64(at))),
        dimension: own === null ? 0 : int(own, 6),
      };
    }),
    inputs: ints(graph, 1),
    outputs: ints(graph, 2),
    operators: tables(graph, 3).map((operator) => {
      const code = codes[int(operator, 0)];
      assert.ok(code !== undefined, 'the code of an operator');
      assert.equal(byte(code, 0), Math.min(127, int(code, 3)));
      const optionsType = byte(operator, 3);
      const options = indirect(operator, 4);
      assert.equal(options === null, optionsType === 0);
      if (options !== null) tableAt(options);
      return { code: int(code, 3), version: int(code, 2), inputs: ints(operator, 1), outputs: ints(operator, 2), optionsType };
    }),
    metadata: Object.fromEntries(
      tables(model, 6).map((each) => [text(each, 0), new TextDecoder().decode(data[int(each, 1)] as Uint8Array)]),
    ),
  };
}

import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decodeSafetensors,
  encodeSafetensors,
  f32,
  fromF32,
  u16,
  type Dtype,
  type StoredTensor,
} from '../../src/formats/safetensors.ts';
import { UserError } from '../../src/util/user-error.ts';

const widths: Readonly<Record<Dtype, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

const tensor: fc.Arbitrary<StoredTensor> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(widths) as Dtype[])),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  })
  .chain(({ dtype, shape }) => {
    const bytes = shape.reduce((product, extent) => product * extent, widths[dtype]);
    return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((data) => ({ dtype, shape, data }));
  });

const name = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', '3', '10', 'ünïcode ☃', '"', ''),
  fc.string().filter((text) => text !== '__metadata__'),
);
const entriesOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<[string, T][]> =>
  fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 6 });

/** A file with this header, whatever it says, and so many bytes of data. */
function fileOf(header: unknown, data = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

test('what is encoded decodes to the same, at any alignment', () => {
  fc.assert(
    fc.property(entriesOf(tensor), entriesOf(fc.string()), fc.integer({ min: 0, max: 7 }), (tensors, metadata, shift) => {
      const encoded = encodeSafetensors(Object.fromEntries(tensors), Object.fromEntries(metadata));
      const moved = new Uint8Array(encoded.length + shift).subarray(shift);
      moved.set(encoded);
      const decoded = decodeSafetensors(moved, 'a file');
      const plain = Object.entries(decoded.tensors).map(([key, { dtype, shape, data }]) => [
        key,
        { dtype, shape, data: [...data] },
      ]);
      const wanted = tensors.map(([key, { dtype, shape, data }]) => [key, { dtype, shape, data: [...data] }]);
      assert.deepEqual(plain.toSorted(), wanted.toSorted());
      assert.deepEqual(Object.entries(decoded.metadata).toSorted(), metadata.toSorted());
    }),
  );
});

test('equal content gives equal bytes, whatever the order', () => {
  fc.assert(
    fc.property(entriesOf(tensor), entriesOf(fc.string()), (tensors, metadata) => {
      const forwards = encodeSafetensors(Object.fromEntries(tensors), Object.fromEntries(metadata));
      const backwards = encodeSafetensors(Object.fromEntries(tensors.toReversed()), Object.fromEntries(metadata.toReversed()));
      assert.deepEqual(forwards, backwards);
      assert.equal(new DataView(forwards.buffer).getBigUint64(0, true) % 8n, 0n);
    }),
  );
});

test('every tensor is aligned to its elements', () => {
  const odd: StoredTensor = { dtype: 'U8', shape: [3], data: new Uint8Array(3) };
  const { tensors } = decodeSafetensors(encodeSafetensors({ a: odd, b: fromF32([2], new Float32Array([1, 2])), c: odd }), '');
  assert.equal(tensors['b']?.data.byteOffset, (tensors['a']?.data.byteOffset ?? 0) - 8);
  assert.equal((tensors['b']?.data.byteOffset ?? 1) % 4, 0);
});

test('numbers come back, aligned or not', () => {
  const numbers = new Float32Array([1.5, -2, 3e-20, Infinity]);
  const file = encodeSafetensors({
    x: fromF32([2, 2], numbers),
    y: { dtype: 'U16', shape: [2], data: new Uint8Array([1, 0, 2, 1]) },
  });
  // A Buffer is what a file is read into; its slices are views.
  const spaces = [(length: number) => new Uint8Array(length), (length: number) => Buffer.alloc(length)];
  for (const [shift, space] of [0, 1, 2, 3, 4].flatMap((by) => spaces.map((make) => [by, make] as const))) {
    const moved = space(file.length + shift).subarray(shift);
    moved.set(file);
    const { tensors } = decodeSafetensors(moved, '');
    const { x, y } = tensors;
    assert.ok(x !== undefined && y !== undefined);
    assert.deepEqual(f32(x), numbers);
    assert.deepEqual(u16(y), new Uint16Array([1, 258]));
    assert.throws(() => f32(y), /bug: a tensor of F32, not U16/);
  }
});

test('a name finds only what is in the file', () => {
  const { tensors, metadata } = decodeSafetensors(encodeSafetensors({}), '');
  assert.equal(tensors['constructor'], undefined);
  assert.equal(metadata['__proto__'], undefined);
});

test('the bytes are those that the reference implementation reads', () => {
  // Laid out by hand after the format's description.
  const text = new TextDecoder().decode(encodeSafetensors({ w: fromF32([1], new Float32Array([1])) }, { k: 'v' }));
  const header = '{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  assert.equal(text, `${String.fromCharCode(80)}\0\0\0\0\0\0\0${header.padEnd(80)}\0\0\ufffd?`);
});

const good = { dtype: 'U8', shape: [2], data_offsets: [0, 2] };
const refused: readonly [string, Uint8Array, RegExp][] = [
  ['no length', new Uint8Array(7), /only 7 bytes long$/],
  ['a huge length', new Uint8Array(16).fill(255), /a header of \d+ bytes$/],
  ['a cut header', fileOf({ a: good }, 2).subarray(0, 20), /it ends within its header$/],
  ['no JSON', fileOf('{"a":'), /its header is not JSON$/],
  ['no UTF-8', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), /its header is not JSON$/],
  ['an array', fileOf([]), /its header is not an object$/],
  ['a number as tensor', fileOf({ a: 3 }), /tensor "a" is not described by an object$/],
  ['an unknown type', fileOf({ a: { ...good, dtype: 'toString' } }, 2), /tensor "a" has the unknown type "toString"$/],
  ['an unknown member', fileOf({ a: { ...good, order: 'F' } }, 2), /tensor "a" has an unknown member "order"$/],
  ['a negative extent', fileOf({ a: { ...good, shape: [-2] } }, 2), /tensor "a" has no shape of whole numbers$/],
  ['an extent too large', fileOf({ a: { ...good, shape: [2 ** 40, 2 ** 40] } }, 2), /has no shape of whole numbers$/],
  ['no offsets', fileOf({ a: { ...good, data_offsets: [0] } }, 2), /tensor "a" has no two offsets$/],
  ['broken offsets', fileOf({ a: { ...good, data_offsets: [0, 1.5] } }, 2), /offsets that are no whole numbers$/],
  ['offsets beyond the end', fileOf({ a: good }, 1), /tensor "a" lies at 0 … 2, outside the 1 bytes that there are$/],
  ['offsets backwards', fileOf({ a: { ...good, data_offsets: [2, 0] } }, 2), /tensor "a" lies at 2 … 0, outside/],
  ['too few bytes', fileOf({ a: { ...good, data_offsets: [0, 1] } }, 1), /takes 1 bytes where type and shape need 2$/],
  ['an overlap', fileOf({ a: good, b: { ...good, data_offsets: [1, 3] } }, 3), /tensor "b" overlaps another$/],
  ['a hole', fileOf({ a: good, b: { ...good, data_offsets: [3, 5] } }, 5), /tensor "b" follows a hole$/],
  ['bytes behind the end', fileOf({ a: good }, 3), /1 bytes follow the last tensor$/],
  ['metadata that is no text', fileOf({ __metadata__: { a: 1 } }), /its metadata "a" is not a text$/],
  ['metadata that is no object', fileOf({ __metadata__: [] }), /its metadata is not an object$/],
];
for (const [what, bytes, message] of refused)
  test(`refused: ${what}`, () => {
    assert.throws(
      () => decodeSafetensors(bytes, 'model.safetensors'),
      (error: unknown) =>
        error instanceof UserError &&
        message.test(error.message) &&
        error.message.startsWith('model.safetensors: ') &&
        !error.message.includes('\n'),
    );
  });

test('damage gives a UserError or tensors that hold together, never anything else', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(entriesOf(tensor), damage, fc.option(fc.nat()), (tensors, changes, cut) => {
      const whole = encodeSafetensors(Object.fromEntries(tensors));
      for (const [at, value] of changes) whole[at % whole.length] = value;
      const bytes = cut === null ? whole : whole.subarray(0, cut % whole.length);
      try {
        for (const { dtype, shape, data } of Object.values(decodeSafetensors(bytes, 'a file').tensors))
          assert.equal(
            data.length,
            shape.reduce((product, extent) => product * extent, widths[dtype]),
          );
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});

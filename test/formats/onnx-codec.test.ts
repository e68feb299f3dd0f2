/** Models as bytes and back, and what damaged bytes come to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeModel, encodeModel } from '../../src/formats/onnx/codec.ts';
import { constantReader } from '../../src/formats/onnx/read/constant.ts';
import { noFiles } from '../../src/formats/onnx/read/external.ts';
import type {
  AttributeProto,
  FunctionProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from '../../src/formats/onnx/proto.ts';
import { random } from '../../src/util/random.ts';
import { UserError } from '../../src/util/user-error.ts';

/** Records with the usual prototype, as a decoder makes them. */
const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const name = fc.string({ maxLength: 8 });
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const whole = fc.maxSafeInteger();
const single = fc.float({ noNaN: true });
/** A repeated field without elements does not exist. */
const some = <T>(values: fc.Arbitrary<T>) => fc.array(values, { minLength: 1, maxLength: 4 });
const few = <T>(values: fc.Arbitrary<T>) => fc.array(values, { maxLength: 4 });

const tensor: fc.Arbitrary<TensorProto> = fc
  .tuple(
    plain({ name, dataType: fc.nat(20), dims: few(fc.nat(9)) }),
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((raw) => ({ raw })),
      some(single).map((floats) => ({ floats })),
      some(fc.integer()).map((int32s) => ({ int32s })),
      some(whole).map((int64s) => ({ int64s })),
      some(fc.double({ noNaN: true })).map((doubles) => ({ doubles })),
      fc.constant({ external: { location: 'weights.bin', offset: '4' } }),
    ),
  )
  .map(([described, data]) => ({ ...described, ...data }));

const attribute: fc.Arbitrary<AttributeProto> = fc.oneof(
  plain({ name, kind: fc.constant('float' as const), value: single }),
  plain({ name, kind: fc.constant('int' as const), value: whole }),
  plain({ name, kind: fc.constant('string' as const), value: text }),
  plain({ name, kind: fc.constant('tensor' as const), value: tensor }),
  plain({ name, kind: fc.constant('floats' as const), value: few(single) }),
  plain({ name, kind: fc.constant('ints' as const), value: few(whole) }),
  plain({ name, kind: fc.constant('strings' as const), value: few(text) }),
  plain({ name, kind: fc.constant('reference' as const), value: fc.string({ minLength: 1, maxLength: 8 }), type: fc.nat(14) }),
);

const node: fc.Arbitrary<NodeProto> = plain({
  name,
  opType: name,
  domain: fc.constantFrom('', 'com.microsoft'),
  inputs: few(name),
  outputs: few(name),
  attributes: few(attribute),
});

const valueInfo: fc.Arbitrary<ValueInfoProto> = plain({
  name,
  elementType: fc.nat(20),
  shape: fc.option(few(fc.oneof(fc.nat(), fc.constant('N'), fc.constant(null)))),
});

const opsets = few(plain({ domain: fc.constantFrom('', 'ai.onnx.ml'), version: fc.nat(30) }));

const definition: fc.Arbitrary<FunctionProto> = plain({
  name,
  domain: fc.constantFrom('', 'of.the.model'),
  inputs: few(name),
  outputs: few(name),
  nodes: few(node),
  opsets,
  defaults: few(attribute),
}).chain((described) => fc.constantFrom(described, { ...described, overload: 'b' }));

const model: fc.Arbitrary<ModelProto> = plain({
  irVersion: fc.nat(20),
  opsets,
  producer: text,
  producerVersion: text,
  graph: plain({
    name,
    nodes: few(node),
    initializers: few(tensor),
    inputs: few(valueInfo),
    outputs: few(valueInfo),
    sparseInitializers: fc.constant(0),
  }),
  metadata: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
  functions: few(definition),
});

test('what is written is what is read', () => {
  fc.assert(fc.property(model, (value) => assert.deepEqual(structuredClone(decodeModel(encodeModel(value), 'model')), value)));
});

test('every prefix of a file, and a thousand damaged ones, are a model or one line', () => {
  const [sample] = fc.sample(
    model.filter(({ graph }) => graph.nodes.length > 2 && graph.initializers.length > 2),
    { seed: 7, numRuns: 1 },
  );
  const bytes = encodeModel(sample as ModelProto);
  const stream = random('damage');
  const attempt = (damaged: Uint8Array): void => {
    try {
      decodeModel(damaged, 'model');
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, /^model: not a valid ONNX file: [^\n]+$/);
    }
  };
  for (let length = 0; length < bytes.length; length++) attempt(bytes.subarray(0, length));
  for (let i = 0; i < 1000; i++) {
    const damaged = bytes.slice();
    for (let hits = 1 + stream.integer(4); hits > 0; hits--) damaged[stream.integer(bytes.length)] = stream.integer(256);
    attempt(damaged);
  }
});

test('INT64_MAX, which stands for “to the end”, is as large as it gets; an extent of it is refused', () => {
  // A graph (7) with an initializer (5): extents (1), type int64 (2), name (8), and the number as a varint (7) or raw (9).
  const end = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  const field = (number: number, bytes: readonly number[]): readonly number[] => [(number << 3) | 2, bytes.length, ...bytes];
  const fileOf = (dims: readonly number[], ...value: readonly number[]): Uint8Array =>
    Uint8Array.from(field(7, field(5, [...field(1, dims), 0x10, 7, ...field(8, [0x65]), ...value])));
  const constantOf = (bytes: Uint8Array): readonly number[] => {
    const [first] = decodeModel(bytes, 'end.onnx').graph.initializers;
    const { numbers } = constantReader('end.onnx', noFiles('end.onnx')).read(first ?? assert.fail(), 'e');
    return [...numbers.values];
  };
  const raw = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  assert.deepEqual(constantOf(fileOf([1], ...field(7, end))), [Number.MAX_SAFE_INTEGER]);
  assert.deepEqual(constantOf(fileOf([1], ...field(9, raw))), [Number.MAX_SAFE_INTEGER]);
  assert.throws(() => decodeModel(fileOf(end), 'end.onnx'), /end\.onnx: not a valid ONNX file: a whole number beyond 2\^53/);
});

test('no graph, a group, a segment: said', () => {
  for (const [bytes, what] of [
    [[], /holds no graph/],
    [[0x3b], /group/],
    // graph { initializer { segment {} } }
    [[0x3a, 4, 0x2a, 2, 0x1a, 0], /segments/],
    [[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], /2\^53/],
  ] as const)
    assert.throws(() => decodeModel(Uint8Array.from(bytes), 'm'), what);
});

/** Models that were made to do harm: nothing is read but regular files beside the model, and nothing is believed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { reference } from '../../src/engine/reference/engine.ts';
import { decodeModel, encodeModel } from '../../src/formats/onnx/codec.ts';
import { dataType, type GraphProto, type ModelProto, type TensorProto } from '../../src/formats/onnx/proto.ts';
import { filesBeside } from '../../src/formats/onnx/read/external.ts';
import { UserError } from '../../src/util/user-error.ts';
import { compareImported, handmadeModel, headOf, importModel } from '../support/onnx-models.ts';

const root = mkdtempSync(join(tmpdir(), 'instar-onnx-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/** A UserError of one line that says so, within seconds of processor time and without much memory. */
function refuses(read: () => unknown, says: RegExp): void {
  const [begun, before] = [process.cpuUsage(), process.memoryUsage.rss()];
  assert.throws(read, (error: unknown) => {
    assert.ok(error instanceof UserError, String((error as Error).stack));
    assert.ok(!error.message.includes('\n'), error.message);
    assert.match(error.message, says);
    return true;
  });
  const { user, system } = process.cpuUsage(begun);
  assert.ok(user + system < 5e6, `${(user + system) / 1000} ms`);
  assert.ok(process.memoryUsage.rss() - before < 64 * 2 ** 20, `${process.memoryUsage.rss() - before} bytes`);
}

const plain = (change?: (graph: GraphProto) => GraphProto, opset?: number): ModelProto =>
  handmadeModel((g, x) => headOf(g, g.node('Conv', [x, g.weights(4, 2, 3, 3)], { pads: [1, 1, 1, 1] }), 4), {
    ...(change === undefined ? {} : { change }),
    ...(opset === undefined ? {} : { opset }),
  });

/** The model with its first tensor changed. */
const withTensor = (change: (tensor: TensorProto) => TensorProto): ModelProto =>
  plain((graph) => ({ ...graph, initializers: graph.initializers.map((tensor, at) => (at === 0 ? change(tensor) : tensor)) }));

const external = (fields: Readonly<Record<string, string>>): ModelProto =>
  withTensor(({ name, dims, dataType: type }) => ({ name, dims, dataType: type, external: fields }));

const folder = join(root, 'model');
mkdirSync(folder);
const beside = () => filesBeside(join(folder, 'm.onnx'), 'm.onnx');
const read = (model: ModelProto): unknown => importModel(model, {}, beside());

test('weights beside the model are read, and compared', async () => {
  const model = plain();
  const tensors = model.graph.initializers;
  let offset = 0;
  const parts: Uint8Array[] = [];
  const changed = tensors.map((tensor) => {
    const raw = tensor.raw ?? new Uint8Array();
    parts.push(raw);
    const { name, dims, dataType: type } = tensor;
    const moved = {
      name,
      dims,
      dataType: type,
      external: { location: 'sub/weights.bin', offset: String(offset), length: String(raw.length) },
    };
    offset += raw.length;
    return moved;
  });
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub', 'weights.bin'), Buffer.concat(parts));
  const imported = importModel({ ...model, graph: { ...model.graph, initializers: changed } }, {}, beside());
  assert.deepEqual(imported.tensors, importModel(model).tensors);
  assert.ok((await compareImported(reference, imported)).difference <= 1e-5);
  // A link that stays inside is no harm.
  symlinkSync('sub/weights.bin', join(folder, 'link.bin'));
  read(external({ location: 'link.bin', length: '288' }));
});

test('files outside of the folder, and what is no regular file, are not opened', () => {
  writeFileSync(join(root, 'outside.bin'), new Uint8Array(288));
  writeFileSync(join(folder, 'short.bin'), new Uint8Array(287));
  writeFileSync(join(folder, 'weights'), new Uint8Array(288));
  symlinkSync(join(root, 'outside.bin'), join(folder, 'out.bin'));
  symlinkSync('..', join(folder, 'up'));
  symlinkSync('loop.bin', join(folder, 'loop.bin'));
  symlinkSync('/dev/zero', join(folder, 'zero.bin'));
  execFileSync('mkfifo', [join(folder, 'fifo.bin')]);
  mkdirSync(join(folder, 'folder.bin'));
  const refused: readonly (readonly [location: string, says: RegExp])[] = [
    ['../outside.bin', /not a plain path inside the model's folder/],
    ['sub/../../outside.bin', /not a plain path/],
    [join(root, 'outside.bin'), /not a plain path/],
    ['/dev/zero', /not a plain path/],
    ['..', /not a plain path/],
    ['', /not a plain path/],
    ['a\0b', /not a plain path/],
    ['..\\outside.bin', /not a plain path/],
    ['out.bin', /leads out of the model's folder/],
    ['up/outside.bin', /leads out of the model's folder/],
    ['zero.bin', /leads out of the model's folder/],
    ['loop.bin', /does not exist/],
    ['missing.bin', /does not exist/],
    ['fifo.bin', /is not a regular file/],
    ['folder.bin', /is not a regular file/],
    ['short.bin', /needs bytes 0 to 288 of "short.bin", which has 287/],
  ];
  for (const [location, says] of refused) refuses(() => read(external({ location })), says);
});

test('offsets and lengths are not believed', () => {
  const of = (fields: Readonly<Record<string, string>>) => () => read(external({ location: 'weights', ...fields }));
  refuses(of({ offset: '1' }), /needs bytes 1 to 289/);
  refuses(of({ offset: '-1' }), /does not say where its numbers are/);
  refuses(of({ offset: '0x10' }), /does not say where/);
  refuses(of({ offset: '99999999999999999999' }), /does not say where/);
  refuses(of({ length: '287' }), /need 288 bytes, and it says "287"/);
  refuses(of({ length: '1e3' }), /need 288 bytes/);
  refuses(() => read(external({ offset: '0' })), /does not say where/);
  refuses(() => read(withTensor((tensor) => ({ ...tensor, external: { location: 'weights' } }))), /in more than one place/);
  // Many tensors, each within the file, that are more than it together.
  const twice = plain((graph) => ({
    ...graph,
    initializers: graph.initializers.map(({ name, dims, dataType: type }) => ({
      name,
      dims,
      dataType: type,
      external: { location: 'weights' },
    })),
  }));
  refuses(() => read(twice), /together need more than its 288 bytes/);
});

test('extents are not believed', () => {
  const dims =
    (...extents: number[]) =>
    () =>
      read(withTensor((tensor) => ({ ...tensor, dims: extents })));
  refuses(dims(4, 2, 3, 4), /4×2×3×4 of float need 384 bytes, not 288/);
  refuses(dims(2 ** 31, 2 ** 31, 3, 3), /extents 2147483648×2147483648×3×3/);
  refuses(dims(2 ** 20, 2 ** 10, 3, 3), /of float need \d+ bytes, not 288/);
  refuses(dims(-4, -2, 3, 3), /extents -4×-2×3×3/);
  refuses(dims(...Array.from({ length: 9 }, () => 1)), /9 dimensions/);
  refuses(() => read(withTensor((tensor) => ({ ...tensor, dims: [0, 2, 3, 3], raw: new Uint8Array() }))), /weights of 0×2×3×3/);
  refuses(() => read(withTensor((tensor) => ({ ...tensor, dataType: dataType.string }))), /numbers of string are not read/);
  refuses(() => read(withTensor((tensor) => ({ ...tensor, dataType: 77 }))), /numbers of type 77 are not read/);
  refuses(
    () =>
      read(
        withTensor((tensor) => ({ ...tensor, raw: new Uint8Array(Float32Array.from({ length: 72 }, () => Number.NaN).buffer) })),
      ),
    /not finite/,
  );
  for (const shape of [
    [2 ** 40, 6, 6],
    [2, 2 ** 40, 6],
    [2, 5000, 5000],
  ])
    refuses(
      () => read(handmadeModel((g, x) => headOf(g, g.node('Relu', [x]), 2), { extents: shape })),
      /at most 4096 are supported/,
    );
});

test('what is small in a file and large in memory is not made', () => {
  // Thirty concatenations of a tensor with itself: 2³¹ channels.
  const doubled = handmadeModel((g, x) => {
    let y = g.node('Relu', [x]);
    for (let time = 0; time < 30; time++) y = g.node('Concat', [y, y], { axis: 1 });
    return headOf(g, y, 2);
  });
  refuses(() => read(doubled), /\(Concat\): it would give \d+×6×6/);
  // An average pool over 65,536 channels, as a depthwise convolution.
  const pooled = handmadeModel(
    (g, x) => {
      let y = g.node('Relu', [x]);
      for (let time = 0; time < 14; time++) y = g.node('Concat', [y, y], { axis: 1 });
      return headOf(g, g.node('AveragePool', [y], { kernel_shape: [20, 19], strides: [2, 2] }), 32_768);
    },
    { extents: [2, 30, 30] },
  );
  refuses(() => read(pooled), /\(AveragePool\): it would have 1\.2e\+7 weights, more than a file of this size can mean/);
  // A kernel of one row that would be square.
  const row = handmadeModel((g, x) => headOf(g, g.node('Conv', [x, g.weights(4, 2, 1, 300)], { pads: [0, 150, 0, 150] }), 4), {
    extents: [2, 300, 300],
  });
  refuses(() => read(row), /\(Conv\): a kernel of 1×300 cannot be represented/);
});

test('names, order and numbers of nodes', () => {
  const nodes = (change: (nodes: GraphProto['nodes']) => GraphProto['nodes']) => () =>
    read(plain((graph) => ({ ...graph, nodes: change(graph.nodes) })));
  refuses(
    nodes((all) => all.toReversed()),
    /which is not computed before it \(a cycle, or the wrong order\)/,
  );
  refuses(
    nodes((all) =>
      all.map((node, at) => (at === 0 ? { ...node, inputs: [node.outputs[0] ?? '', ...node.inputs.slice(1)] } : node)),
    ),
    /a cycle, or the wrong order/,
  );
  refuses(
    nodes((all) => [...all, ...all.slice(0, 1)]),
    /computes "conv", which already exists/,
  );
  refuses(
    nodes((all) => all.map((node) => ({ ...node, inputs: node.inputs.map(() => 'nothing') }))),
    /reads "nothing", which does not exist/,
  );
  refuses(
    nodes(() => []),
    /no node computes its output "gemm"/,
  );
  refuses(
    () => read(plain((graph) => ({ ...graph, initializers: [...graph.initializers, ...graph.initializers.slice(0, 1)] }))),
    /two initializers named "w"/,
  );
  refuses(() => read(plain((graph) => ({ ...graph, inputs: [...graph.inputs, ...graph.inputs] }))), /two inputs named "x"/);
  refuses(() => read(plain((graph) => ({ ...graph, outputs: [] }))), /it has no output/);
  refuses(
    () => read(plain((graph) => ({ ...graph, outputs: [{ name: 'x', elementType: 1, shape: null }] }))),
    /no node computes its output "x"/,
  );
  const long = handmadeModel((g, x) => {
    let y = x;
    for (let count = 0; count < 2100; count++) y = g.node('Relu', [y]);
    return headOf(g, y, 2);
  });
  refuses(() => read(long), /2103 nodes; at most 2000 can be read/);
  // Initializers that are named as inputs too, as old exporters did, are none.
  read(
    plain((graph) => ({
      ...graph,
      inputs: [...graph.inputs, ...graph.initializers.map(({ name }) => ({ name, elementType: 1, shape: null }))],
    })),
  );
});

test('a name that would break a line or a record is one like any other', () => {
  const bad = 'a\nb\u001b[31m'.repeat(40);
  refuses(
    () => read(plain((graph) => ({ ...graph, nodes: graph.nodes.map((node) => ({ ...node, name: bad, opType: `X${bad}` })) }))),
    /^m\.onnx: node "a\\nb/,
  );
  const model: ModelProto = {
    ...plain(),
    metadata: JSON.parse('{"__proto__":"x","constructor":"y","classes":"[\\"a\\",\\"b\\",\\"c\\"]"}'),
  };
  const { metadata } = decodeModel(encodeModel(model), 'm.onnx');
  assert.deepEqual({ ...metadata }, { ['__proto__']: 'x', constructor: 'y', classes: '["a","b","c"]' });
  assert.equal(Object.getPrototypeOf(metadata), null);
  assert.deepEqual(importModel(model).classes, ['a', 'b', 'c']);
  const proto = withTensor((tensor) => ({ ...tensor, name: '__proto__' }));
  const renamed = {
    ...proto,
    graph: {
      ...proto.graph,
      nodes: proto.graph.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => (name === 'w' ? '__proto__' : name)),
      })),
    },
  };
  assert.deepEqual(importModel(renamed).tensors, importModel(plain()).tensors);
});

const bytes = (write: (w: BinaryWriter) => void): Uint8Array => {
  const w = new BinaryWriter();
  write(w);
  return w.finish();
};
const field = (number: number, content: Uint8Array): Uint8Array =>
  bytes((w) => void w.tag(number, WireType.LengthDelimited).bytes(content));

test('bytes that are no model', () => {
  const decode = (content: Uint8Array) => (): unknown => decodeModel(content, 'm.onnx');
  refuses(decode(new Uint8Array()), /not a valid ONNX file: it holds no graph/);
  refuses(decode(new TextEncoder().encode('<!doctype html><html>')), /not a valid ONNX file/);
  // A length of 4 GiB in a file of few bytes.
  refuses(decode(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f)), /premature EOF/);
  // Groups within groups, and messages within messages as deep as a file can be.
  refuses(decode(new Uint8Array(1_000_000).fill(0x0b)), /it holds a group/);
  let nested = new Uint8Array();
  for (let depth = 0; depth < 2000; depth++) nested = new Uint8Array(field(7, nested));
  // What is not known is skipped, not entered.
  assert.equal(decodeModel(nested, 'm.onnx').graph.nodes.length, 0);
  // Two bytes a node: ten million objects.
  const node = Uint8Array.of(0x0a, 0x00);
  const many = new Uint8Array(8_000_000);
  for (let at = 0; at < many.length; at += 2) many.set(node, at);
  refuses(decode(field(7, many)), /more than 200000 nodes, names and attributes/);
  refuses(decode(field(7, field(1, many))), /more than 200000 nodes, names and attributes/);
  refuses(
    decode(
      field(
        7,
        field(
          1,
          bytes((w) => void w.tag(3, WireType.LengthDelimited).bytes(Uint8Array.of(0xff, 0xfe))),
        ),
      ),
    ),
    /not a valid ONNX file: .*utf-8/,
  );
});

/** What import makes of each operator, beside ONNX Runtime; and how it names what it cannot represent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reference } from '../../src/engine/reference/engine.ts';
import { dataType } from '../../src/formats/onnx/proto.ts';
import { UserError } from '../../src/util/user-error.ts';
import {
  compareImported,
  handmadeModel,
  headOf,
  importModel,
  layersOf,
  type Drawing,
  type HandmadeOptions,
} from '../support/onnx-models.ts';

interface Case {
  readonly draw: (g: Drawing, x: string) => string;
  readonly options?: HandmadeOptions;
  readonly layers: string;
}

const conv = (
  g: Drawing,
  x: string,
  from: number,
  to: number,
  kernel: readonly [number, number],
  attributes: Readonly<Record<string, string | number | readonly number[]>> = {},
): string => g.node('Conv', [x, g.weights(to, from, ...kernel), g.weights(to)], attributes);

const tail = 'global average pool · dense 3';
const perChannel = (g: Drawing, ...values: number[]): string => g.floats('c', [1, values.length, 1, 1], values);

/** Each is the same function after import, and these layers. */
const cases: Readonly<Record<string, Case>> = {
  'a convolution, its own padding': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { pads: [1, 1, 1, 1] }), 4),
    layers: `conv 3×3 · ${tail}`,
  },
  'padding behind alone, stride 2': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { pads: [0, 0, 1, 1], strides: [2, 2] }), 4),
    layers: `pad 0,0,1,1 · conv 3×3 stride 2 padding 0 · ${tail}`,
  },
  'padding before alone': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [2, 2], { pads: [1, 1, 0, 0] }), 4),
    layers: `pad 1,1,0,0 · conv 2×2 padding 0 · ${tail}`,
  },
  'a row as a kernel': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [1, 3], { pads: [0, 1, 0, 1] }), 4),
    layers: `conv 3×3 · ${tail}`,
  },
  'a column as a kernel, stride 3, an image that is not square': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [5, 3], { pads: [2, 1, 1, 0], strides: [3, 3] }), 4),
    options: { extents: [2, 8, 7] },
    layers: `conv 6×6 stride 3 padding 2 · ${tail}`,
  },
  'auto_pad SAME_UPPER': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [4, 4], { auto_pad: 'SAME_UPPER', strides: [2, 2] }), 4),
    layers: `conv 4×4 stride 2 padding 1 · ${tail}`,
  },
  'auto_pad SAME_LOWER': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [2, 2], { auto_pad: 'SAME_LOWER' }), 4),
    layers: `pad 1,1,0,0 · conv 2×2 padding 0 · ${tail}`,
  },
  'auto_pad VALID': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { auto_pad: 'VALID' }), 4),
    layers: `conv 3×3 padding 0 · ${tail}`,
  },
  'a depthwise convolution': {
    draw: (g, x) => headOf(g, g.node('Conv', [x, g.weights(2, 1, 3, 3)], { group: 2, pads: [1, 1, 1, 1] }), 2),
    layers: `depthwise 3×3 · ${tail}`,
  },
  'a convolution in groups': {
    draw: (g, x) => headOf(g, g.node('Conv', [x, g.weights(8, 4, 3, 3)], { group: 4 }), 8),
    options: { extents: [16, 6, 6] },
    layers: `conv 3×3 padding 0 in 4 groups no bias · ${tail}`,
  },
  'a depthwise convolution with a multiplier': {
    draw: (g, x) => headOf(g, g.node('Conv', [x, g.weights(4, 1, 3, 3), g.weights(4)], { group: 2 }), 4),
    layers: `conv 3×3 padding 0 in 2 groups · ${tail}`,
  },
  'dilated convolutions: padded, not padded, padded behind alone, depthwise, in groups, of one pixel': {
    draw(g, x) {
      const y = conv(g, x, 2, 4, [3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] });
      const z = g.node('Conv', [y, g.weights(4, 1, 3, 3)], { dilations: [3, 3], pads: [3, 3, 3, 3], strides: [2, 2], group: 4 });
      const u = g.node('Conv', [z, g.weights(6, 2, 2, 2)], { dilations: [2, 2], pads: [0, 0, 1, 1], group: 2 });
      return headOf(
        g,
        conv(g, conv(g, u, 6, 4, [2, 2], { dilations: [2, 2], auto_pad: 'VALID' }), 4, 4, [1, 1], { dilations: [2, 2] }),
        4,
      );
    },
    options: { extents: [2, 9, 9] },
    layers: `conv 3×3 dilation 2 · depthwise 3×3 stride 2 dilation 3 · pad 0,0,1,1 · conv 2×2 padding 0 dilation 2 in 2 groups no bias · conv 2×2 padding 0 dilation 2 · conv 1×1 · ${tail}`,
  },
  ReLU6: {
    draw: (g, x) => headOf(g, g.node('Clip', [x, g.floats('a', [], [0]), g.floats('b', [], [6])]), 2),
    layers: `ReLU6 · ${tail}`,
  },
  'ReLU6 of operator set 10': {
    draw: (g, x) => headOf(g, g.node('Clip', [x], { min: { float: 0 }, max: { float: 6 } }), 2),
    options: { opset: 10 },
    layers: `ReLU6 · ${tail}`,
  },
  'a ReLU as a clip, and a clip of nothing': {
    draw: (g, x) => headOf(g, g.node('Clip', [g.node('Clip', [x]), g.floats('a', [1], [0])]), 2),
    layers: `relu · ${tail}`,
  },
  'sigmoid and hard sigmoid': {
    draw: (g, x) => headOf(g, g.node('HardSigmoid', [g.node('Sigmoid', [x])], { alpha: { float: 0.3 } }), 2),
    layers: `sigmoid · hard sigmoid · ${tail}`,
  },
  'hard swish, as one operator and as two': {
    draw(g, x) {
      const y = g.node('HardSwish', [x]);
      return headOf(g, g.node('Mul', [y, g.node('HardSigmoid', [y], { alpha: { float: 1 / 6 } })]), 2);
    },
    layers: `hard swish · hard swish · ${tail}`,
  },
  'SiLU, the gate first and last': {
    draw(g, x) {
      const y = g.node('Mul', [g.node('Sigmoid', [x]), x]);
      return headOf(g, g.node('Mul', [y, g.node('Sigmoid', [y])]), 2);
    },
    layers: `SiLU · SiLU · ${tail}`,
  },
  GELU: {
    draw: (g, x) => headOf(g, g.node('Gelu', [g.node('Gelu', [x], { approximate: 'tanh' })]), 2),
    options: { opset: 20 },
    layers: `GELU by tanh · GELU · ${tail}`,
  },
  'squeeze and excitation': {
    draw(g, x) {
      const pooled = g.node('ReduceMean', [x], { axes: [2, 3], keepdims: 1 });
      const few = g.node('Relu', [conv(g, pooled, 2, 3, [1, 1])]);
      const gate = g.node('Sigmoid', [conv(g, few, 3, 2, [1, 1])]);
      return headOf(g, g.node('Mul', [gate, x]), 2);
    },
    layers: `global average pool · conv 1×1 · relu · conv 1×1 · sigmoid · product · ${tail}`,
  },
  'a product of two tensors': {
    draw: (g, x) => headOf(g, g.node('Mul', [x, conv(g, x, 2, 2, [3, 3], { pads: [1, 1, 1, 1] })]), 2),
    layers: `conv 3×3 · product · ${tail}`,
  },
  'a head that is a convolution': {
    draw: (g, x) => g.node('Flatten', [g.node('GlobalAveragePool', [g.node('Relu', [conv(g, x, 2, 3, [1, 1])])])]),
    layers: 'conv 1×1 · relu · global average pool',
  },
  'padding before what is no window': {
    draw: (g, x) => headOf(g, g.node('Relu', [g.node('Pad', [x, g.integers('p', [0, 0, 0, 1, 0, 0, 2, 1])])]), 2),
    layers: `pad 0,1,2,1 · relu · ${tail}`,
  },
  'zeros put around by a Pad': {
    draw: (g, x) =>
      headOf(
        g,
        conv(g, g.node('Pad', [x, g.integers('p', [0, 0, 1, 0, 0, 0, 2, 1])]), 2, 4, [3, 3], {
          pads: [0, 1, 0, 1],
          strides: [2, 2],
        }),
        4,
      ),
    layers: `pad 1,1,2,2 · conv 3×3 stride 2 padding 0 · ${tail}`,
  },
  'a Pad before a pool of what is not negative': {
    draw: (g, x) =>
      headOf(
        g,
        g.node('MaxPool', [g.node('Pad', [g.node('Relu', [x]), g.integers('p', [0, 0, 1, 1, 0, 0, 1, 1])])], {
          kernel_shape: [3, 3],
          strides: [2, 2],
        }),
        2,
      ),
    layers: `relu · max pool 3×3 stride 2 padding 1 · ${tail}`,
  },
  'a constant behind a convolution is its bias': {
    draw: (g, x) => headOf(g, g.node('Add', [perChannel(g, 1, 2, 3), g.node('Conv', [x, g.weights(3, 2, 1, 1)])]), 3),
    layers: `conv 1×1 · ${tail}`,
  },
  'subtracted from what has a bias': {
    draw: (g, x) => headOf(g, g.node('Sub', [conv(g, x, 2, 3, [1, 1]), perChannel(g, 1, 2, 3)]), 3),
    layers: `conv 1×1 · ${tail}`,
  },
  'a constant behind a convolution that others read too': {
    draw: (g, x) => {
      const y = conv(g, x, 2, 2, [1, 1]);
      return headOf(g, g.node('Concat', [g.node('Add', [y, perChannel(g, 1, 2)]), y], { axis: 1 }), 4);
    },
    layers: `conv 1×1 · depthwise 1×1 bias · concat · ${tail}`,
  },
  'a factor a channel': {
    draw: (g, x) => headOf(g, g.node('Mul', [conv(g, x, 2, 2, [1, 1]), perChannel(g, 0.5, -2)]), 2),
    layers: `conv 1×1 · depthwise 1×1 bias · ${tail}`,
  },
  'a constant less a tensor': {
    draw: (g, x) => headOf(g, g.node('Sub', [g.floats('c', [], [1]), g.node('Relu', [x])]), 2),
    layers: `relu · depthwise 1×1 bias · ${tail}`,
  },
  'batch normalisation straight after the image': {
    draw: (g, x) =>
      headOf(
        g,
        g.node('BatchNormalization', [x, g.weights(2), g.weights(2), g.weights(2), g.positive(2)], { epsilon: { float: 1e-3 } }),
        2,
      ),
    layers: `batch norm · ${tail}`,
  },
  'batch normalisation of a vector': {
    draw(g, x) {
      const y = g.node('Gemm', [g.node('Flatten', [x]), g.weights(5, 72), g.weights(5)], {
        transB: 1,
        alpha: { float: 0.3 },
        beta: { float: 2 },
      });
      const z = g.node('BatchNormalization', [y, g.weights(5), g.weights(5), g.weights(5), g.positive(5)]);
      return g.node('Gemm', [g.node('Relu', [z]), g.weights(5, 3)]);
    },
    layers: 'dense 5 · batch norm · relu · dense 3',
  },
  'a max pool with padding': {
    draw: (g, x) => headOf(g, g.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }), 2),
    layers: `max pool 3×3 stride 2 padding 1 · ${tail}`,
  },
  'a max pool with a ceiling that counts': {
    draw: (g, x) => headOf(g, g.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }), 2),
    layers: `pad 0,0,1,1 by the lowest · max pool 3×3 stride 2 · ${tail}`,
  },
  'a max pool with a ceiling that adds no window behind its padding': {
    draw: (g, x) =>
      headOf(g, g.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 }), 2),
    options: { extents: [2, 6, 6] },
    layers: `max pool 2×2 stride 3 padding 1 · ${tail}`,
  },
  'a max pool with padding behind alone': {
    draw: (g, x) => headOf(g, g.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1] }), 2),
    layers: `pad 0,0,1,1 by the lowest · max pool 3×3 stride 2 · ${tail}`,
  },
  'zeros before a pool of what may be negative': {
    draw: (g, x) =>
      headOf(g, g.node('MaxPool', [g.node('Pad', [x, g.integers('p', [0, 0, 1, 1, 0, 0, 1, 1])])], { kernel_shape: [3, 3] }), 2),
    layers: `pad 1,1,1,1 · max pool 3×3 stride 1 · ${tail}`,
  },
  'average pools that count their padding and that do not': {
    draw(g, x) {
      const y = g.node('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      return headOf(
        g,
        g.node('AveragePool', [y], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }),
        2,
      );
    },
    layers: `average pool 3×3 stride 1 padding 1 inside · average pool 3×3 stride 2 padding 1 · ${tail}`,
  },
  'an average pool with padding behind alone that counts': {
    draw: (g, x) =>
      headOf(
        g,
        g.node('AveragePool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], count_include_pad: 1 }),
        2,
      ),
    layers: `pad 0,0,1,1 · average pool 3×3 stride 2 · ${tail}`,
  },
  'a max pool whose padding behind reaches no window': {
    draw: (g, x) =>
      headOf(g, g.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 1, 1], ceil_mode: 0 }), 2),
    layers: `max pool 2×2 · ${tail}`,
  },
  'an average pool over the whole map': {
    draw: (g, x) => g.node('Gemm', [g.node('Flatten', [g.node('AveragePool', [x], { kernel_shape: [6, 6] })]), g.weights(2, 3)]),
    layers: tail,
  },
  'an average pool of single pixels': {
    draw: (g, x) => headOf(g, g.node('AveragePool', [x], { kernel_shape: [1, 1] }), 2),
    layers: tail,
  },
  'an average pool over parts of it': {
    draw: (g, x) =>
      headOf(
        g,
        g.node('AveragePool', [x], { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 0], count_include_pad: 1 }),
        2,
      ),
    layers: `depthwise 3×3 stride 2 · ${tail}`,
  },
  'a mean over rows and columns': {
    draw: (g, x) => g.node('Gemm', [g.node('ReduceMean', [x], { axes: [2, 3], keepdims: 0 }), g.weights(2, 3)]),
    layers: tail,
  },
  'a mean over rows and columns, operator set 18': {
    draw: (g, x) =>
      g.node('Gemm', [
        g.node('Squeeze', [g.node('ReduceMean', [x, g.integers('a', [-1, -2])]), g.integers('s', [2, 3])]),
        g.weights(2, 3),
      ]),
    options: { opset: 18 },
    layers: tail,
  },
  'a residual sum and a concatenation': {
    draw(g, x) {
      const y = conv(g, x, 2, 2, [3, 3], { pads: [1, 1, 1, 1] });
      return headOf(g, g.node('Concat', [g.node('Sum', [x, y, y]), y, x], { axis: -3 }), 6);
    },
    layers: `conv 3×3 · add · concat · ${tail}`,
  },
  'dense layers over a map, rows and columns last': {
    draw(g, x) {
      const y = g.node('Reshape', [g.node('Transpose', [x], { perm: [0, 2, 3, 1] }), g.integers('s', [0, -1])]);
      return g.node('Add', [g.node('MatMul', [y, g.weights(72, 3)]), g.weights(3)]);
    },
    layers: 'dense 3',
  },
  'a shape that is computed': {
    draw(g, x) {
      const batch = g.node('Unsqueeze', [
        g.node('Gather', [g.node('Shape', [x]), g.integers('i', [0])], { axis: 0 }),
        g.integers('a', [0]),
      ]);
      const shape = g.node('Concat', [batch, g.integers('rest', [-1])], { axis: 0 });
      return g.node('Gemm', [g.node('Reshape', [x, shape]), g.weights(72, 3)]);
    },
    options: {
      change: (graph) => ({ ...graph, initializers: graph.initializers.map((t) => (t.name === 'i' ? { ...t, dims: [] } : t)) }),
    },
    layers: 'dense 3',
  },
  'a shape with the batch that the file fixes': {
    draw: (g, x) => g.node('Gemm', [g.node('Reshape', [x, g.integers('s', [1, 72])]), g.weights(72, 3)]),
    options: { batch: 1 },
    layers: 'dense 3',
  },
  'logits behind softmax, identity and dropout': {
    draw: (g, x) =>
      g.node('Softmax', [g.node('Identity', [g.node('Dropout', [headOf(g, g.node('Relu', [x]), 2)])])], { axis: 1 }),
    layers: `relu · ${tail}`,
  },
  'channels last, bytes, normalised in the file': {
    draw(g, x) {
      const floats = g.node('Transpose', [g.node('Cast', [x], { to: dataType.float })], { perm: [0, 3, 1, 2] });
      const scaled = g.node('Mul', [floats, g.floats('c', [3, 1, 1], [0.01, 0.02, 0.03])]);
      return headOf(
        g,
        conv(g, g.node('Add', [scaled, g.floats('c', [3, 1, 1], [-1, -2, -1.5])]), 3, 2, [3, 3], { pads: [1, 1, 1, 1] }),
        2,
      );
    },
    options: { extents: [5, 6, 3], type: dataType.uint8 },
    layers: `conv 3×3 · ${tail}`,
  },
  'pixels up to 1, normalised in the file': {
    draw: (g, x) =>
      headOf(g, conv(g, g.node('Div', [g.node('Sub', [x, perChannel(g, 0.4, 0.5)]), perChannel(g, 0.2, 0.3)]), 2, 2, [3, 3]), 2),
    layers: `conv 3×3 padding 0 · ${tail}`,
  },
  'weights that two nodes share, and one that none reads': {
    draw(g, x) {
      const w = g.weights(2, 2, 3, 3);
      g.weights(7);
      const once = g.node('Relu', [g.node('Conv', [x, w], { pads: [1, 1, 1, 1] })]);
      return headOf(g, g.node('Conv', [once, w], { pads: [1, 1, 1, 1] }), 2);
    },
    layers: `conv 3×3 no bias · relu · conv 3×3 no bias · ${tail}`,
  },
  'one channel, whose place does not matter': {
    draw: (g, x) => headOf(g, conv(g, g.node('Reshape', [x, g.integers('s', [-1, 1, 6, 6])]), 1, 2, [3, 3]), 2),
    options: { extents: [6, 6, 1] },
    layers: `conv 3×3 padding 0 · ${tail}`,
  },
};

for (const [name, { draw, options, layers }] of Object.entries(cases))
  test(`${name}`, async () => {
    const imported = importModel(handmadeModel(draw, options));
    assert.equal(layersOf(imported.network), layers);
    const { difference, images } = await compareImported(reference, imported);
    assert.ok(difference <= 1e-5 && images === 8, `${name}: off by ${difference}`);
  });

test('rows and columns that the file leaves open are those that are asked for', async () => {
  const model = handmadeModel((g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }), 4), {
    extents: [2, 'h', 'w'],
  });
  for (const [height, width] of [
    [6, 6],
    [9, 9],
  ] as const) {
    const imported = importModel(model, { height, width });
    assert.ok((await compareImported(reference, imported)).difference <= 1e-5);
    assert.equal(layersOf(imported.network).split(' · ')[0], height % 2 === 0 ? 'pad 0,0,1,1' : 'conv 3×3 stride 2');
  }
});

test('half and double precision become f32, and are mentioned', async () => {
  const narrow = (value: number): number => Math.fround(value);
  for (const type of ['float16', 'double'] as const) {
    const model = handmadeModel((g, x) => headOf(g, conv(g, g.node('Cast', [x], { to: dataType[type] }), 2, 4, [3, 3]), 4), {
      change: (graph) => ({
        ...graph,
        initializers: graph.initializers.map((tensor) => {
          const values = new Float32Array((tensor.raw ?? new Uint8Array()).slice().buffer);
          // 1.0 and −2.5 are the same in all of them.
          const plain = Array.from(values, (value) => (value > 0 ? 1 : -2.5));
          const { name, dims } = tensor;
          return type === 'double'
            ? { name, dims, dataType: dataType.double, doubles: plain.map(narrow) }
            : { name, dims, dataType: dataType.float16, int32s: plain.map((value) => (value > 0 ? 0x3c00 : 0xc100)) };
        }),
      }),
    });
    const imported = importModel(model);
    assert.deepEqual(imported.notes, [
      'casts to another precision than f32 are ignored',
      `4 tensors of ${type} are computed in f32`,
    ]);
    assert.deepEqual(new Set(imported.tensors['1/kernel']?.data), new Set([1, -2.5]));
    assert.ok((await compareImported(reference, imported)).difference <= 1e-5);
  }
});

test('what the file does to the image is its normalisation, of pixels up to 255 or up to 1', () => {
  const near = (actual: readonly number[] | undefined, expected: readonly number[]): void =>
    assert.ok(
      actual?.every((value, at) => Math.abs(value - (expected[at] as number)) < 1e-6),
      `${actual?.join()} is not ${expected.join()}`,
    );
  const of = (draw: (g: Drawing, x: string) => string, options: HandmadeOptions = {}): ReturnType<typeof importModel> =>
    importModel(handmadeModel((g, x) => headOf(g, g.node('Relu', [draw(g, x)]), 2), options));
  const unit = of((g, x) => g.node('Div', [g.node('Sub', [x, perChannel(g, 0.4, 0.5)]), perChannel(g, 0.2, 0.3)]));
  assert.equal(unit.brightest, 1);
  near(unit.normalisation?.mean, [0.4, 0.5]);
  near(unit.normalisation?.std, [0.2, 0.3]);
  // Means of 0 to 255 alone, as Caffe's networks have them; and what Keras's Rescaling makes.
  const means = of((g, x) => g.node('Sub', [x, perChannel(g, 51, 102)]));
  assert.equal(means.brightest, 255);
  near(means.normalisation?.mean, [0.2, 0.4]);
  near(means.normalisation?.std, [1 / 255, 1 / 255]);
  const rescaled = of((g, x) => g.node('Add', [g.node('Mul', [x, g.floats('c', [], [1 / 127.5])]), g.floats('d', [], [-1])]));
  assert.equal(rescaled.brightest, 255);
  near(rescaled.normalisation?.mean, [0.5, 0.5]);
  near(rescaled.normalisation?.std, [0.5, 0.5]);
  const bytes = of((g, x) => g.node('Cast', [x], { to: dataType.float }), { type: dataType.uint8 });
  assert.equal(bytes.brightest, 255);
  near(bytes.normalisation?.std, [1 / 255, 1 / 255]);
  const outside = of((_g, x) => x);
  assert.deepEqual([outside.brightest, outside.normalisation], [null, null]);
  assert.throws(() => of((g, x) => g.node('Mul', [x, perChannel(g, 1, 0)])), /\(Mul\): a channel of the image would be lost$/);
});

test('what is trained otherwise from here on is said', () => {
  const notes = (draw: Case['draw']): readonly string[] => importModel(handmadeModel(draw)).notes;
  assert.deepEqual(
    notes((g, x) =>
      headOf(g, conv(g, conv(g, x, 2, 4, [1, 3], { pads: [0, 1, 0, 1] }), 4, 4, [1, 3], { pads: [0, 1, 0, 1] }), 4),
    ),
    ['a kernel 1×3 becomes 3×3 with zeros, which are trained (2 times)'],
  );
  assert.deepEqual(
    notes((g, x) =>
      headOf(
        g,
        g.node('AveragePool', [x], { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 0], count_include_pad: 1 }),
        2,
      ),
    ),
    ['the average pool 3×2 becomes a depthwise convolution, whose weights are trained'],
  );
  assert.deepEqual(
    notes((g, x) => {
      const w = g.weights(2, 2, 1, 1);
      return headOf(g, g.node('Conv', [g.node('Conv', [x, w]), w]), 2);
    }),
    ['weights that several nodes share are trained separately'],
  );
});

test('class names come from the metadata, where they are as many as the logits', () => {
  const named = (classes: string): readonly string[] | null =>
    importModel(handmadeModel((g, x) => headOf(g, x, 2), { metadata: { classes } })).classes;
  assert.deepEqual(named('["a","b","c"]'), ['a', 'b', 'c']);
  for (const text of ['["a","b"]', '["a","b","b"]', '{', '{"a":1}', '[1,2,3]', 'null']) assert.equal(named(text), null, text);
});

/** What is refused, and with what words. */
const refusals: Readonly<Record<string, { draw: Case['draw']; options?: HandmadeOptions; says: string | RegExp }>> = {
  'dilations that differ': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [2, 2], { dilations: [2, 1] }), 4),
    says: /\(Conv\): dilations 2, 1 of a kernel 2×2 cannot be represented$/,
  },
  'a dilated pool': {
    draw: (g, x) => headOf(g, g.node('MaxPool', [x], { kernel_shape: [2, 2], dilations: [2, 2] }), 2),
    says: /\(MaxPool\): dilations 2, 2 of a pool cannot be represented$/,
  },
  'a dilated kernel that does not fit': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { dilations: [3, 3] }), 4),
    says: /\(Conv\): a 3×3 window dilated by 3 does not fit into 2×6×6$/,
  },
  'strides that differ': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { strides: [1, 2] }), 4),
    says: /\(Conv\): a kernel of 3×3 with strides 1, 2 and pads 0, 0, 0, 0 cannot be made square$/,
  },
  'a kernel that cannot be made square': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [1, 3]), 4),
    says: /\(Conv\): a kernel of 1×3 .* cannot be made square$/,
  },
  'a kernel that does not fit': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [9, 9]), 4),
    says: /\(Conv\): a 9×9 window does not fit into 2×6×6$/,
  },
  'an unknown auto_pad': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { auto_pad: 'SOME' }), 4),
    says: /\(Conv\): auto_pad "SOME" is not known$/,
  },
  'an unknown attribute': {
    draw: (g, x) => headOf(g, conv(g, x, 2, 4, [3, 3], { quantum: 1 }), 4),
    says: /\(Conv\): the attribute "quantum" is not supported$/,
  },
  'an unknown operator': {
    draw: (g, x) => headOf(g, g.node('constructor', [x]), 2),
    says: 'm.onnx: node "constructor constructor" (constructor): this operator cannot be represented',
  },
  'weights that are computed': {
    draw: (g, x) => headOf(g, g.node('Conv', [x, x]), 2),
    says: /\(Conv\): its weight is the image, not a constant$/,
  },
  'training mode': {
    draw: (g, x) =>
      headOf(
        g,
        g.node('BatchNormalization', [x, g.weights(2), g.weights(2), g.weights(2), g.positive(2)], { training_mode: 1 }),
        2,
      ),
    says: /\(BatchNormalization\): it is in training mode; export the model for inference$/,
  },
  'a number a pixel': {
    draw: (g, x) => headOf(g, g.node('Add', [g.node('Relu', [x]), g.weights(6, 6)]), 2),
    says: /\(Add\): a constant of 6×6 for N×2×6×6 is not one number for each channel$/,
  },
  'a sum of two shapes': {
    draw: (g, x) => headOf(g, g.node('Add', [x, conv(g, x, 2, 3, [1, 1])]), 2),
    says: /\(Add\): takes inputs of one shape, not 2×6×6 and 3×6×6$/,
  },
  'a concatenation of rows': {
    draw: (g, x) => headOf(g, g.node('Concat', [x, x], { axis: 2 }), 2),
    says: /\(Concat\): axis 2 is not the channels$/,
  },
  'softmax in the middle': {
    draw: (g, x) => g.node('Gemm', [g.node('Softmax', [g.node('Flatten', [g.node('GlobalAveragePool', [x])])]), g.weights(2, 3)]),
    says: /\(Gemm\): it reads a softmax, which is only supported as the last node$/,
  },
  'two normalisations': {
    draw: (g, x) =>
      headOf(g, g.node('Add', [g.node('Relu', [x]), g.node('Relu', [g.node('Mul', [x, g.floats('c', [], [2])])])]), 2),
    says: /\(Relu\): the image is normalised in two ways$/,
  },
  'images that are mixed': {
    draw: (g, x) => g.node('Gemm', [g.node('Reshape', [x, g.integers('s', [-1, 144])]), g.weights(144, 3)]),
    says: /\(Reshape\): a shape of -1, 144 for N×2×6×6 would mix images$/,
  },
  'a transposition of the batch': {
    draw: (g, x) => headOf(g, g.node('Transpose', [x], { perm: [1, 0, 2, 3] }), 2),
    says: /\(Transpose\): the batch would not come first$/,
  },
  'another domain': {
    draw: (g, x) => headOf(g, g.node('Relu', [x]), 2),
    options: { change: (graph) => ({ ...graph, nodes: graph.nodes.map((node) => ({ ...node, domain: 'com.microsoft' })) }) },
    says: 'm.onnx: node "Relu relu" (com.microsoft.Relu): this operator cannot be represented',
  },
  'an old operator set': {
    draw: (g, x) => headOf(g, x, 2),
    options: { opset: 6 },
    says: 'm.onnx: operator set 6 is not supported: use one from 7 to 24',
  },
  'a map for logits': { draw: (g, x) => g.node('Relu', [x]), says: 'm.onnx: its output is a map of 2×6×6, not logits' },
  'no image': {
    draw: (g, x) => headOf(g, x, 2),
    options: { extents: [36] },
    says: 'm.onnx: input "x" has 2 dimensions; an image has 4',
  },
  'two outputs': {
    draw: (g, x) => headOf(g, g.node('Relu', [x], {}, 'early'), 2),
    options: { change: (graph) => ({ ...graph, outputs: [...graph.outputs, { name: 'early', elementType: 1, shape: null }] }) },
    says: 'm.onnx: it has 2 outputs, "gemm", "early": a classifier has one',
  },
  'a node without a name': {
    draw: (g, x) => headOf(g, g.node('Softplus', [x]), 2),
    options: { change: (graph) => ({ ...graph, nodes: graph.nodes.map((node) => ({ ...node, name: '' })) }) },
    says: 'm.onnx: the node with output "softplus" (Softplus): this operator cannot be represented',
  },
};

for (const [name, { draw, options, says }] of Object.entries(refusals))
  test(`refused: ${name}`, () => {
    assert.throws(
      () => importModel(handmadeModel(draw, options)),
      (error: unknown) => {
        assert.ok(error instanceof UserError, String((error as Error).stack));
        if (typeof says === 'string') assert.equal(error.message, says);
        else assert.match(error.message, says);
        return true;
      },
    );
  });

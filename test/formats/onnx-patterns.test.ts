/**
 * What exporters write as several operators: activations, shuffles and parts of channels, shapes and constants that are computed.
 * The network that is read gives what ONNX Runtime computes from the file itself.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tensor } from 'onnxruntime-common';
import { openRuntime } from '../../src/engine/onnx/runtime.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { dataType, type ModelProto } from '../../src/formats/onnx/proto.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
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

type Draw = (g: Drawing, x: string) => string;

interface Case {
  readonly draw: Draw;
  readonly options?: HandmadeOptions;
  readonly layers: string;
}

const tail = 'global average pool · dense 3';
const number = (g: Drawing, value: number): string => g.floats('c', [], [value]);
const plain = (g: Drawing, x: string, channels = 4): string =>
  g.node('Conv', [x, g.weights(channels, 2, 1, 1), g.weights(channels)]);
const relu6 = (g: Drawing, x: string): string => g.node('Clip', [x, number(g, 0), number(g, 6)]);

/** A function of a tensor that others read too, so that no constant becomes a bias. */
const activation = (draw: Draw, words: string, options?: HandmadeOptions): Case => ({
  draw: (g, x) => {
    // Large enough to reach the bends.
    const y = g.node('Mul', [plain(g, x), g.floats('c', [1, 4, 1, 1], [3, -4, 5, 9])]);
    return headOf(g, g.node('Concat', [draw(g, y), y], { axis: 1 }), 8);
  },
  layers: `conv 1×1 · depthwise 1×1 bias · ${words} · concat · ${tail}`,
  ...(options === undefined ? {} : { options }),
});

const activations: Readonly<Record<string, Case>> = {
  'hard swish: x·relu6(x + 3)/6': activation(
    (g, x) => g.node('Div', [g.node('Mul', [x, relu6(g, g.node('Add', [x, number(g, 3)]))]), number(g, 6)]),
    'hard swish',
  ),
  'hard swish: (relu6(3 + x)·(1/6))·x': activation(
    (g, x) => g.node('Mul', [g.node('Mul', [relu6(g, g.node('Add', [number(g, 3), x])), number(g, 1 / 6)]), x]),
    'hard swish',
  ),
  'hard swish: x·clip(x/6 + 1/2, 0, 1)': activation(
    (g, x) =>
      g.node('Mul', [
        x,
        g.node('Clip', [g.node('Add', [g.node('Mul', [x, number(g, 1 / 6)]), number(g, 0.5)]), number(g, 0), number(g, 1)]),
      ]),
    'hard swish',
  ),
  'hard swish by Min and Max': activation((g, x) => {
    const bounded = g.node('Min', [g.node('Max', [g.node('Add', [x, number(g, 3)]), number(g, 0)]), number(g, 6)]);
    return g.node('Mul', [x, g.node('Div', [bounded, number(g, 6)])]);
  }, 'hard swish'),
  'hard sigmoid: relu6(x + 3)/6': activation(
    (g, x) => g.node('Div', [relu6(g, g.node('Add', [x, number(g, 3)])), number(g, 6)]),
    'hard sigmoid',
  ),
  'hard sigmoid of another slope, and its product': activation(
    (g, x) => g.node('Mul', [g.node('HardSigmoid', [x], { alpha: { float: 0.2 }, beta: { float: 0.5 } }), x]),
    'hard sigmoid · product',
  ),
  'ReLU6 by Relu and Min': activation((g, x) => g.node('Min', [number(g, 6), g.node('Relu', [x])]), 'ReLU6'),
  'SiLU: x/(1 + e^−x)': activation(
    (g, x) => g.node('Div', [x, g.node('Add', [g.node('Exp', [g.node('Neg', [x])]), number(g, 1)])]),
    'SiLU',
  ),
  'SiLU: x·1/(1 + e^−x)': activation(
    (g, x) => g.node('Mul', [g.node('Reciprocal', [g.node('Add', [number(g, 1), g.node('Exp', [g.node('Neg', [x])])])]), x]),
    'SiLU',
  ),
  'GELU: x/2·(1 + erf(x/√2))': activation(
    (g, x) =>
      g.node('Mul', [
        g.node('Mul', [x, g.node('Add', [g.node('Erf', [g.node('Div', [x, number(g, Math.SQRT2)])]), number(g, 1)])]),
        number(g, 0.5),
      ]),
    'GELU',
  ),
  'GELU: (x/2)·(1 + erf(x·√½))': activation(
    (g, x) =>
      g.node('Mul', [
        g.node('Mul', [number(g, 0.5), x]),
        g.node('Add', [number(g, 1), g.node('Erf', [g.node('Mul', [x, number(g, Math.SQRT1_2)])])]),
      ]),
    'GELU',
  ),
  'GELU by tanh and a power': activation((g, x) => {
    const cube = g.node('Mul', [g.node('Pow', [x, number(g, 3)]), number(g, 0.044715)]);
    const bent = g.node('Tanh', [g.node('Mul', [g.node('Add', [x, cube]), number(g, Math.sqrt(2 / Math.PI))])]);
    return g.node('Mul', [g.node('Mul', [x, number(g, 0.5)]), g.node('Add', [bent, number(g, 1)])]);
  }, 'GELU by tanh'),
  'GELU by tanh and products': activation((g, x) => {
    const cube = g.node('Mul', [g.node('Mul', [x, x]), x]);
    const inner = g.node('Add', [
      g.node('Mul', [cube, number(g, 0.044715 * Math.sqrt(2 / Math.PI))]),
      g.node('Mul', [x, number(g, Math.sqrt(2 / Math.PI))]),
    ]);
    return g.node('Mul', [number(g, 0.5), g.node('Mul', [x, g.node('Add', [number(g, 1), g.node('Tanh', [inner])])])]);
  }, 'GELU by tanh'),
  'a gate whose constant is the bias of its convolution': {
    draw(g, x) {
      const pooled = g.node('GlobalAveragePool', [x]);
      const gate = g.node('Div', [relu6(g, g.node('Add', [plain(g, pooled, 2), number(g, 3)])), number(g, 6)]);
      return headOf(g, g.node('Mul', [x, gate]), 2);
    },
    layers: `global average pool · conv 1×1 · hard sigmoid · product · ${tail}`,
  },
};

const shuffle = (g: Drawing, x: string, shapes: readonly (readonly number[])[], perm: readonly number[]): string => {
  const [apart, together] = shapes.map((shape) => g.integers('s', shape)) as [string, string];
  return g.node('Reshape', [g.node('Transpose', [g.node('Reshape', [x, apart])], { perm }), together]);
};

const channels: Readonly<Record<string, Case>> = {
  'a shuffle': {
    draw: (g, x) =>
      headOf(
        g,
        shuffle(
          g,
          plain(g, x, 6),
          [
            [-1, 2, 3, 6, 6],
            [-1, 6, 6, 6],
          ],
          [0, 2, 1, 3, 4],
        ),
        6,
      ),
    layers: `conv 1×1 · channels 6 in another order · ${tail}`,
  },
  'a shuffle of rows and columns in one dimension': {
    draw: (g, x) =>
      headOf(
        g,
        shuffle(
          g,
          plain(g, x, 6),
          [
            [-1, 3, 2, 36],
            [-1, 6, 6, 6],
          ],
          [0, 2, 1, 3],
        ),
        6,
      ),
    layers: `conv 1×1 · channels 6 in another order · ${tail}`,
  },
  'a shuffle, channels last': {
    draw(g, x) {
      const last = g.node('Transpose', [plain(g, x, 6)], { perm: [0, 2, 3, 1] });
      const shuffled = shuffle(
        g,
        last,
        [
          [-1, 6, 6, 2, 3],
          [-1, 6, 6, 6],
        ],
        [0, 1, 2, 4, 3],
      );
      return headOf(g, g.node('Transpose', [shuffled], { perm: [0, 3, 1, 2] }), 6);
    },
    layers: `conv 1×1 · channels 6 in another order · ${tail}`,
  },
  'channels that are split and joined as they were': {
    draw: (g, x) =>
      headOf(
        g,
        shuffle(
          g,
          plain(g, x, 6),
          [
            [-1, 2, 3, 6, 6],
            [-1, 6, 6, 6],
          ],
          [0, 1, 2, 3, 4],
        ),
        6,
      ),
    layers: `conv 1×1 · ${tail}`,
  },
  'a shuffle whose shapes are computed': {
    draw(g, x) {
      const y = plain(g, x, 6);
      const extents = g.node('Shape', [y]);
      const at = (place: number): string => g.node('Gather', [extents, g.integers('i', [place])], { axis: 0 });
      const each = g.node('Div', [at(1), g.integers('groups', [2])]);
      const apart = g.node('Concat', [at(0), g.integers('g', [2]), each, at(2), at(3)], { axis: 0 });
      const turned = g.node('Transpose', [g.node('Reshape', [y, apart])], { perm: [0, 2, 1, 3, 4] });
      const rest = g.node('Slice', [extents, g.integers('a', [2]), g.integers('b', [4]), g.integers('c', [0])]);
      const together = g.node('Concat', [at(0), g.node('Mul', [each, g.integers('two', [2])]), rest], { axis: 0 });
      return headOf(g, g.node('Reshape', [turned, together]), 6);
    },
    layers: `conv 1×1 · channels 6 in another order · ${tail}`,
  },
  'parts of the channels by Split, by even Split, Slice and Gather': {
    draw(g, x) {
      const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => g.fresh(name)) as [string, string, string, string];
      const y = plain(g, x, 6);
      g.nodeOf('Split', [y, g.integers('sizes', [2, 4])], [a, b], { axis: 1 });
      g.nodeOf('Split', [b], [c, d], { axis: -3 });
      const sliced = g.node('Slice', [
        y,
        g.integers('s', [5]),
        g.integers('e', [-7]),
        g.integers('x', [1]),
        g.integers('t', [-2]),
      ]);
      const picked = g.node('Gather', [y, g.integers('i', [-1, 0])], { axis: 1 });
      return headOf(g, g.node('Concat', [a, d, c, sliced, picked], { axis: 1 }), 11);
    },
    layers: `conv 1×1 · channels 0–1 · channels 2–5 · channels 0–1 · channels 2–3 · channels 3 in another order · channels 2 in another order · concat · ${tail}`,
  },
  'a Slice and a Split of all channels': {
    draw(g, x) {
      const all = g.fresh('all');
      g.nodeOf('Split', [plain(g, x)], [all], { axis: 1 });
      return headOf(
        g,
        g.node('Slice', [all, g.integers('s', [0, 0]), g.integers('e', [99, 2 ** 40]), g.integers('x', [1, 2])]),
        4,
      );
    },
    layers: `conv 1×1 · ${tail}`,
  },
};

const constants: Readonly<Record<string, Case>> = {
  'pads that are computed as torch does': {
    draw(g, x) {
      // Floats, where no value says otherwise.
      const zeros = g.node('Cast', [g.node('ConstantOfShape', [g.integers('n', [4])])], { to: dataType.int64 });
      const pairs = g.node('Reshape', [
        g.node('Concat', [g.integers('p', [1, 0, 2, 1]), zeros], { axis: 0 }),
        g.integers('s', [-1, 2]),
      ]);
      const back = g.node('Slice', [
        pairs,
        g.integers('a', [-1]),
        g.integers('b', [-(2 ** 40)]),
        g.integers('c', [0]),
        g.integers('d', [-1]),
      ]);
      const flat = g.node('Reshape', [g.node('Transpose', [back], { perm: [1, 0] }), g.integers('f', [-1])]);
      return headOf(g, g.node('Pad', [g.node('Relu', [x]), g.node('Cast', [flat], { to: dataType.int64 }), number(g, 0)]), 2);
    },
    layers: `relu · pad 2,1,1,0 · ${tail}`,
  },
  'a Pad of what is missing to a whole number of strides': {
    draw(g, x) {
      const whole = (value: number): string => g.integers('w', [value]);
      const rows = g.node('Slice', [g.node('Shape', [x]), whole(2), whole(3)]);
      // max((⌈rows/2⌉ − 1)·2 + 5 − rows, 0)
      const half = g.node('Div', [g.node('Add', [rows, whole(1)]), whole(2)]);
      const reach = g.node('Add', [g.node('Mul', [g.node('Sub', [half, whole(1)]), whole(2)]), whole(5)]);
      const scalar = (value: number): string => g.node('Squeeze', [whole(value)]);
      const missing = g.node('Clip', [g.node('Sub', [reach, rows]), scalar(0), scalar(2)]);
      const none = g.integers('none', [0, 0]);
      const pads = g.node('Concat', [none, missing, missing, none, none], { axis: 0 });
      return headOf(g, g.node('Pad', [g.node('Relu', [x]), pads, number(g, 0)]), 2);
    },
    layers: `relu · pad 2,2,0,0 · ${tail}`,
  },
  'a Pad of channels that are last': {
    draw(g, x) {
      const last = g.node('Transpose', [plain(g, x)], { perm: [0, 2, 3, 1] });
      const around = g.node('Pad', [last, g.integers('p', [0, 1, 0, 0, 0, 1, 2, 0])]);
      const first = g.node('Transpose', [around], { perm: [0, 3, 1, 2] });
      return headOf(g, g.node('Conv', [first, g.weights(4, 1, 3, 3)], { group: 4, strides: [2, 2] }), 4);
    },
    layers: `conv 1×1 · pad 1,0,1,2 · depthwise 3×3 stride 2 padding 0 · ${tail}`,
  },
  'a batch normalisation of constants that are computed': {
    draw(g, x) {
      const [scale, shift, mean, variance] = [g.weights(4), g.weights(4), g.weights(4), g.positive(4)];
      const factor = g.node('Div', [scale, g.node('Sqrt', [g.node('Add', [variance, number(g, 1e-3)])])]);
      const broad = (value: string): string => g.node('Unsqueeze', [value, g.integers('a', [0, 2, 3])]);
      const moved = g.node('Sub', [shift, g.node('Mul', [mean, factor])]);
      return headOf(g, g.node('Add', [g.node('Mul', [plain(g, x), broad(factor)]), broad(moved)]), 4);
    },
    layers: `conv 1×1 · depthwise 1×1 bias · ${tail}`,
  },
  'a batch normalisation as Sub, Mul and Add, channels last': {
    draw(g, x) {
      const last = g.node('Transpose', [plain(g, x)], { perm: [0, 2, 3, 1] });
      const y = g.node('Add', [g.node('Mul', [g.node('Sub', [last, g.weights(4)]), g.weights(4)]), g.weights(4)]);
      return headOf(g, g.node('Transpose', [g.node('Relu', [y])], { perm: [0, 3, 1, 2] }), 4);
    },
    layers: `conv 1×1 · depthwise 1×1 bias · relu · ${tail}`,
  },
  'weights that are transposed and reshaped': {
    draw(g, x) {
      const kernel = g.node('Transpose', [g.node('Reshape', [g.weights(9, 8), g.integers('s', [3, 3, 2, 4])])], {
        perm: [3, 2, 0, 1],
      });
      return headOf(g, g.node('Conv', [x, kernel], { pads: [1, 1, 1, 1] }), 4);
    },
    layers: `conv 3×3 no bias · ${tail}`,
  },
  'a shape by Where and Equal': {
    draw(g, x) {
      const asked = g.integers('asked', [0, -1]);
      const own = g.integers('own', [-1, 72]);
      const shape = g.node('Where', [g.node('Equal', [asked, g.integers('none', [-1])]), own, asked]);
      return g.node('Gemm', [g.node('Reshape', [x, shape]), g.weights(72, 3)]);
    },
    layers: 'dense 3',
  },
};

/** (x − mean)/√(mean((x − mean)²) + ε) over an axis, with the last steps of its own. */
function normalised(g: Drawing, x: string, axis: number, last: (centred: string, deviation: string) => string): string {
  const mean = (of: string): string => g.node('ReduceMean', [of], { axes: [axis], keepdims: 1 });
  const centred = g.node('Sub', [x, mean(x)]);
  const variance = mean(g.node('Pow', [centred, number(g, 2)]));
  return last(centred, g.node('Sqrt', [g.node('Add', [variance, number(g, 1e-3)])]));
}

/** All numbers of all images in a row, and those that `places` says. */
const inRow = (g: Drawing, x: string, places: string): string =>
  g.node('Gather', [g.node('Reshape', [x, g.integers('row', [-1])]), places], { axis: 0 });

/** image·count + (0, 1, …, count − 1), as (N, 1, count, 1) */
function countedPlaces(g: Drawing, x: string, count: number, first = 0): string {
  const images = g.node('Squeeze', [g.node('Shape', [x], { start: 0, end: 1 })]);
  const whole = (value: number): string => g.node('Squeeze', [g.integers('w', [value])]);
  const range = g.node('Mul', [g.node('Range', [whole(0), images, whole(1)]), whole(count)]);
  const numbers = g.integers(
    'n',
    Array.from({ length: count }, (_none, at) => first + at),
  );
  const rows = g.node('Reshape', [numbers, g.integers('s', [1, 1, count, 1])]);
  return g.node('Add', [g.node('Unsqueeze', [range, g.integers('a', [1, 2, 3])]), rows]);
}

const strided: Readonly<Record<string, Case>> = {
  'numbers that are laid out anew, for any number of images': {
    draw(g, x) {
      const pooled = g.node('GlobalAveragePool', [plain(g, x)]);
      const last = inRow(g, pooled, countedPlaces(g, x, 4));
      return g.node('Gemm', [g.node('Reshape', [last, g.integers('f', [-1, 4])]), g.weights(4, 3)]);
    },
    layers: 'conv 1×1 · global average pool · dense 3',
    options: { opset: 15 },
  },
  'numbers that are laid out anew, for a batch of four': {
    draw(g, x) {
      const pooled = g.node('GlobalAveragePool', [plain(g, x)]);
      const places = g.node('Reshape', [
        g.integers(
          'n',
          Array.from({ length: 16 }, (_none, at) => at),
        ),
        g.integers('s', [4, 4, 1, 1]),
      ]);
      return g.node('Gemm', [g.node('Flatten', [inRow(g, pooled, places)]), g.weights(4, 3)]);
    },
    layers: 'conv 1×1 · global average pool · dense 3',
    options: { batch: 4 },
  },
  'all images put in the place of all': {
    draw(g, x) {
      const y = plain(g, x);
      const images = g.node('Squeeze', [g.node('Shape', [x], { start: 0, end: 1 })]);
      const whole = (value: number): string => g.node('Squeeze', [g.integers('w', [value])]);
      const range = g.node('Range', [whole(0), images, whole(1)]);
      const all = g.node('Slice', [range, g.integers('s', [0]), g.integers('e', [2 ** 40]), g.integers('a', [0])]);
      const put = g.node('ScatterND', [y, g.node('Unsqueeze', [all, g.integers('a', [-1])]), g.node('Relu', [y])]);
      return headOf(g, put, 4);
    },
    layers: `conv 1×1 · relu · ${tail}`,
    options: { opset: 16 },
  },
  'channels in a list of parts': {
    draw(g, x) {
      const parts = g.node('SplitToSequence', [plain(g, x, 5), g.node('Squeeze', [g.integers('s', [2])])], { axis: 1 });
      const [last, first] = [-1, 0].map((at) => g.node('SequenceAt', [parts, g.node('Squeeze', [g.integers('i', [at])])]));
      return headOf(g, g.node('Concat', [last as string, g.node('Relu', [first as string])], { axis: 1 }), 3);
    },
    layers: `conv 1×1 · channels 0–1 · channels 4 · relu · concat · ${tail}`,
  },
  'zeros of the type and the extents of other tensors': {
    draw(g, x) {
      const kernel = g.weights(4, 2, 1, 1);
      const extents = g.node('Expand', [g.node('Shape', [kernel], { start: 0, end: 1 }), g.integers('one', [1])]);
      const three = g.node('CastLike', [g.node('Squeeze', [g.integers('w', [3])]), x]);
      return headOf(g, g.node('Conv', [x, kernel, g.node('Expand', [three, extents])]), 4);
    },
    layers: `conv 1×1 · ${tail}`,
  },
};

const [toLast, toFirst] = [
  (g: Drawing, x: string): string => g.node('Transpose', [x], { perm: [0, 2, 3, 1] }),
  (g: Drawing, x: string): string => g.node('Transpose', [x], { perm: [0, 3, 1, 2] }),
];

const normalisations: Readonly<Record<string, Case>> = {
  'a layer normalisation, channels last, and products of pixels': {
    draw(g, x) {
      const y = g.node('LayerNormalization', [toLast(g, plain(g, x)), g.weights(4), g.weights(4)], { epsilon: { float: 1e-6 } });
      const wide = g.node('Add', [g.node('MatMul', [y, g.weights(4, 6)]), g.weights(6)]);
      return headOf(g, toFirst(g, g.node('MatMul', [g.node('Relu', [wide]), g.weights(6, 4)])), 4);
    },
    layers: `conv 1×1 · layer norm · conv 1×1 · relu · conv 1×1 no bias · ${tail}`,
  },
  'a layer normalisation of vectors': {
    draw(g, x) {
      const flat = g.node('Flatten', [g.node('GlobalAveragePool', [plain(g, x)])]);
      return g.node('Gemm', [g.node('LayerNormalization', [flat, g.weights(4)], { axis: 1 }), g.weights(4, 3)]);
    },
    layers: 'conv 1×1 · global average pool · layer norm · dense 3',
  },
  'a layer normalisation as several operators, channels first': {
    draw(g, x) {
      const y = normalised(g, plain(g, x), 1, (centred, deviation) => g.node('Div', [centred, deviation]));
      const scaled = g.node('Mul', [g.weights(4, 1, 1), y]);
      return headOf(g, g.node('Add', [scaled, g.weights(4, 1, 1)]), 4);
    },
    layers: `conv 1×1 · layer norm · ${tail}`,
  },
  'a layer normalisation as several operators, channels last, by 1/√': {
    draw(g, x) {
      const last = toLast(g, plain(g, x));
      const y = normalised(g, last, -1, (centred, deviation) => g.node('Mul', [g.node('Reciprocal', [deviation]), centred]));
      return headOf(g, toFirst(g, g.node('Relu', [g.node('Add', [g.node('Mul', [y, g.weights(4)]), g.weights(4)])])), 4);
    },
    layers: `conv 1×1 · layer norm · relu · ${tail}`,
  },
  'a layer normalisation whose output others read': {
    draw(g, x) {
      const y = g.node('LayerNormalization', [toLast(g, plain(g, x)), g.weights(4), g.weights(4)]);
      return headOf(g, toFirst(g, g.node('Add', [g.node('Mul', [y, g.weights(4)]), y])), 4);
    },
    layers: `conv 1×1 · layer norm · depthwise 1×1 bias · add · ${tail}`,
  },
  'a local response normalisation': {
    draw: (g, x) =>
      headOf(g, g.node('LRN', [plain(g, x, 6)], { size: 3, alpha: { float: 0.5 }, beta: { float: 0.6 }, bias: { float: 2 } }), 6),
    layers: `conv 1×1 · response norm 3 · ${tail}`,
  },
};

const pool = (attributes: Parameters<Drawing['node']>[2], layers: string, extents = [2, 6, 7]): Case => ({
  draw: (g, x) => headOf(g, g.node('AveragePool', [x], attributes), 2),
  layers: `${layers} · ${tail}`,
  options: { extents, opset: 19 },
});

const pools: Readonly<Record<string, Case>> = {
  'an average pool with padding behind alone that does not count': pool(
    { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1] },
    'average pool 3×3 stride 2 padding 0,0,1,0 inside',
  ),
  SAME_LOWER: pool({ kernel_shape: [2, 2], auto_pad: 'SAME_LOWER' }, 'average pool 2×2 stride 1 padding 1,1,0,0 inside'),
  'a ceiling': pool({ kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, 'average pool 2×2 padding 0,0,0,1 inside'),
  'a ceiling that adds no window': pool({ kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, 'average pool 2×2', [2, 6, 8]),
  'a ceiling behind padding that does not count': pool(
    { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 },
    'average pool 3×3 stride 2 padding 1,1,2,1 inside',
  ),
  'a ceiling behind padding that counts': pool(
    { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1, count_include_pad: 1 },
    'pad 1,1,1,1 · average pool 3×3 stride 2 padding 0,0,1,0 inside',
  ),
};

/** The logits of ONNX Runtime from the file, and those of the network. */
async function bothLogits(model: ModelProto): Promise<readonly [Float32Array, Float32Array]> {
  const { network, tensors, shape } = importModel(model);
  const images = 4;
  const program = lower(network, images, { kind: 'evaluation' });
  const session = await reference.compile(program, 'direct');
  session.load(tensors);
  const stream = random('images');
  const input = session.input(program.images).map(() => 2 * stream.normal());
  session.input(program.images).set(input);
  await session.run();
  const own = session.output(must(program.logits, 'logits'));
  const opened = await (await openRuntime('cpu', 1)).open(encodeModel(model));
  const found = await opened.run({ x: new Tensor('float32', input, [images, shape.channels, shape.height, shape.width]) });
  await opened.release();
  return [must(Object.values(found)[0], 'logits').data as Float32Array, own];
}

for (const [name, { draw, options, layers }] of Object.entries({
  ...activations,
  ...channels,
  ...constants,
  ...normalisations,
  ...pools,
  ...strided,
}))
  test(name, async () => {
    const model = handmadeModel(draw, options);
    const imported = importModel(model);
    assert.equal(layersOf(imported.network), layers);
    const [theirs, own] = await bothLogits(model);
    const largest = Math.max(...theirs.map(Math.abs));
    theirs.forEach((value, at) => assert.ok(Math.abs(value - (own[at] as number)) <= 1e-5 * largest, `${value} and ${own[at]}`));
    assert.ok((await compareImported(reference, imported)).difference <= 1e-5);
  });

const refusals: Readonly<Record<string, { draw: Draw; says: RegExp }>> = {
  'a function that is no activation': {
    draw: (g, x) => headOf(g, g.node('Tanh', [plain(g, x)]), 4),
    says: /\(GlobalAveragePool\): its input 1 is made by Tanh, and no activation that can be represented$/,
  },
  Mish: {
    draw(g, x) {
      const y = plain(g, x);
      return headOf(g, g.node('Mul', [y, g.node('Tanh', [g.node('Softplus', [y])])]), 4);
    },
    says: /\(Softplus\): this operator cannot be represented$/,
  },
  'the quotient of two tensors': {
    draw: (g, x) => headOf(g, g.node('Div', [plain(g, x), g.node('Relu', [plain(g, x)])]), 4),
    says: /\(Div\): with two computed tensors it cannot be represented$/,
  },
  'rows that are sliced': {
    draw: (g, x) =>
      headOf(g, g.node('Slice', [plain(g, x), g.integers('s', [1]), g.integers('e', [3]), g.integers('x', [2])]), 4),
    says: /\(Slice\): only channels can be sliced$/,
  },
  'images that are sliced': {
    draw: (g, x) =>
      headOf(g, g.node('Slice', [plain(g, x), g.integers('s', [0]), g.integers('e', [1]), g.integers('x', [0])]), 4),
    says: /\(Slice\): it would take some of the images$/,
  },
  'parts that are not all channels': {
    draw(g, x) {
      g.nodeOf('Split', [plain(g, x), g.integers('s', [1, 2])], ['first', 'second'], { axis: 1 });
      return headOf(g, g.node('Concat', ['first', 'second'], { axis: 1 }), 3);
    },
    says: /\(Split\): 4 channels have no parts of 1, 2$/,
  },
  'a normalisation over rows': {
    draw: (g, x) => headOf(g, g.node('LayerNormalization', [plain(g, x), g.weights(6)]), 4),
    says: /\(LayerNormalization\): a normalisation over anything but the channels of each pixel cannot be represented$/,
  },
  'a mean of channels that nothing normalises': {
    draw: (g, x) => headOf(g, g.node('ReduceMean', [plain(g, x)], { axes: [1], keepdims: 1 }), 1),
    says: /\(GlobalAveragePool\): its input 1 is the mean or deviation of channels, of which no layer normalisation was made$/,
  },
  'an operator that came later': {
    draw: (g, x) => headOf(g, g.node('Gelu', [x]), 2),
    says: /\(Gelu\): operator set 17 does not have it: it came with 20$/,
  },
  'some images put in the place of others': {
    draw(g, x) {
      const y = plain(g, x);
      return headOf(g, g.node('ScatterND', [y, g.node('Reshape', [g.integers('i', [0]), g.integers('s', [1, 1])]), y]), 4);
    },
    says: /\(ScatterND\): it replaces some of the numbers, which cannot be represented$/,
  },
  'numbers of images in another order': {
    draw(g, x) {
      const row = inRow(g, g.node('GlobalAveragePool', [plain(g, x)]), countedPlaces(g, x, 4, 1));
      return g.node('Gemm', [g.node('Flatten', [row]), g.weights(4, 3)]);
    },
    says: /\(Gather\): it takes numbers out of all images in an order that cannot be represented$/,
  },
  'images of one channel that are taken': {
    draw: (g, x) => headOf(g, g.node('Gather', [plain(g, x, 1), g.integers('i', [0])], { axis: 0 }), 1),
    says: /\(Gather\): only channels can be gathered$/,
  },
  'rows of one channel that are joined': {
    draw(g, x) {
      const y = plain(g, x, 1);
      return headOf(g, g.node('Concat', [y, y], { axis: 2 }), 2);
    },
    says: /\(Concat\): axis 2 is not the channels$/,
  },
  'a pool that pads by its window': {
    draw: (g, x) => headOf(g, g.node('MaxPool', [x], { kernel_shape: [2, 2], pads: [0, 0, 2, 0] }), 2),
    says: /\(MaxPool\): pads 0, 0, 2, 0 of a window of 2×2 cannot be represented$/,
  },
  'channels taken twice': {
    draw: (g, x) => headOf(g, g.node('Gather', [plain(g, x), g.integers('i', [1, 1])], { axis: 1 }), 2),
    says: /\(Gather\): takes a channel twice, or none$/,
  },
  'channels in two dimensions': {
    draw: (g, x) => headOf(g, g.node('Reshape', [plain(g, x), g.integers('s', [-1, 2, 2, 6, 6])]), 2),
    says: /\(GlobalAveragePool\): its input 1 is channels in several dimensions$/,
  },
  'arithmetic with the number of images': {
    draw(g, x) {
      const twice = g.node('Mul', [g.node('Gather', [g.node('Shape', [x]), g.integers('i', [0])]), g.integers('two', [2])]);
      const shape = g.node('Concat', [twice, g.integers('r', [36])], { axis: 0 });
      return g.node('Gemm', [g.node('Reshape', [x, shape]), g.weights(36, 3)]);
    },
    says: /\(Mul\): it computes with the number of images$/,
  },
};

for (const [name, { draw, says }] of Object.entries(refusals))
  test(`refused: ${name}`, () => {
    assert.throws(
      () => importModel(handmadeModel(draw)),
      (error: unknown) => error instanceof UserError && says.test(error.message) && !error.message.includes('\n'),
    );
  });

/** Activations, products and gates, padding, and their gradients. Images are (C, N, H, W); what is elementwise does not mind. */
import { activationNode, padZero } from '../../../formats/onnx/build.ts';
import { askActivation, geluByTanh, type ActivationTable } from '../../../network/activations.ts';
import { lowestNumber } from '../../../network/network.ts';
import type { Builder } from '../builder.ts';
import { type Rows, planesOf } from './rows.ts';

/** 1 where least < value < most, else 0. */
function inside(b: Builder, value: string, least: number, most: number): string {
  const truth = b.node('And', [b.node('Greater', [value, b.number(least)]), b.node('Less', [value, b.number(most)])]);
  return b.node('Where', [truth, b.number(1), b.number(0)]);
}

const complement = (b: Builder, value: string): string => b.node('Sub', [b.number(1), value]);

/** scale·(x + cube·x³), and its derivative. */
function tanhInput(b: Builder, x: string): readonly [value: string, derivative: string] {
  const { scale, cube } = geluByTanh;
  const square = b.node('Mul', [x, x]);
  const factor = b.node('Add', [b.node('Mul', [square, b.number(scale * cube)]), b.number(scale)]);
  const derivative = b.node('Add', [b.node('Mul', [square, b.number(3 * scale * cube)]), b.number(scale)]);
  return [b.node('Mul', [x, factor]), derivative];
}

/** f′(x) */
const derivatives: ActivationTable<[b: Builder, x: string], string> = {
  clip: ({ least, most }, b, x) => inside(b, x, least, most),
  'hard-sigmoid': ({ slope, offset }, b, x) =>
    b.node('Mul', [inside(b, x, -offset / slope, (1 - offset) / slope), b.number(slope)]),
  'hard-swish'(_of, b, x) {
    const rising = b.node('Add', [b.node('Mul', [x, b.number(1 / 3)]), b.number(0.5)]);
    const upper = b.node('Where', [b.node('Less', [x, b.number(3)]), rising, b.number(1)]);
    return b.node('Where', [b.node('Greater', [x, b.number(-3)]), upper, b.number(0)]);
  },
  sigmoid(_of, b, x) {
    const value = b.node('Sigmoid', [x]);
    return b.node('Mul', [value, complement(b, value)]);
  },
  silu(_of, b, x) {
    const value = b.node('Sigmoid', [x]);
    return b.node('Mul', [value, b.node('Add', [b.node('Mul', [x, complement(b, value)]), b.number(1)])]);
  },
  gelu({ by }, b, x) {
    const half = (value: string): string => b.node('Mul', [value, b.number(0.5)]);
    if (by === 'erf') {
      const below = half(b.node('Add', [b.node('Erf', [b.node('Mul', [x, b.number(Math.SQRT1_2)])]), b.number(1)]));
      const bell = b.node('Exp', [b.node('Mul', [b.node('Mul', [x, x]), b.number(-0.5)])]);
      return b.node('Add', [below, b.node('Mul', [b.node('Mul', [x, bell]), b.number(1 / Math.sqrt(2 * Math.PI))])]);
    }
    const [inner, slope] = tanhInput(b, x);
    const bent = b.node('Tanh', [inner]);
    const turning = b.node('Mul', [b.node('Mul', [x, slope]), complement(b, b.node('Mul', [bent, bent]))]);
    return half(b.node('Add', [b.node('Add', [bent, b.number(1)]), turning]));
  },
};

export const elementwise = {
  activation: (s, b) => void b.node('Identity', [activationNode(b, s.function, b.read(s.input))], {}, b.write(s.output)),

  'activation-gradient'(s, b) {
    const slope = askActivation(derivatives, s.function, b, b.read(s.input));
    b.node('Mul', [b.read(s.outputGradient), slope], {}, b.write(s.inputGradient));
  },

  product: (s, b) => void b.node('Mul', [b.read(s.first), b.read(s.second)], {}, b.write(s.output)),

  'product-gradient'(s, b) {
    const outputGradient = b.read(s.outputGradient);
    if (s.firstGradient !== null) b.node('Mul', [outputGradient, b.read(s.second)], {}, b.write(s.firstGradient));
    if (s.secondGradient === null) return;
    if (b.shape(s.first).join() === b.shape(s.second).join())
      b.node('Mul', [outputGradient, b.read(s.first)], {}, b.write(s.secondGradient));
    else {
      const product = b.node('Mul', [outputGradient, b.read(s.first)]);
      b.node('ReduceSum', [product, b.integers(2, 3)], { keepdims: 1 }, b.write(s.secondGradient));
    }
  },

  pad({ input, output, top, left, bottom, right, value }, b) {
    const pads = b.integers(0, 0, top, left, 0, 0, bottom, right);
    const around = b.scalar(value === 'zero' ? padZero : lowestNumber);
    b.node('Pad', [b.read(input), pads, around], {}, b.write(output));
  },

  'pad-gradient'({ outputGradient, inputGradient, top, left }, b) {
    const [, , height, width] = planesOf(b, inputGradient);
    const ranges = [b.integers(top, left), b.integers(top + height, left + width), b.integers(2, 3)];
    b.node('Slice', [b.read(outputGradient), ...ranges], {}, b.write(inputGradient));
  },
} satisfies Rows;

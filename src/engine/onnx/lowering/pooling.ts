/** Max-pooling, global average pooling and their gradients. */
import { windowAttributes } from '../../../formats/onnx/build.ts';
import { marginsOf } from '../../../network/network.ts';
import { sizeOf } from '../../../network/tensor.ts';
import { dataType } from '../../../formats/onnx/proto.ts';
import type { StepOf } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { type Rows, channelsFirst, planesOf } from './rows.ts';
import { coversImage, tiles, windowOf } from './windows.ts';

const asFloat = (b: Builder, truth: string): string => b.node('Cast', [truth], { to: dataType.float });

/** (C·N, k², H/k·W/k): the positions in a window, row by row. */
function placesOf(b: Builder, { input, output, geometry: { kernel } }: StepOf<'max-pool'>): string {
  const [batch, channels, height, width] = planesOf(b, input);
  const [, , rows, columns] = planesOf(b, output);
  const planes = b.reshape(b.read(input), [batch * channels, 1, height, width]);
  const places = b.node('SpaceToDepth', [planes], { blocksize: kernel });
  return b.reshape(places, [batch * channels, kernel * kernel, rows * columns]);
}

/**
 * The position of the first maximum in each window, from 0: the number of positions before it. If the input is the output of a
 * ReLU and the maximum is 0, it is a position outside the window, since no gradient passes the ReLU there.
 */
function firstOf(b: Builder, places: string, maxima: string, step: StepOf<'max-pool'>): string {
  const count = step.geometry.kernel ** 2;
  const names = Array.from({ length: count }, (_none, place) => b.fresh(`not at ${place}`));
  b.nodeOf('Split', [b.node('Not', [b.node('Equal', [places, maxima])])], names, { axis: 1 });
  let before = names[0] as string;
  const terms = [asFloat(b, before)];
  for (const name of names.slice(1, -1)) {
    before = b.node('And', [before, name]);
    terms.push(asFloat(b, before));
  }
  if (b.noted(`rectified ${step.input}`) !== undefined)
    terms.push(b.node('Mul', [asFloat(b, b.node('Not', [b.node('Greater', [maxima, b.number(0)])])), b.number(count)]));
  const [batch, channels, rows, columns] = planesOf(b, step.output);
  return b.reshape(b.node('Sum', terms), [channels, batch, rows, columns]);
}

/** For each position in each window, whether the gradient goes there: booleans, (C, k², N·H/k·W/k). */
function ownPlaces(b: Builder, places: string, maxima: string, step: StepOf<'max-pool'>): string {
  const names = Array.from({ length: step.geometry.kernel ** 2 }, (_none, place) => b.fresh(`at ${place}`));
  b.nodeOf('Split', [b.node('Equal', [places, maxima])], names, { axis: 1 });
  const isRectified = b.noted(`rectified ${step.input}`) !== undefined;
  let open = isRectified ? b.node('Greater', [maxima, b.number(0)]) : null;
  const own: string[] = [];
  for (const [place, name] of names.entries()) {
    own.push(open === null ? name : b.node('And', [name, open]));
    if (place === names.length - 1) break;
    const others = b.node('Not', [name]);
    open = open === null ? others : b.node('And', [open, others]);
  }
  return b.node('Concat', own, { axis: 1 });
}

/** The pixels of an image, numbered down to 1: (1, 1, H·W). */
const countdown = (b: Builder, pixels: number): string =>
  b.reshape(b.vector(...Array.from({ length: pixels }, (_none, pixel) => pixels - pixel)), [1, 1, pixels]);

/** Each value k times along both axes. */
const enlarge = (b: Builder, value: string, factor: number): string =>
  b.node('Resize', [value, '', b.vector(1, 1, factor, factor)], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });

/** Pixels that a window counts. */
function countOf(
  { geometry, counted }: StepOf<'average-pool-gradient'>,
  height: number,
  width: number,
  y: number,
  x: number,
): number {
  const { kernel, stride } = geometry;
  const { top, left } = marginsOf(geometry);
  if (counted) return kernel * kernel;
  const inside = (begin: number, size: number): number => Math.min(size, begin + kernel) - Math.max(0, begin);
  return inside(y * stride - top, height) * inside(x * stride - left, width);
}

export const pools = {
  'max-pool'(s, b) {
    const isRectified = b.noted(`rectified ${s.input}`) !== undefined;
    const side = windowOf(b, s.input);
    const write = (maxima: string): void =>
      channelsFirst(b, b.noted(`unrectified ${s.input}`) === undefined ? maxima : b.node('Relu', [maxima]), s.output);
    if (side > 1) {
      const places = b.reshape(b.read(s.input), [planesOf(b, s.input)[1], side * side, -1]);
      const maxima = b.node('ReduceMax', [places], { axes: [1], keepdims: 1 });
      write(maxima);
      if (s.mask !== null) b.keep(s.mask, ownPlaces(b, places, maxima, s));
    } else if (s.mask !== null && coversImage(b, s.input, s.geometry)) {
      const [batch, channels, height, width] = planesOf(b, s.input);
      const pixels = b.reshape(b.read(s.input), [channels, batch, height * width]);
      const maxima = b.node('ReduceMax', [pixels], { axes: [2], keepdims: 1 });
      write(maxima);
      const numbered = b.node('Mul', [asFloat(b, b.node('Equal', [pixels, maxima])), countdown(b, height * width)]);
      // The first of the maxima has the largest number.
      b.keep(s.mask, b.node('ReduceMax', [numbered], { axes: [2], keepdims: 1 }));
      return;
    } else if (s.mask !== null && tiles(b, s.input, s.geometry)) {
      const places = placesOf(b, s);
      const maxima = b.node('ReduceMax', [places], { axes: [1], keepdims: 1 });
      write(maxima);
      b.keep(s.mask, firstOf(b, places, maxima, s));
    } else {
      const maxima = b.fresh('maxima');
      const outputs = s.mask === null ? [maxima] : [maxima, b.fresh('indices')];
      b.nodeOf('MaxPool', [b.read(s.input)], outputs, windowAttributes(s.geometry));
      write(maxima);
      if (s.mask !== null) b.keep(s.mask, outputs[1] as string);
      return;
    }
    if (s.mask !== null && isRectified) b.note(`mask ${s.mask} passes`, String(s.input));
  },

  /**
   * Each gradient goes to the position of its maximum: dy is enlarged to the size of the input, and kept where the enlarged position
   * equals the pixel's own. For windows that overlap or leave gaps, gradients are added by the index of each maximum in the input.
   */
  'max-pool-gradient'(s, b) {
    const shape = b.shape(s.inputGradient);
    const [, , height, width] = planesOf(b, s.inputGradient);
    const { kernel } = s.geometry;
    const passed = (): void => {
      const rectified = b.noted(`mask ${s.mask} passes`);
      if (rectified !== undefined) b.note(`zero where ${rectified} is`, String(s.inputGradient));
    };
    if (windowOf(b, s.inputGradient) > 1) {
      const gradient = b.reshape(b.read(s.outputGradient), [planesOf(b, s.outputGradient)[1], 1, -1]);
      channelsFirst(b, b.node('Mul', [gradient, asFloat(b, b.read(s.mask))]), s.inputGradient);
      passed();
      return;
    }
    if (coversImage(b, s.inputGradient, s.geometry)) {
      const [batch, channels] = planesOf(b, s.inputGradient);
      const own = asFloat(b, b.node('Equal', [countdown(b, height * width), b.read(s.mask)]));
      const gradient = b.reshape(b.read(s.outputGradient), [channels, batch, 1]);
      channelsFirst(b, b.node('Mul', [own, gradient]), s.inputGradient);
      return;
    }
    if (tiles(b, s.inputGradient, s.geometry)) {
      const own = Array.from({ length: height }, (_row, y) =>
        Array.from({ length: width }, (_column, x) => (y % kernel) * kernel + (x % kernel)),
      );
      const here = asFloat(b, b.node('Equal', [enlarge(b, b.read(s.mask), kernel), b.matrix(own)]));
      b.node('Mul', [enlarge(b, b.read(s.outputGradient), kernel), here], {}, b.write(s.inputGradient));
      passed();
      return;
    }
    const size = sizeOf(shape);
    const flat = [b.reshape(b.read(s.mask), [-1]), b.reshape(b.read(s.outputGradient), [-1])];
    const zeros = b.node('ConstantOfShape', [b.integers(size)]);
    const sums = b.node('ScatterElements', [zeros, ...flat], { axis: 0, reduction: 'add' });
    channelsFirst(b, sums, s.inputGradient);
  },

  // Each plane is an image of its own: which axis counts images then does not matter.
  'average-pool'(s, b) {
    const attributes = { ...windowAttributes(s.geometry), count_include_pad: s.counted ? 1 : 0 };
    b.node('AveragePool', [b.read(s.input)], attributes, b.write(s.output));
  },

  /** A transposed convolution of the shares with a kernel of ones. */
  'average-pool-gradient'(s, b) {
    const { kernel, stride } = s.geometry;
    const { top, left, bottom, right } = marginsOf(s.geometry);
    const [batch, channels, height, width] = planesOf(b, s.inputGradient);
    const [, , rows, columns] = planesOf(b, s.outputGradient);
    const shares = Array.from({ length: rows }, (_row, y) =>
      Array.from({ length: columns }, (_column, x) => 1 / countOf(s, height, width, y, x)),
    );
    const shared = b.node('Mul', [b.read(s.outputGradient), b.matrix(shares)]);
    const planes = b.reshape(shared, [channels * batch, 1, rows, columns]);
    const ones = b.reshape(b.vector(...Array<number>(kernel * kernel).fill(1)), [1, 1, kernel, kernel]);
    const rest = [
      height + top + bottom - ((rows - 1) * stride + kernel),
      width + left + right - ((columns - 1) * stride + kernel),
    ];
    const spread = b.node('ConvTranspose', [planes, ones], { ...windowAttributes(s.geometry), output_padding: rest });
    channelsFirst(b, spread, s.inputGradient);
  },

  'global-average-pool': (s, b) => void b.node('GlobalAveragePool', [b.read(s.input)], {}, b.write(s.output)),

  /** dx = dy/(H·W), everywhere. */
  'global-average-pool-gradient'(s, b) {
    const [batch, channels, height, width] = planesOf(b, s.inputGradient);
    const share = b.node('Mul', [b.read(s.outputGradient), b.number(1 / (height * width))]);
    b.node('Expand', [share, b.integers(channels, batch, height, width)], {}, b.write(s.inputGradient));
  },
} satisfies Rows;

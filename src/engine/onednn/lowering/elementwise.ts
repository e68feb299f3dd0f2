/** Activations, products and gates, padding, and their gradients, in the layout of what they read first. */
import { askActivation, type ActivationTable } from '../../../network/activations.ts';
import { lowestNumber, type Margins } from '../../../network/network.ts';
import type { BufferId, StepOf } from '../../../program/program.ts';
import { must } from '../../../util/assert.ts';
import type { Builder } from '../builder.ts';
import type { Region } from '../commands.ts';
import { argument, binary, query, type ElementwiseName } from '../constants.ts';
import type { Layout } from '../native.ts';
import { averagePool } from './pooling.ts';
import { combined, flat, key, layoutOfForward, type Rows } from './rows.ts';

interface Function {
  readonly algorithm: ElementwiseName;
  readonly alpha: number;
  readonly beta: number;
}

const plain = (algorithm: ElementwiseName, alpha = 0, beta = 0): Function => ({ algorithm, alpha, beta });

/** The library's functions, one after the other. */
const functions: ActivationTable<[], readonly Function[]> = {
  clip: ({ least, most }) => [plain('clip', least, most)],
  // A hard sigmoid of its own exists from version 2.7 on.
  'hard-sigmoid': ({ slope, offset }) => [plain('linear', slope, offset), plain('clip', 0, 1)],
  // Version 2 has these two numbers built in.
  'hard-swish': () => [plain('hardSwish', 1 / 6, 0.5)],
  sigmoid: () => [plain('logistic')],
  silu: () => [plain('swish', 1)],
  gelu: ({ by }) => [plain(by === 'erf' ? 'geluErf' : 'geluTanh')],
};

/** Over the whole memory, padding included, where zero stays zero, as that padding must; a sigmoid in the layout that the memory has. */
const rowFor = (b: Builder, shaped: Layout, { algorithm, alpha, beta }: Function): Layout => {
  const keepsZero =
    algorithm === 'clip' ? alpha <= 0 && beta >= 0 : algorithm === 'linear' ? beta === 0 : algorithm !== 'logistic';
  return keepsZero ? flat(b, shaped) : shaped;
};

function apply(b: Builder, of: Function, shaped: Layout, source: Region, destination: Region): void {
  const row = rowFor(b, shaped, of);
  const primitive = b.once(key('elementwise', of, row.number), () =>
    b.describe({ kind: 'elementwise', training: b.training, data: row.descriptor, ...of }),
  );
  b.runInPlace(of.algorithm, source === destination ? null : [source, destination], primitive, [
    [argument.source, source, row],
    [argument.destination, destination, row],
  ]);
}

function applyGradient(b: Builder, of: Function, shaped: Layout, input: Region, incoming: Region, outgoing: Region): void {
  const row = flat(b, shaped);
  const primitive = b.once(key('elementwise gradient', of, row.number), () =>
    b.describe({
      kind: 'elementwise-backward',
      gradient: row.descriptor,
      input: row.descriptor,
      hint: b.describe({ kind: 'elementwise', training: true, data: row.descriptor, ...of }),
      ...of,
    }),
  );
  b.runInPlace(`${of.algorithm} gradient`, [incoming, outgoing], primitive, [
    [argument.source, input, row],
    [argument.destinationGradient, incoming, row],
    [argument.sourceGradient, outgoing, row],
  ]);
}

/** The layout of a gate (N, C, 1, 1) that fits a tensor's. */
const gateLayout = (b: Builder, layout: Layout, gate: BufferId): Layout =>
  b.wants(averagePool(b, layout), query.destination, gate);

/** destination = source·gate for each plane. */
function gateBy(b: Builder, source: Region, gate: Region, destination: Region, layout: Layout, gateOf: Layout): void {
  const primitive = b.once(key('gate', layout.number, gateOf.number), () =>
    b.describe({
      kind: 'binary',
      algorithm: binary.multiply,
      first: layout.descriptor,
      second: gateOf.descriptor,
      destination: layout.descriptor,
      accumulate: false,
    }),
  );
  b.run('gate', primitive, [
    [argument.source, source, layout],
    [argument.source1, gate, gateOf],
    [argument.destination, destination, layout],
  ]);
}

const isGate = (b: Builder, { first, second }: StepOf<'product'> | StepOf<'product-gradient'>): boolean =>
  b.dimensions(first).join() !== b.dimensions(second).join();

/** Σ over (H, W) of dy·x: a mean, times the number of pixels. */
function gateGradient(b: Builder, s: StepOf<'product-gradient'>, layout: Layout, gateOf: Layout, destination: Region): void {
  const [, , height, width] = layout.dimensions as readonly [number, number, number, number];
  const product = b.scratch(layout.bytes);
  combined(b, 'multiply', [b.read(s.outputGradient, layout), b.read(s.first, layout), product], layout);
  const mean = b.scratch(gateOf.bytes);
  b.run('mean of a gate', averagePool(b, layout), [
    [argument.source, product, layout],
    [argument.destination, mean, gateOf],
  ]);
  apply(b, plain('linear', height * width), gateOf, mean, destination);
}

/** Writes `value` around the inner part of each plane of a row-major tensor. */
function surround(
  values: Float32Array,
  dimensions: readonly number[],
  { top, left, bottom, right }: Margins,
  value: number,
): void {
  const [, , height, width] = dimensions as readonly [number, number, number, number];
  for (let plane = 0; plane < values.length; plane += height * width) {
    values.fill(value, plane, plane + top * width);
    values.fill(value, plane + (height - bottom) * width, plane + height * width);
    for (let row = plane + top * width; row < plane + (height - bottom) * width; row += width) {
      for (let at = row; at < row + left; at++) values[at] = value;
      for (let at = row + width - right; at < row + width; at++) values[at] = value;
    }
  }
}

export const elementwise = {
  activation(s, b) {
    const layout = b.home(s.input);
    const destination = b.write(s.output, layout);
    let source = b.read(s.input, layout);
    for (const of of askActivation(functions, s.function)) {
      apply(b, of, layout, source, destination);
      source = destination;
    }
  },

  'activation-gradient'(s, b) {
    const layout = b.home(s.input);
    const input = b.read(s.input, layout);
    const incoming = b.read(s.outputGradient, layout);
    const outgoing = b.write(s.inputGradient, layout);
    const [first, second] = askActivation(functions, s.function) as readonly [Function, Function?];
    if (second === undefined) return applyGradient(b, first, layout, input, incoming, outgoing);
    const between = b.scratch(layout.bytes);
    apply(b, first, layout, input, between);
    const rising = b.scratch(layout.bytes);
    applyGradient(b, second, layout, between, incoming, rising);
    applyGradient(b, first, layout, input, rising, outgoing);
  },

  product(s, b) {
    const layout = b.home(s.first);
    const first = b.read(s.first, layout);
    if (isGate(b, s)) {
      const gateOf = gateLayout(b, layout, s.second);
      gateBy(b, first, b.read(s.second, gateOf), b.write(s.output, layout), layout, gateOf);
    } else {
      const second = b.read(s.second, layout);
      combined(b, 'multiply', [first, second, b.write(s.output, layout)], layout);
    }
  },

  'product-gradient'(s, b) {
    const layout = b.home(s.first);
    const incoming = b.read(s.outputGradient, layout);
    if (isGate(b, s)) {
      const gateOf = gateLayout(b, layout, s.second);
      if (s.secondGradient !== null) gateGradient(b, s, layout, gateOf, b.write(s.secondGradient, gateOf));
      if (s.firstGradient !== null)
        gateBy(b, incoming, b.read(s.second, gateOf), b.write(s.firstGradient, layout), layout, gateOf);
      return;
    }
    const [first, second] = [b.read(s.first, layout), b.read(s.second, layout)];
    if (s.firstGradient !== null) combined(b, 'multiply', [incoming, second, b.write(s.firstGradient, layout)], layout);
    if (s.secondGradient !== null) combined(b, 'multiply', [incoming, first, b.write(s.secondGradient, layout)], layout);
  },

  pad(s, b) {
    // Row-major: channels that only fill a block would have to stay zero.
    const [home, around] = [b.home(s.input), b.plain(s.output)];
    const place = [0, 0, s.top, s.left];
    const part = must(b.native.part(around, b.dimensions(s.input), place), 'part of a row-major tensor');
    const destination = b.write(s.output, around);
    const value = s.value === 'zero' ? 0 : lowestNumber;
    b.script('surround', [destination], (view) => {
      const values = view(destination);
      return () => surround(values, around.dimensions, s, value);
    });
    b.run('pad', b.describe({ kind: 'reorder', source: home.descriptor, destination: part }), [
      [argument.source, b.read(s.input, home), home],
      [argument.destination, destination, part],
    ]);
  },

  'pad-gradient'(s, b) {
    const [source, dimensions] = [b.plain(s.outputGradient), b.dimensions(s.inputGradient)];
    const part = must(b.native.part(source, dimensions, [0, 0, s.top, s.left]), 'part of a row-major tensor');
    const destination = layoutOfForward(b, s.inputGradient, (step) => (step.kind === 'pad' ? step.input : null));
    b.run('pad gradient', b.describe({ kind: 'reorder', source: part, destination: destination.descriptor }), [
      [argument.source, b.read(s.outputGradient, source), part],
      [argument.destination, b.write(s.inputGradient, destination), destination],
    ]);
  },
} satisfies Rows;

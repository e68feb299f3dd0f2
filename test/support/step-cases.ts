/** Small programs with random shapes for each kind of step, on which the engines are compared. */
import fc from 'fast-check';
import { marginsOf, reachOf, type Margins } from '../../src/network/network.ts';
import type { ActivationFunction } from '../../src/network/activations.ts';
import { assignmentsOf } from '../../src/program/learning.ts';
import type { Optimizer, OptimizerState } from '../../src/program/optimizers/optimizer.ts';
import { optimizerNames, optimizers } from '../../src/program/optimizers/table.ts';
import type { Geometry, Program, StepKind } from '../../src/program/program.ts';
import { ofGates, ofTensors } from './activations.ts';
import { build, type Filling } from './single-steps.ts';

export interface StepCase {
  readonly program: Program;
  readonly filling?: Filling;
  /** The smallest scale for relative differences; larger for sums that may cancel. */
  readonly floor?: number;
}

type Cases = fc.Arbitrary<StepCase>;

/** Numbers of channels, multiples of 8 and 16 and others. */
const channels = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(8, 16, 32));
const batch = fc.integer({ min: 1, max: 5 });
const side = fc.integer({ min: 1, max: 13 });

const planes = fc.tuple(batch, channels, side, side);
/** At least four values per channel, so that no variance is nearly zero. */
const normalizable = planes.filter(([n, , h, w]) => n * h * w >= 4);

const slide = (size: number, g: Geometry): number => Math.floor((size + 2 * g.padding - reachOf(g)) / g.stride) + 1;

const convolutions = fc
  .record({
    n: batch,
    inputs: channels,
    outputs: channels,
    h: side,
    w: side,
    kernel: fc.constantFrom(1, 3, 5, 7),
    stride: fc.constantFrom(1, 2),
    padded: fc.boolean(),
    dilation: fc.constantFrom(1, 1, 2, 3),
    grouping: fc.constantFrom('none', 'groups', 'depthwise'),
    bias: fc.boolean(),
  })
  .map(({ n, inputs: some, outputs, h, w, kernel, stride, padded, dilation, grouping, bias }) => {
    const few = 2 + (some % 3);
    const groups = grouping === 'depthwise' ? some : grouping === 'groups' ? few : 1;
    const inputs = grouping === 'groups' ? few * Math.ceil(some / few) : some;
    const out = grouping === 'depthwise' ? inputs : grouping === 'groups' ? few * Math.ceil(outputs / few) : outputs;
    const padding = padded ? ((kernel - 1) * dilation) / 2 : 0;
    const geometry: Geometry = { kernel, stride, padding, groups, ...(dilation > 1 && kernel > 1 ? { dilation } : {}) };
    return {
      n,
      geometry,
      bias,
      input: [n, inputs, h, w],
      kernel: [out, inputs / groups, kernel, kernel],
      output: [n, out, slide(h, geometry), slide(w, geometry)],
    };
  })
  .filter(({ output }) => output.every((extent) => extent >= 1));

const pixels = fc.integer({ min: 0, max: 3 });
const margins = fc.record({ top: pixels, left: pixels, bottom: pixels, right: pixels });

/** Pools with one window, the whole image. */
const wholePools = fc.tuple(batch, channels, side).map(([n, c, kernel]) => ({
  n,
  geometry: { kernel, stride: kernel, padding: 0, groups: 1 },
  input: [n, c, kernel, kernel],
  output: [n, c, 1, 1],
}));

const pools = fc
  .record({ shape: planes, kernel: fc.constantFrom(2, 3, 4), stride: fc.integer({ min: 1, max: 4 }), padded: fc.boolean() })
  .map(({ shape: [n, c, h, w], kernel, stride, padded }) => {
    const geometry: Geometry = { kernel, stride, padding: padded ? Math.floor(kernel / 2) : 0, groups: 1 };
    return { n, geometry, input: [n, c, h, w], output: [n, c, slide(h, geometry), slide(w, geometry)] };
  })
  .filter(({ output }) => output.every((extent) => extent >= 1));

/** Padding that differs between the sides; each window has a pixel of the image. */
const lopsided = fc
  .record({ shape: planes, kernel: fc.constantFrom(2, 3, 4), stride: fc.integer({ min: 1, max: 4 }), around: margins })
  .map(({ shape: [n, c, h, w], kernel, stride, around }) => {
    const geometry: Geometry = { kernel, stride, padding: 0, groups: 1, margins: around };
    const extent = (size: number): number => Math.floor((size - kernel) / stride) + 1;
    const output = [n, c, extent(h + around.top + around.bottom), extent(w + around.left + around.right)];
    return { n, geometry, input: [n, c, h, w], output };
  })
  .filter(({ geometry, input: [, , h = 0, w = 0], output: [, , rows = 0, columns = 0] }) => {
    const { top, left, bottom, right } = marginsOf(geometry);
    const { kernel, stride } = geometry;
    const meets = (count: number, before: number, size: number): boolean => count >= 1 && (count - 1) * stride - before < size;
    return Math.max(top, left, bottom, right) < kernel && meets(rows, top, h) && meets(columns, left, w);
  });

const averages = fc.tuple(fc.oneof(pools, lopsided), fc.boolean());

type Planes = readonly [number, number, number, number];

const gateOf = ([n, c]: Planes): Planes => [n, c, 1, 1];
const surrounded = ([n, c, h, w]: Planes, { top, left, bottom, right }: Margins): Planes => [
  n,
  c,
  h + top + bottom,
  w + left + right,
];

/** All channels in another order, some of them, or a run of them. */
const selections = planes.chain((shape) => {
  const all = Array.from({ length: shape[1] }, (_none, channel) => channel);
  const run = fc.tuple(fc.nat(shape[1] - 1), fc.integer({ min: 1, max: shape[1] }));
  const take = fc.oneof(
    fc.shuffledSubarray(all, { minLength: 1 }),
    fc.shuffledSubarray(all, { minLength: shape[1] }),
    run.map(([first, count]) => all.slice(first, first + count)),
  );
  return take.map((taken) => ({ shape, take: taken }));
});
const partOf = ([n, , h, w]: Planes, take: readonly number[]): Planes => [n, take.length, h, w];

const functions = fc.constantFrom<ActivationFunction>(
  ...ofTensors,
  ...ofGates,
  { name: 'clip', least: -1, most: 1.5 },
  { name: 'clip', least: 0.5, most: 2 },
  { name: 'hard-sigmoid', slope: 0.2, offset: 0.4 },
);

/** Coarse values, so that many maxima are equal. */
const coarse: Filling = { scale: 1, quantum: 0.5 };

const denses = fc.record({ shape: fc.tuple(batch, channels, fc.integer({ min: 1, max: 4 }), side), features: channels });

const normalizations = (gradient: boolean): Cases =>
  fc.record({ shape: normalizable, relu: fc.boolean(), running: fc.boolean() }).map(({ shape, relu, running }) => {
    const [n, c] = shape;
    const program = build(n, (b) => {
      const [input, output] = [b.input('x', ...shape), b.output('y', ...shape)];
      const [scale, shift] = [b.state('scale', 'scale', c), b.state('shift', 'shift', c)];
      const mean = running ? b.state('mean', 'mean', c) : b.output('mean', c);
      const variance = running ? b.state('variance', 'variance', c) : b.output('variance', c);
      const mask = gradient && relu ? b.mask('mask', ...shape) : null;
      const statistics = running ? ('running' as const) : ('batch' as const);
      const common = { input, statistics, scale, shift, mean, variance, mask, epsilon: 1e-5 };
      b.step({ kind: 'batch-normalization', ...common, output, relu });
      if (gradient)
        b.step({
          kind: 'batch-normalization-gradient',
          ...common,
          outputGradient: b.input('dy', ...shape),
          inputGradient: b.output('dx', ...shape),
          scaleGradient: b.output('dγ', c),
          shiftGradient: b.output('dβ', c),
        });
    });
    return { program, floor: 1 };
  });

/** With the gradients that a training has of it, where `gradient`. */
const folds = (gradient: boolean): Cases =>
  fc
    .record({ out: channels, row: fc.tuple(channels, fc.integer({ min: 1, max: 5 })), biased: fc.boolean() })
    .map(({ out, row: [inputs, size], biased }) => {
      const shape = [out, inputs, size, size];
      const program = build(1, (b) => {
        const vector = (name: string, role: 'scale' | 'shift' | 'mean' | 'variance' | 'bias'): number => b.state(name, role, out);
        const kernel = b.input('kernel', ...shape);
        const bias = biased ? vector('bias', 'bias') : null;
        const [scale, mean, variance] = [vector('scale', 'scale'), vector('mean', 'mean'), vector('variance', 'variance')];
        const common = { kernel, bias, scale, mean, variance, epsilon: 1e-5 };
        if (gradient)
          b.step({
            kind: 'fold-normalization-gradient',
            ...common,
            foldedKernelGradient: b.input('dW', ...shape),
            foldedBiasGradient: b.input('db', out),
            kernelGradient: b.output('kernel gradient', ...shape),
            biasGradient: biased ? b.output('bias gradient', out) : null,
            scaleGradient: b.output('scale gradient', out),
            shiftGradient: b.output('shift gradient', out),
          });
        else
          b.step({
            kind: 'fold-normalization',
            ...common,
            shift: vector('shift', 'shift'),
            foldedKernel: b.output('W', ...shape),
            foldedBias: b.output('b', out),
          });
      });
      return { program, floor: 1 };
    });

/** At least four channels, so that no variance is nearly zero. */
const layerNormalizations = (gradient: boolean): Cases =>
  fc.record({ shape: planes.filter(([, c]) => c >= 4), saved: fc.boolean() }).map(({ shape, saved }) => {
    const [n, c, h, w] = shape;
    const program = build(n, (b) => {
      const [input, output] = [b.input('x', ...shape), b.output('y', ...shape)];
      const [scale, shift] = [b.state('scale', 'scale', c), b.state('shift', 'shift', c)];
      const common = { input, scale, shift, epsilon: 1e-5 };
      if (!gradient && !saved) {
        b.step({ kind: 'layer-normalization', ...common, mean: null, variance: null, output });
        return;
      }
      const [mean, variance] = [b.output('mean', n, 1, h, w), b.output('variance', n, 1, h, w)];
      b.step({ kind: 'layer-normalization', ...common, mean, variance, output });
      if (!gradient) return;
      b.step({
        kind: 'layer-normalization-gradient',
        ...common,
        mean,
        variance,
        outputGradient: b.input('dy', ...shape),
        inputGradient: b.output('dx', ...shape),
        scaleGradient: b.output('dγ', c),
        shiftGradient: b.output('dβ', c),
      });
    });
    return { program, floor: 1 };
  });

const responses = (gradient: boolean): Cases =>
  fc.record({ shape: planes, size: fc.constantFrom(1, 3, 5), strong: fc.boolean() }).map(({ shape, size, strong }) => {
    const numbers = { size, alpha: strong ? 1 : 1e-4, beta: 0.75, bias: strong ? 2 : 1 };
    const program = build(shape[0], (b) => {
      const [input, output] = [b.input('x', ...shape), b.output('y', ...shape)];
      const mask = gradient ? b.mask('mask', ...shape) : null;
      b.step({ kind: 'response-normalization', input, output, mask, ...numbers });
      if (mask === null) return;
      const [outputGradient, inputGradient] = [b.input('dy', ...shape), b.output('dx', ...shape)];
      b.step({ kind: 'response-normalization-gradient', input, outputGradient, mask, inputGradient, ...numbers });
    });
    return { program };
  });

const elementwise = (count: { min: number; max: number }, describe: (inputs: number[], output: number) => StepOfAdd): Cases =>
  fc.record({ shape: planes, count: fc.integer(count) }).map(({ shape, count: inputs }) => ({
    program: build(shape[0], (b) => {
      const ids = Array.from({ length: inputs }, (_, index) => b.input(`x${index}`, ...shape));
      b.step(describe(ids, b.output('y', ...shape)));
    }),
  }));

type StepOfAdd = Extract<Program['steps'][number], { kind: 'add' }>;

export const stepCases: { readonly [K in StepKind]: Cases } = {
  convolution: convolutions.map((c) => ({
    program: build(c.n, (b) =>
      b.step({
        kind: 'convolution',
        input: b.input('x', ...c.input),
        kernel: b.state('kernel', 'kernel', ...c.kernel),
        bias: c.bias ? b.state('bias', 'bias', c.kernel[0] as number) : null,
        output: b.output('y', ...c.output),
        geometry: c.geometry,
      }),
    ),
  })),
  'convolution-gradient-input': convolutions.map((c) => ({
    program: build(c.n, (b) =>
      b.step({
        kind: 'convolution-gradient-input',
        outputGradient: b.input('dy', ...c.output),
        kernel: b.state('kernel', 'kernel', ...c.kernel),
        inputGradient: b.output('dx', ...c.input),
        geometry: c.geometry,
      }),
    ),
  })),
  'convolution-gradient-kernel': convolutions.map((c) => ({
    program: build(c.n, (b) =>
      b.step({
        kind: 'convolution-gradient-kernel',
        input: b.input('x', ...c.input),
        outputGradient: b.input('dy', ...c.output),
        kernelGradient: b.output('dW', ...c.kernel),
        biasGradient: c.bias ? b.output('db', c.kernel[0] as number) : null,
        geometry: c.geometry,
      }),
    ),
    floor: 1,
  })),
  'bias-gradient': planes.map(([n, c, h, w]) => ({
    program: build(n, (b) =>
      b.step({ kind: 'bias-gradient', outputGradient: b.input('dy', n, c, h, w), biasGradient: b.output('db', c) }),
    ),
    floor: 1,
  })),
  'batch-normalization': normalizations(false),
  'batch-normalization-gradient': normalizations(true),
  'fold-normalization': folds(false),
  'fold-normalization-gradient': folds(true),
  'running-statistics': fc.record({ c: channels, count: fc.integer({ min: 2, max: 600 }) }).map(({ c, count }) => ({
    program: build(1, (b) =>
      b.step({
        kind: 'running-statistics',
        mean: b.input('mean', c),
        variance: b.input('variance', c),
        runningMean: b.state('running mean', 'mean', c),
        runningVariance: b.state('running variance', 'variance', c),
        momentum: 0.1,
        count,
      }),
    ),
  })),
  'layer-normalization': layerNormalizations(false),
  'layer-normalization-gradient': layerNormalizations(true),
  'response-normalization': responses(false),
  'response-normalization-gradient': responses(true),
  relu: planes.map((shape) => ({
    program: build(shape[0], (b) => b.step({ kind: 'relu', input: b.input('x', ...shape), output: b.output('y', ...shape) })),
    filling: { scale: 1, quantum: 0.25 },
  })),
  'relu-gradient': planes.map((shape) => ({
    program: build(shape[0], (b) =>
      b.step({
        kind: 'relu-gradient',
        output: b.input('y', ...shape),
        outputGradient: b.input('dy', ...shape),
        inputGradient: b.output('dx', ...shape),
      }),
    ),
    filling: { scale: 1, quantum: 0.25 },
  })),
  activation: fc.tuple(planes, functions).map(([shape, of]) => ({
    program: build(shape[0], (b) =>
      b.step({ kind: 'activation', input: b.input('x', ...shape), output: b.output('y', ...shape), function: of }),
    ),
    filling: { scale: 4, quantum: 0 },
  })),
  'activation-gradient': fc.tuple(planes, functions).map(([shape, of]) => ({
    program: build(shape[0], (b) =>
      b.step({
        kind: 'activation-gradient',
        input: b.input('x', ...shape),
        outputGradient: b.input('dy', ...shape),
        inputGradient: b.output('dx', ...shape),
        function: of,
      }),
    ),
    filling: { scale: 4, quantum: 0 },
  })),
  'average-pool': averages.map(([{ n, geometry, input, output }, counted]) => ({
    program: build(n, (b) =>
      b.step({ kind: 'average-pool', input: b.input('x', ...input), output: b.output('y', ...output), geometry, counted }),
    ),
  })),
  'average-pool-gradient': averages.map(([{ n, geometry, input, output }, counted]) => ({
    program: build(n, (b) => {
      const [outputGradient, inputGradient] = [b.input('dy', ...output), b.output('dx', ...input)];
      b.step({ kind: 'average-pool-gradient', outputGradient, inputGradient, geometry, counted });
    }),
  })),
  pad: fc.tuple(planes, margins, fc.constantFrom('zero' as const, 'lowest' as const)).map(([shape, around, value]) => ({
    program: build(shape[0], (b) => {
      const output = b.output('y', ...surrounded(shape, around));
      b.step({ kind: 'pad', input: b.input('x', ...shape), output, ...around, value });
    }),
  })),
  'pad-gradient': fc.tuple(planes, margins).map(([shape, around]) => ({
    program: build(shape[0], (b) => {
      const outputGradient = b.input('dy', ...surrounded(shape, around));
      b.step({ kind: 'pad-gradient', outputGradient, inputGradient: b.output('dx', ...shape), ...around });
    }),
  })),
  'max-pool': fc.oneof(pools, wholePools).map(({ n, geometry, input, output }) => ({
    program: build(n, (b) =>
      b.step({ kind: 'max-pool', input: b.input('x', ...input), output: b.output('y', ...output), mask: null, geometry }),
    ),
  })),
  'max-pool-gradient': fc
    .record({ pool: fc.oneof(pools, wholePools), ties: fc.boolean() })
    .map(({ pool: { n, geometry, input, output }, ties }) => ({
      program: build(n, (b) => {
        const mask = b.mask('mask', ...output);
        b.step({ kind: 'max-pool', input: b.input('x', ...input), output: b.output('y', ...output), mask, geometry });
        const [outputGradient, inputGradient] = [b.input('dy', ...output), b.output('dx', ...input)];
        b.step({ kind: 'max-pool-gradient', mask, outputGradient, inputGradient, geometry });
      }),
      ...(ties ? { filling: coarse } : {}),
    })),
  'global-average-pool': planes.map(([n, c, h, w]) => ({
    program: build(n, (b) =>
      b.step({ kind: 'global-average-pool', input: b.input('x', n, c, h, w), output: b.output('y', n, c, 1, 1) }),
    ),
  })),
  'global-average-pool-gradient': planes.map(([n, c, h, w]) => ({
    program: build(n, (b) => {
      const [outputGradient, inputGradient] = [b.input('dy', n, c, 1, 1), b.output('dx', n, c, h, w)];
      b.step({ kind: 'global-average-pool-gradient', outputGradient, inputGradient });
    }),
  })),
  dense: denses.map(({ shape: [n, c, h, w], features }) => ({
    program: build(n, (b) =>
      b.step({
        kind: 'dense',
        input: b.input('x', n, c, h, w),
        kernel: b.state('kernel', 'kernel', features, c * h * w),
        bias: b.state('bias', 'bias', features),
        output: b.output('y', n, features, 1, 1),
      }),
    ),
  })),
  'dense-gradient-input': denses.map(({ shape: [n, c, h, w], features }) => ({
    program: build(n, (b) =>
      b.step({
        kind: 'dense-gradient-input',
        outputGradient: b.input('dy', n, features, 1, 1),
        kernel: b.state('kernel', 'kernel', features, c * h * w),
        inputGradient: b.output('dx', n, c, h, w),
      }),
    ),
  })),
  'dense-gradient-kernel': denses.map(({ shape: [n, c, h, w], features }) => ({
    program: build(n, (b) =>
      b.step({
        kind: 'dense-gradient-kernel',
        input: b.input('x', n, c, h, w),
        outputGradient: b.input('dy', n, features, 1, 1),
        kernelGradient: b.output('dW', features, c * h * w),
        biasGradient: b.output('db', features),
      }),
    ),
  })),
  add: fc.oneof(
    elementwise({ min: 2, max: 5 }, (inputs, output) => ({ kind: 'add', inputs, output })),
    // The same tensor twice, with another between.
    elementwise({ min: 2, max: 3 }, (inputs, output) => ({ kind: 'add', inputs: [...inputs, inputs[0] as number], output })),
    elementwise({ min: 1, max: 1 }, ([only], output) => ({ kind: 'add', inputs: [only as number, only as number], output })),
  ),
  product: fc.tuple(planes, fc.boolean()).map(([shape, gate]) => ({
    program: build(shape[0], (b) => {
      const second = b.input('b', ...(gate ? gateOf(shape) : shape));
      b.step({ kind: 'product', first: b.input('a', ...shape), second, output: b.output('y', ...shape) });
    }),
  })),
  'product-gradient': fc
    .record({ shape: planes, gate: fc.boolean(), first: fc.boolean(), second: fc.boolean() })
    .filter(({ first, second }) => first || second)
    .map(({ shape, gate, first, second }) => ({
      program: build(shape[0], (b) => {
        const own = gate ? gateOf(shape) : shape;
        b.step({
          kind: 'product-gradient',
          first: b.input('a', ...shape),
          second: b.input('b', ...own),
          outputGradient: b.input('dy', ...shape),
          firstGradient: first ? b.output('da', ...shape) : null,
          secondGradient: second ? b.output('db', ...own) : null,
        });
      }),
      // A gate's gradient is a sum over the pixels that may cancel.
      floor: gate ? 1 : 0,
    })),
  convex: fc.record({ shape: planes, twice: fc.boolean() }).map(({ shape, twice }) => ({
    program: build(shape[0], (b) => {
      const first = b.input('a', ...shape);
      const second = twice ? first : b.input('b', ...shape);
      b.step({ kind: 'convex', first, second, mix: b.state('mix', 'mix', 1), output: b.output('y', ...shape) });
    }),
  })),
  'convex-gradient': fc.record({ shape: planes, first: fc.boolean(), second: fc.boolean() }).map(({ shape, first, second }) => ({
    program: build(shape[0], (b) =>
      b.step({
        kind: 'convex-gradient',
        first: b.input('a', ...shape),
        second: b.input('b', ...shape),
        mix: b.state('mix', 'mix', 1),
        outputGradient: b.input('dy', ...shape),
        firstGradient: first ? b.output('da', ...shape) : null,
        secondGradient: second ? b.output('db', ...shape) : null,
        mixGradient: b.output('dλ', 1),
      }),
    ),
    // dλ is a sum over all elements that may cancel.
    floor: Math.max(1, Math.sqrt(shape.reduce((product, extent) => product * extent, 1)) / 4),
  })),
  concat: fc
    .record({ shape: planes, widths: fc.array(channels, { minLength: 2, maxLength: 4 }), twice: fc.boolean() })
    .map(({ shape: [n, , h, w], widths, twice }) => ({
      program: build(n, (b) => {
        const inputs = widths.map((width, index) => b.input(`x${index}`, n, width, h, w));
        const all = twice ? [...widths, widths[0] as number] : widths;
        const total = all.reduce((sum, width) => sum + width, 0);
        const output = b.output('y', n, total, h, w);
        b.step({ kind: 'concat', inputs: twice ? [...inputs, inputs[0] as number] : inputs, output });
      }),
    })),
  'concat-gradient': fc
    .record({ shape: planes, before: fc.integer({ min: 0, max: 40 }), after: fc.integer({ min: 0, max: 40 }) })
    .map(({ shape: [n, c, h, w], before, after }) => ({
      program: build(n, (b) => {
        const outputGradient = b.input('dy', n, before + c + after, h, w);
        b.step({ kind: 'concat-gradient', outputGradient, offset: before, inputGradient: b.output('dx', n, c, h, w) });
      }),
    })),
  select: selections.map(({ shape, take }) => ({
    program: build(shape[0], (b) =>
      b.step({ kind: 'select', input: b.input('x', ...shape), output: b.output('y', ...partOf(shape, take)), take }),
    ),
  })),
  'select-gradient': selections.map(({ shape, take }) => ({
    program: build(shape[0], (b) => {
      const outputGradient = b.input('dy', ...partOf(shape, take));
      b.step({ kind: 'select-gradient', outputGradient, inputGradient: b.output('dx', ...shape), take });
    }),
  })),
  'softmax-cross-entropy': fc
    .record({ n: batch, classes: fc.integer({ min: 2, max: 40 }), scale: fc.constantFrom(1, 30, 300) })
    .map(({ n, classes, scale }) => ({
      program: build(n, (b) =>
        b.step({
          kind: 'softmax-cross-entropy',
          logits: b.input('logits', n, classes, 1, 1),
          labels: b.input('labels', n, classes),
          loss: b.output('loss', 1),
          gradient: b.output('gradient', n, classes, 1, 1),
        }),
      ),
      filling: { scale, quantum: 0 },
      floor: 1 / n,
    })),
  accumulate: fc.record({ shape: planes, passes: fc.integer({ min: 2, max: 4 }) }).map(({ shape, passes }) => ({
    program: build(
      1,
      (b) => {
        const sum = b.accumulator('sum', ...shape);
        b.step({ kind: 'accumulate', gradient: b.input('gradient', ...shape), sum });
        b.step({
          kind: 'update',
          parameter: b.state('parameter', 'kernel', ...shape),
          gradient: sum,
          rate: b.input('rate', 1),
          states: { velocity: b.state('velocity', 'optimizer', ...shape) },
          assignments: assignmentsOf(optimizers.sgd, { momentum: 0.9, weightDecay: 0.1 }, { rate: 1, decay: 1 }),
          bounds: null,
        });
      },
      passes,
    ),
  })),
  'channel-statistics': normalizable.map((shape) => ({
    program: build(shape[0], (b) =>
      b.step({
        kind: 'channel-statistics',
        input: b.input('x', ...shape),
        mean: b.output('mean', shape[1]),
        variance: b.output('variance', shape[1]),
      }),
    ),
  })),
  update: fc
    .record({
      shape: planes,
      row: fc.constantFrom(...optimizerNames),
      decay: fc.constantFrom(0, 5e-4, 0.1),
      momentum: fc.constantFrom(0, 0.9),
      decoupled: fc.boolean(),
      rate: fc.constantFrom(1, 0.5),
      clamp: fc.boolean(),
    })
    .map(({ shape, row, decay, momentum, decoupled, rate, clamp }) => ({
      program: build(1, (b) => {
        const optimizer: Optimizer = optimizers[row];
        const like = (state: OptimizerState): readonly number[] => (state.shape === 'scalar' ? [1] : shape);
        b.step({
          kind: 'update',
          parameter: b.state('parameter', clamp ? 'mix' : 'kernel', ...shape),
          gradient: b.input('gradient', ...shape),
          rate: b.input('rate', 1),
          states: Object.fromEntries(
            optimizer.states.map((state) => [state.name, b.state(state.name, 'optimizer', ...like(state))]),
          ),
          assignments: assignmentsOf(optimizer, { momentum, weightDecay: decay, decoupled }, { rate, decay: 1 }),
          bounds: clamp ? [0, 1] : null,
        });
      }),
      // Updates of up to 2 with bounds 1 apart, so that both bounds are exceeded.
      filling: { scale: clamp ? 40 : 1, quantum: 0 },
    })),
};

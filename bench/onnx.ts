/**
 * The onnx engine: a training step against eager PyTorch (bench/torch_step.py) and against oneDNN, taking turns in one run; and the
 * alternative ONNX operators for a step, each as a small graph. The engine uses the fastest.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { join } from 'node:path';
import type { ConvolutionAlgorithms } from '../src/engine/engine.ts';
import { createOnnxEngine } from '../src/engine/onnx/onnx.ts';
import { openRuntime } from '../src/engine/onnx/runtime.ts';
import { graphBuilder, modelOf, type GraphBuilder } from '../src/formats/onnx/build.ts';
import { encodeModel } from '../src/formats/onnx/codec.ts';
import { dataType } from '../src/formats/onnx/proto.ts';
import { sizeOf } from '../src/network/tensor.ts';
import type { Buffer, BufferKind, Geometry, Program, Step } from '../src/program/program.ts';
import { random } from '../src/util/random.ts';
import { UserError } from '../src/util/user-error.ts';
import { batch, oneThread, paperNetwork, rounds } from './bare.ts';
import { childContender, interleave, say, sayImages, sayRatio, timed, type Contender } from './measure.ts';
import { trainingContender } from './training-step.ts';

type Shape = readonly number[];

const noise = (shape: Shape): Float32Array => {
  const stream = random('bench', 'onnx', shape.join());
  return Float32Array.from({ length: sizeOf(shape) }, () => Math.max(0, 2 * stream.float() - 1));
};

interface Graph {
  readonly inputs: Readonly<Record<string, Shape>>;
  /** The graph ends with a sum, so that no large output is copied. */
  readonly make: (g: GraphBuilder) => string;
}

async function graphContender(name: string, { inputs, make }: Graph): Promise<Contender> {
  const graph = graphBuilder();
  graph.node('ReduceSum', [make(graph)], { keepdims: 0 }, 'sum');
  const info = (value: string, shape: Shape) => ({ name: value, elementType: dataType.float, shape });
  const ports = Object.entries(inputs).map(([value, shape]) => info(value, shape));
  const runtime = await openRuntime('cpu', 1);
  const session: InferenceSession = await runtime.open(encodeModel(modelOf(graph.graph(name, ports, [info('sum', [])]), '0')));
  const feeds: Record<string, Tensor> = {};
  for (const [value, shape] of Object.entries(inputs)) feeds[value] = new runtime.library.Tensor('float32', noise(shape), shape);
  return { name, step: () => timed(async () => void (await session.run(feeds))), close: () => void session.release() };
}

/** A program of some steps, compiled by the engine. */
async function programContender(
  name: string,
  buffers: readonly (readonly [kind: BufferKind, shape: Shape])[],
  steps: readonly Step[],
  algorithms: ConvolutionAlgorithms,
): Promise<Contender> {
  const all: Buffer[] = buffers.map(([kind, shape], id) => ({ id, kind, shape, name: String(id) }));
  const state = all
    .filter(({ kind }) => kind === 'state')
    .map(({ id, name: tensor }) => ({ name: tensor, buffer: id, role: 'kernel' as const }));
  const rest = { images: 0, labels: null, rate: null, logits: null, loss: null, taps: [] };
  const program: Program = { batch, buffers: all, steps, state, ...rest };
  const session = await (await createOnnxEngine({ threads: 1, device: 'cpu' })).compile(program, algorithms);
  session.load(Object.fromEntries(state.map((entry) => [entry.name, tensorOf(all[entry.buffer]?.shape ?? [])])));
  for (const { id, kind, shape } of all) if (kind === 'input') session.input(id).set(noise(shape));
  return { name, step: () => timed(() => session.run()), close: () => session.dispose() };
}

const tensorOf = (shape: Shape) => ({ shape, data: noise(shape) });

/** Prints the milliseconds of each contender, and its GFLOP/s if the number of multiply-adds is given. */
async function compare(title: string, contenders: readonly Contender[], multiplyAdds: number | null = null): Promise<void> {
  say(`  ${title}`);
  for (const { name, processor } of await interleave(contenders, 7, 2)) {
    const speed =
      multiplyAdds === null ? '' : `, ${((2 * multiplyAdds) / processor.best / 1e6).toFixed(0)} GFLOP/s of the definition`;
    say(`    ${name.padEnd(62)} ${processor.best.toFixed(1)} ms${speed}`);
  }
  for (const contender of contenders) contender.close();
}

const swap = { perm: [1, 0, 2, 3] };
const offsets = Array.from({ length: 9 }, (_none, index) => [Math.floor(index / 3), index % 3] as const);

/** A convolution 3×3 of the vanilla network, and its gradients. */
async function convolutions(inputs: number, outputs: number, side: number): Promise<void> {
  const [x, y, kernel] = [
    [batch, inputs, side, side],
    [batch, outputs, side, side],
    [outputs, inputs, 3, 3],
  ];
  const geometry = { kernel: 3, stride: 1, padding: 1, groups: 1 };
  const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  const multiplyAdds = 9 * inputs * outputs * batch * side ** 2;
  const title = `${inputs} → ${outputs} channels at ${side}×${side}`;
  const minimal = 'minimal filtering, as matrix products (used: auto)';
  const filtered = Math.min(inputs, outputs) >= 32;
  const forward = [
    await graphContender('Conv (used: direct)', { inputs: { x, kernel }, make: (g) => g.node('Conv', ['x', 'kernel'], window) }),
  ];
  const step: Step = { kind: 'convolution', input: 0, kernel: 1, bias: null, output: 2, geometry };
  if (filtered)
    forward.push(
      await programContender(
        minimal,
        [
          ['input', x],
          ['state', kernel],
          ['output', y],
        ],
        [step],
        'auto',
      ),
    );
  await compare(`convolution, ${title}`, forward, multiplyAdds);

  if (inputs > 3) {
    const flip = (g: GraphBuilder): string => {
      const ranges = [
        g.integers('-1', [-1, -1]),
        g.integers('-4', [-4, -4]),
        g.integers('axes', [2, 3]),
        g.integers('steps', [-1, -1]),
      ];
      return g.node('Transpose', [g.node('Slice', ['kernel', ...ranges])], swap);
    };
    const back: Step = { kind: 'convolution-gradient-input', outputGradient: 0, kernel: 1, inputGradient: 2, geometry };
    await compare(
      `gradient to the input, ${title}`,
      [
        await graphContender('Conv with the kernel flipped, channels swapped (used: direct)', {
          inputs: { y, kernel },
          make: (g) => g.node('Conv', ['y', flip(g)], window),
        }),
        await graphContender('ConvTranspose (used for strides)', {
          inputs: { y, kernel },
          make: (g) => g.node('ConvTranspose', ['y', 'kernel'], window),
        }),
        await programContender(
          minimal,
          [
            ['input', y],
            ['state', kernel],
            ['output', x],
          ],
          [back],
          'auto',
        ),
      ],
      multiplyAdds,
    );
  }

  const padded = (g: GraphBuilder, value: string, axes: readonly number[]): string =>
    g.node('Pad', [
      value,
      g.integers(
        'margins',
        [0, 1, 2, 3, 0, 1, 2, 3].map((axis) => (axes.includes(axis) ? 1 : 0)),
      ),
    ]);
  const shifted = (g: GraphBuilder, value: string, axes: readonly number[]): string[] =>
    offsets.map(([u, v]) =>
      g.node('Slice', [value, g.integers('starts', [u, v]), g.integers('ends', [u + side, v + side]), g.integers('axes', axes)]),
    );
  const rows = (g: GraphBuilder, value: string, count: number): string =>
    g.node('Reshape', [value, g.integers('shape', [count, -1])]);
  const gradient: Step = {
    kind: 'convolution-gradient-kernel',
    input: 0,
    outputGradient: 1,
    kernelGradient: 2,
    biasGradient: null,
    geometry,
  };
  const both = { x, y };
  /** Channels first, as in the graphs of the engine. */
  const turned = { x: [inputs, batch, side, side], y: [outputs, batch, side, side] };
  const contenders = [
    await graphContender('one Conv, batch and channels swapped (used: depthwise)', {
      inputs: both,
      make: (g) => {
        const attributes = { kernel_shape: [side, side], pads: [1, 1, 1, 1] };
        return g.node('Conv', [g.node('Transpose', ['x'], swap), g.node('Transpose', ['y'], swap)], attributes);
      },
    }),
    await graphContender('a product an offset of the kernel (used: direct)', {
      inputs: turned,
      make: (g) => {
        const values = shifted(g, padded(g, 'x', [2, 3]), [2, 3]);
        const each = values.map((value) => g.node('Gemm', [rows(g, 'y', outputs), rows(g, value, inputs)], { transB: 1 }));
        return g.node('Concat', each, { axis: 0 });
      },
    }),
    await graphContender('one product with all offsets (used: few channels)', {
      inputs: turned,
      make: (g) => {
        const all = g.node('Concat', shifted(g, padded(g, 'x', [2, 3]), [2, 3]), { axis: 0 });
        return g.node('Gemm', [rows(g, 'y', outputs), rows(g, all, 9 * inputs)], { transB: 1 });
      },
    }),
    await graphContender('one product with all offsets, channels last', {
      inputs: { x: [batch, side, side, inputs], y: turned.y },
      make: (g) => {
        const all = g.node('Concat', shifted(g, padded(g, 'x', [1, 2]), [1, 2]), { axis: 3 });
        return g.node('Gemm', [rows(g, 'y', outputs), g.node('Reshape', [all, g.integers('columns', [-1, 9 * inputs])])]);
      },
    }),
  ];
  if (filtered)
    contenders.push(
      await programContender(
        minimal,
        [
          ['input', x],
          ['input', y],
          ['output', kernel],
        ],
        [gradient],
        'auto',
      ),
    );
  await compare(`gradient to the kernel, ${title}`, contenders, multiplyAdds);
}

/** The elementwise steps after the first convolution: 64 channels of 32×32. */
async function elementwise(): Promise<void> {
  const [channels, side] = [64, 32];
  const x = [channels, batch * side * side];
  const [row, column] = [[channels], [channels, 1]];
  const zero = (g: GraphBuilder): string => g.floats('zero', [1], [0]);
  const along = (g: GraphBuilder): string => g.integers('along', [1]);
  const asFloat = (g: GraphBuilder, value: string): string => g.node('Cast', [value], { to: dataType.float });
  const centered = (g: GraphBuilder): string => g.node('Sub', ['x', g.node('ReduceMean', ['x'], { axes: [1] })]);
  const single = (g: GraphBuilder, value: string): string => g.node('Unsqueeze', [value, g.integers('first', [0])]);
  await compare('batch statistics and normalisation of 64 channels at 32×32, without the ReLU', [
    await graphContender('Sub, Mul, ReduceSum; BatchNormalization', {
      inputs: { x, scale: row, shift: row, mean: row },
      make: (g) => {
        const difference = centered(g);
        const squares = g.node('ReduceSum', [g.node('Mul', [difference, difference]), along(g)], { keepdims: 0 });
        return g.node('BatchNormalization', [single(g, 'x'), 'scale', 'shift', 'mean', squares]);
      },
    }),
    await graphContender('Sub, ReduceSumSquare; BatchNormalization', {
      inputs: { x, scale: row, shift: row, mean: row },
      make: (g) => {
        const squares = g.node('ReduceSumSquare', [centered(g)], { axes: [1], keepdims: 0 });
        return g.node('BatchNormalization', [single(g, 'x'), 'scale', 'shift', 'mean', squares]);
      },
    }),
    await graphContender('Sub, Mul, ReduceSum; Mul and Add', {
      inputs: { x, scale: column, shift: column },
      make: (g) => {
        const difference = centered(g);
        const squares = g.node('ReduceSum', [g.node('Mul', [difference, difference]), along(g)]);
        return g.node('Add', [g.node('Mul', [difference, g.node('Mul', ['scale', squares])]), 'shift']);
      },
    }),
    await graphContender('BatchNormalization in training mode (used)', {
      inputs: { x, scale: row, shift: row },
      make: (g) => {
        const given = ['scale', 'shift'].map((name) => asFloat(g, g.node('IsNaN', [name])));
        const attributes = { training_mode: 1, momentum: { float: 0 } };
        g.nodeOf('BatchNormalization', [single(g, 'x'), 'scale', 'shift', ...given], ['y', 'mean', 'variance'], attributes);
        return 'y';
      },
    }),
  ]);
  const gradients = { x, z: x };
  await compare('the gradient of a ReLU on 64 channels at 32×32', [
    await graphContender('Greater, Cast, Mul (used)', {
      inputs: gradients,
      make: (g) => g.node('Mul', ['z', asFloat(g, g.node('Greater', ['x', zero(g)]))]),
    }),
    await graphContender('Sign, Mul', { inputs: gradients, make: (g) => g.node('Mul', ['z', g.node('Sign', ['x'])]) }),
    await graphContender('Greater, Where', {
      inputs: gradients,
      make: (g) => g.node('Where', [g.node('Greater', ['x', zero(g)]), 'z', zero(g)]),
    }),
  ]);

  const [large, small] = [
    [batch, channels, side, side],
    [batch, channels, side / 2, side / 2],
  ];
  const window = { kernel_shape: [2, 2], strides: [2, 2] };
  const geometry = { kernel: 2, stride: 2, padding: 0, groups: 1 };
  const indexed = (name: string, undo: (g: GraphBuilder) => string): Promise<Contender> =>
    graphContender(name, {
      inputs: { x: large, dy: small },
      make(g) {
        g.nodeOf('MaxPool', ['x'], ['y', 'indices'], window);
        return undo(g);
      },
    });
  await compare('max-pool 2×2 and its gradient, 64 channels at 32×32', [
    await poolContender(large, small, geometry),
    await graphContender('the image laid out by windows (used: after a convolution by columns)', {
      inputs: { x: [channels, 4, (batch * side * side) / 4], dy: [channels, 1, (batch * side * side) / 4] },
      make: byWindows,
    }),
    await indexed('MaxPool with indices, MaxUnpool', (g) => g.node('MaxUnpool', ['dy', 'indices'], window)),
    await indexed('MaxPool with indices, ScatterElements (used: other windows)', (g) => {
      const flat = ['indices', 'dy'].map((name) => rowOf(g, name));
      const zeros = g.node('ConstantOfShape', [g.integers('size', [sizeOf(large)])]);
      return g.node('ScatterElements', [zeros, ...flat], { axis: 0, reduction: 'add' });
    }),
  ]);
}

/** As in the engine's `pools`: the gradient goes to the first of equal maxima. */
function byWindows(g: GraphBuilder): string {
  const maxima = g.node('ReduceMax', ['x'], { axes: [1], keepdims: 1 });
  const names = [0, 1, 2, 3].map((place) => g.fresh(`at ${place}`));
  g.nodeOf('Split', [g.node('Equal', ['x', maxima])], names, { axis: 1 });
  let open = g.node('Greater', [maxima, g.floats('zero', [1], [0])]);
  const own = names.map((name, place) => {
    const here = g.node('And', [name, open]);
    if (place < names.length - 1) open = g.node('And', [open, g.node('Not', [name])]);
    return here;
  });
  return g.node('Mul', ['dy', g.node('Cast', [g.node('Concat', own, { axis: 1 })], { to: dataType.float })]);
}

const rowOf = (g: GraphBuilder, value: string): string => g.node('Reshape', [value, g.integers('flat', [-1])]);

/** Both steps in one program, which ends with a small output, as the others do. */
async function poolContender(large: Shape, small: Shape, geometry: Geometry): Promise<Contender> {
  const channels = [large[1] as number];
  const buffers: readonly (readonly [BufferKind, Shape])[] = [
    ['input', large],
    ['input', small],
    ['mask', small],
    ['temporary', small],
    ['temporary', large],
    ['output', channels],
    ['output', channels],
  ];
  const steps: readonly Step[] = [
    { kind: 'max-pool', input: 0, output: 3, mask: 2, geometry },
    { kind: 'max-pool-gradient', mask: 2, outputGradient: 1, inputGradient: 4, geometry },
    { kind: 'channel-statistics', input: 4, mean: 5, variance: 6 },
  ];
  return programContender('the place of the first maximum (used; statistics of it included)', buffers, steps, 'direct');
}

export async function onnxBench(): Promise<void> {
  const engine = await createOnnxEngine({ threads: 1, device: 'cpu' });
  const contenders: Contender[] = [
    await trainingContender(`Instar, ONNX Runtime ${engine.fingerprint.version}`, engine, paperNetwork(), batch),
  ];
  const script = join(import.meta.dirname, '../../bench/torch_step.py');
  const torch = await childContender('PyTorch', '/usr/bin/python3', [script, String(batch), '1'], { OMP_NUM_THREADS: '1' });
  if (torch === undefined) say('  PyTorch skipped: python3-torch is not installed');
  else contenders.push(torch);
  try {
    const native = oneThread();
    contenders.push(await trainingContender(`Instar, oneDNN ${native.fingerprint.version}`, native, paperNetwork(), batch));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say(`  oneDNN skipped: ${error.message}`);
  }
  const results = await interleave(contenders, Math.ceil(rounds / 2), 2);
  sayImages(results, batch);
  const [ours, ...others] = results;
  for (const other of others) if (ours !== undefined) sayRatio(ours, other, other.name.startsWith('PyTorch') ? 2 : null);
  for (const contender of contenders) contender.close();

  await convolutions(3, 64, 32);
  await convolutions(64, 128, 16);
  await convolutions(128, 256, 8);
  await elementwise();
}

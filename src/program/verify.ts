/** Verifies programs after lowering and after fusion. */
import { assert } from '../util/assert.ts';
import { marginsOf, reachOf, type Margins } from '../network/network.ts';
import { accessOf } from './access.ts';
import { printStep } from './print.ts';
import { askStep, bufferOf, partsOf, type BufferId, type Geometry, type Program, type Step, type StepTable } from './program.ts';

type Shapes = (id: BufferId) => readonly number[];
type Claim = readonly [actual: readonly number[], expected: readonly number[]];

const window = ([n, , h, w]: readonly number[], channels: number, g: Geometry): number[] => {
  const { top, left, bottom, right } = marginsOf(g);
  const extent = (size: number): number => Math.floor((size - reachOf(g)) / g.stride) + 1;
  return [n as number, channels, extent((h as number) + top + bottom), extent((w as number) + left + right)];
};

const kernelShape = (input: readonly number[], output: readonly number[], g: Geometry): number[] => [
  output[1] as number,
  (input[1] as number) / g.groups,
  g.kernel,
  g.kernel,
];

const perChannel = (of: readonly number[]): number[] => [of[1] as number];
const perPixel = ([n, , h, w]: readonly number[]): number[] => [n as number, 1, h as number, w as number];
const volume = (shape: readonly number[]): number => shape.slice(1).reduce((a, b) => a * b, 1);

const convolved = (
  shape: Shapes,
  input: BufferId,
  kernel: BufferId,
  output: BufferId,
  bias: BufferId | null,
  g: Geometry,
): Claim[] => [
  [shape(output), window(shape(input), shape(output)[1] as number, g)],
  [shape(kernel), kernelShape(shape(input), shape(output), g)],
  ...(bias === null ? [] : [[shape(bias), perChannel(shape(output))] as const]),
];

const same = (shape: Shapes, ...ids: readonly (BufferId | null)[]): Claim[] => {
  const [first, ...others] = ids.filter((id) => id !== null);
  return first === undefined ? [] : others.map((id) => [shape(id), shape(first)] as const);
};

const surrounded = ([n, c, h, w]: readonly number[], { top, left, bottom, right }: Margins): number[] => [
  n as number,
  c as number,
  (h as number) + top + bottom,
  (w as number) + left + right,
];

/** The second has the shape of the first, or is a gate of it. */
const gated = (shape: Shapes, first: BufferId, second: BufferId): Claim[] => {
  const gate = [...shape(first).slice(0, 2), 1, 1];
  return [[shape(second), shape(second).join() === gate.join() ? gate : shape(first)]];
};

const selected = (whole: readonly number[], part: readonly number[], take: readonly number[]): Claim[] => {
  const [n, c, h, w] = whole as readonly [number, number, number, number];
  const inside = new Set(take.filter((channel) => channel >= 0 && channel < c));
  return [
    [part, [n, inside.size, h, w]],
    [[take.length], [inside.size]],
  ];
};

/** Pairs of shapes that must be equal. */
const claims: StepTable<[shape: Shapes], readonly Claim[]> = {
  convolution: (s, shape) => convolved(shape, s.input, s.kernel, s.output, s.bias, s.geometry),
  'convolution-gradient-input': (s, shape) => convolved(shape, s.inputGradient, s.kernel, s.outputGradient, null, s.geometry),
  'convolution-gradient-kernel': (s, shape) =>
    convolved(shape, s.input, s.kernelGradient, s.outputGradient, s.biasGradient, s.geometry),
  'bias-gradient': (s, shape) => [[shape(s.biasGradient), perChannel(shape(s.outputGradient))]],
  'batch-normalization': (s, shape) => [
    ...same(shape, s.input, s.output, s.mask),
    [shape(s.scale), perChannel(shape(s.input))],
    ...same(shape, s.scale, s.shift, s.mean, s.variance),
  ],
  'batch-normalization-gradient': (s, shape) => [
    ...same(shape, s.input, s.outputGradient, s.inputGradient, s.mask),
    [shape(s.scale), perChannel(shape(s.input))],
    ...same(shape, s.scale, s.shift, s.mean, s.variance, s.scaleGradient, s.shiftGradient),
  ],
  'fold-normalization': (s, shape) => [
    ...same(shape, s.kernel, s.foldedKernel),
    [shape(s.scale), shape(s.kernel).slice(0, 1)],
    ...same(shape, s.scale, s.shift, s.mean, s.variance, s.foldedBias, s.bias),
  ],
  'fold-normalization-gradient': (s, shape) => [
    ...same(shape, s.kernel, s.foldedKernelGradient, s.kernelGradient),
    [shape(s.scale), shape(s.kernel).slice(0, 1)],
    ...same(shape, s.scale, s.mean, s.variance, s.foldedBiasGradient, s.bias, s.biasGradient, s.scaleGradient, s.shiftGradient),
  ],
  'running-statistics': (s, shape) => same(shape, s.mean, s.variance, s.runningMean, s.runningVariance),
  'layer-normalization': (s, shape) => [
    ...same(shape, s.input, s.output),
    ...same(shape, s.mean, s.variance),
    [shape(s.scale), perChannel(shape(s.input))],
    ...same(shape, s.scale, s.shift),
    ...(s.mean === null ? [] : [[shape(s.mean), perPixel(shape(s.input))] as const]),
  ],
  'layer-normalization-gradient': (s, shape) => [
    ...same(shape, s.input, s.outputGradient, s.inputGradient),
    [shape(s.mean), perPixel(shape(s.input))],
    ...same(shape, s.mean, s.variance),
    [shape(s.scale), perChannel(shape(s.input))],
    ...same(shape, s.scale, s.shift, s.scaleGradient, s.shiftGradient),
  ],
  'response-normalization': (s, shape) => same(shape, s.input, s.output, s.mask),
  'response-normalization-gradient': (s, shape) => same(shape, s.input, s.outputGradient, s.mask, s.inputGradient),
  relu: (s, shape) => same(shape, s.input, s.output),
  'relu-gradient': (s, shape) => same(shape, s.output, s.outputGradient, s.inputGradient),
  activation: (s, shape) => same(shape, s.input, s.output),
  'activation-gradient': (s, shape) => same(shape, s.input, s.outputGradient, s.inputGradient),
  'max-pool': (s, shape) => [
    [shape(s.output), window(shape(s.input), shape(s.input)[1] as number, s.geometry)],
    ...same(shape, s.output, s.mask),
  ],
  'max-pool-gradient': (s, shape) => [
    [shape(s.outputGradient), window(shape(s.inputGradient), shape(s.inputGradient)[1] as number, s.geometry)],
    ...same(shape, s.outputGradient, s.mask),
  ],
  'average-pool': (s, shape) => [[shape(s.output), window(shape(s.input), shape(s.input)[1] as number, s.geometry)]],
  'average-pool-gradient': (s, shape) => [
    [shape(s.outputGradient), window(shape(s.inputGradient), shape(s.inputGradient)[1] as number, s.geometry)],
  ],
  pad: (s, shape) => [[shape(s.output), surrounded(shape(s.input), s)]],
  'pad-gradient': (s, shape) => [[shape(s.outputGradient), surrounded(shape(s.inputGradient), s)]],
  'global-average-pool': (s, shape) => [[shape(s.output), [...shape(s.input).slice(0, 2), 1, 1]]],
  'global-average-pool-gradient': (s, shape) => [[shape(s.outputGradient), [...shape(s.inputGradient).slice(0, 2), 1, 1]]],
  dense: (s, shape) => [
    [shape(s.kernel), [shape(s.output)[1] as number, volume(shape(s.input))]],
    [shape(s.bias), perChannel(shape(s.output))],
    [shape(s.output), [shape(s.input)[0] as number, shape(s.output)[1] as number, 1, 1]],
  ],
  'dense-gradient-input': (s, shape) => [
    [shape(s.kernel), [shape(s.outputGradient)[1] as number, volume(shape(s.inputGradient))]],
  ],
  'dense-gradient-kernel': (s, shape) => [
    [shape(s.kernelGradient), [shape(s.outputGradient)[1] as number, volume(shape(s.input))]],
    [shape(s.biasGradient), perChannel(shape(s.outputGradient))],
  ],
  add: (s, shape) => same(shape, s.output, ...s.inputs),
  product: (s, shape) => [...same(shape, s.first, s.output), ...gated(shape, s.first, s.second)],
  'product-gradient': (s, shape) => [
    ...same(shape, s.first, s.outputGradient, s.firstGradient),
    ...gated(shape, s.first, s.second),
    ...same(shape, s.second, s.secondGradient),
  ],
  convex: (s, shape) => [...same(shape, s.first, s.second, s.output), [shape(s.mix), [1]]],
  'convex-gradient': (s, shape) => [
    ...same(shape, s.first, s.second, s.outputGradient, s.firstGradient, s.secondGradient),
    ...same(shape, s.mix, s.mixGradient),
  ],
  concat: (s, shape) => {
    const [n, , h, w] = shape(s.output) as [number, number, number, number];
    return [
      [shape(s.output), [n, s.inputs.reduce((sum, id) => sum + (shape(id)[1] as number), 0), h, w]],
      ...s.inputs.map((id) => [shape(id), [n, shape(id)[1] as number, h, w]] as const),
    ];
  },
  'concat-gradient': (s, shape) => {
    const [n, , h, w] = shape(s.outputGradient) as [number, number, number, number];
    const channels = Math.min(shape(s.inputGradient)[1] as number, (shape(s.outputGradient)[1] as number) - s.offset);
    return [[shape(s.inputGradient), [n, channels, h, w]]];
  },
  select: (s, shape) => selected(shape(s.input), shape(s.output), s.take),
  'select-gradient': (s, shape) => selected(shape(s.inputGradient), shape(s.outputGradient), s.take),
  'softmax-cross-entropy': (s, shape) => [
    [shape(s.labels), shape(s.logits).slice(0, 2)],
    [shape(s.loss), [1]],
    ...same(shape, s.logits, s.gradient),
  ],
  'channel-statistics': (s, shape) => [[shape(s.mean), perChannel(shape(s.input))], ...same(shape, s.mean, s.variance)],
  accumulate: (s, shape) => same(shape, s.gradient, s.sum),
  update: (s, shape) => {
    const states = Object.values(s.states).filter((id) => shape(id).join() !== '1');
    return [...same(shape, s.parameter, s.gradient, ...states), [shape(s.rate), [1]]];
  },
};

/**
 * Checks that each buffer is written once, and before it is read; that inputs and state are used as their kind allows; that state
 * is updated once and not read afterwards (a gradient through an updated parameter would be wrong); that of several passes the
 * updates are the end, and take the gradients of all passes; that shapes fit; and that what the caller writes and reads exists.
 * Throws a bug that names the step.
 */
export function verify(program: Program): void {
  const written = new Set<BufferId>();
  const updated = new Set<BufferId>();
  const kind = (id: BufferId): string => bufferOf(program, id).kind;
  program.buffers.forEach((buffer, index) => assert(buffer.id === index, () => `buffer ${index} is numbered ${buffer.id}`));
  for (const step of program.steps) {
    const say = (problem: string) => (): string => `${problem}: ${printStep(program, step)}`;
    const { reads, writes, updates } = accessOf(step);
    for (const id of reads) {
      assert(kind(id) === 'input' || kind(id) === 'state' || written.has(id), say(`reads ${id} before it is written`));
      assert(!updated.has(id), say(`reads ${id} after its update`));
    }
    for (const id of updates) {
      const isSum = step.kind === 'accumulate';
      assert(
        kind(id) === (isSum ? 'accumulator' : 'state'),
        say(`updates ${id}, which is not ${isSum ? 'an accumulator' : 'state'}`),
      );
      const before = isSum ? written : updated;
      assert(!before.has(id), say(`updates ${id} a second time`));
      before.add(id);
    }
    for (const id of writes) {
      assert(['temporary', 'mask', 'output'].includes(kind(id)), say(`writes ${id}, which is ${kind(id)}`));
      assert(!written.has(id), say(`writes ${id} a second time`));
      written.add(id);
    }
    for (const [actual, expected] of askStep(claims, step as Step, (id) => bufferOf(program, id).shape))
      assert(actual.join() === expected.join(), say(`shape ${actual.join('×')} is not ${expected.join('×')}`));
  }
  const isSummed = (program.passes ?? 1) > 1;
  for (const step of partsOf(program).closing)
    assert(
      step.kind === 'update',
      () => `it follows an update, and would run in the last pass alone: ${printStep(program, step)}`,
    );
  for (const step of program.steps)
    for (const id of accessOf(step).reads)
      if (kind(id) === 'accumulator' || (isSummed && step.kind === 'update' && id === step.gradient))
        assert(
          isSummed && step.kind === 'update' && kind(id) === 'accumulator',
          () => `an update alone reads the sums of gradients over passes, and nothing else of them: ${printStep(program, step)}`,
        );
  const { images, labels, rate, loss, logits, taps, state } = program;
  for (const id of [images, labels, rate])
    if (id !== null) assert(kind(id) === 'input', () => `the caller writes ${id}, which is ${kind(id)}`);
  for (const id of [loss, logits, ...taps.flatMap((tap) => [tap.mean, tap.variance])])
    if (id !== null) assert(kind(id) === 'output' && written.has(id), () => `output ${id} is never written`);
  const named = new Set(state.map((entry) => entry.name));
  assert(named.size === state.length, () => 'two state entries of one name');
  const held = new Set(state.map((entry) => entry.buffer));
  assert(held.size === state.length, () => 'two state entries of one buffer');
  for (const id of held) assert(kind(id) === 'state', () => `state entry ${id} is ${kind(id)}`);
  for (const step of program.steps) {
    const { reads, updates } = accessOf(step);
    for (const id of [...reads, ...updates])
      assert(kind(id) !== 'state' || held.has(id), () => `state ${id} has no name: ${printStep(program, step)}`);
  }
}

/** What the C code of a step is made of, in f32 as in bytes. */
import { channelsLast } from '../../deploy/channels-last.ts';
import { affineAsConvolution } from '../../deploy/quantise.ts';
import { countOf, shapeOf, type Deployed, type OperationOf, type Step, type Window } from '../../deploy/deployed.ts';
import type { MemoryPlan } from '../../deploy/memory.ts';
import type { Shape } from '../../network/network.ts';
import { must } from '../../util/assert.ts';
import type { ConstantArray, ElementType } from './literals.ts';

/** Collects what a file needs. */
export interface Collected {
  readonly arrays: ConstantArray[];
  /** Definitions that are no arrays. */
  readonly definitions: string[];
  readonly kernels: Set<string>;
}

export interface StepContext {
  readonly step: Step;
  readonly shape: Shape;
  readonly inputShapes: readonly Shape[];
  /** Expressions of the inputs' and the result's places. */
  readonly inputs: readonly string[];
  readonly output: string;
  /** Adds a constant array, and returns its name. */
  array(stem: string, type: ElementType, values: ArrayLike<number>): string;
  /** Adds a constant structure of a type of the kernels, and returns its name. */
  structure(type: string, fields: Readonly<Record<string, string | number>>): string;
  /** Adds a definition, once. */
  define(text: string): void;
  /** Says that a kernel is called. */
  use(kernel: string): void;
}

export const placeOf = ({ offsets }: MemoryPlan, value: number): string => `memory + ${must(offsets[value], 'offset')}`;

export function stepContext(deployed: Deployed, plan: MemoryPlan, step: Step, collected: Collected): StepContext {
  const { arrays, definitions, kernels } = collected;
  return {
    step,
    shape: step.shape,
    inputShapes: step.inputs.map((input) => shapeOf(deployed, input)),
    inputs: step.inputs.map((input) => placeOf(plan, input)),
    output: placeOf(plan, step.output),
    array(stem, type, values) {
      const name = `${stem}_${step.output}`;
      arrays.push({ name, type, values });
      return name;
    },
    structure(type, fields) {
      const name = `${type}_${step.output}`;
      const texts = Object.entries(fields).map(([field, value]) => `.${field} = ${value}`);
      definitions.push(`static const ${type} ${name} = {\n  ${texts.join(', ')}\n};`);
      return name;
    },
    define(text) {
      if (!definitions.includes(text)) definitions.push(text);
    },
    use: (kernel) => void kernels.add(kernel),
  };
}

export const inputShape = ({ inputShapes }: StepContext): Shape => must(inputShapes[0], 'shape');
export const firstInput = ({ inputs }: StepContext): string => must(inputs[0], 'input');
export const pixelsOf = ({ height, width }: Shape): number => height * width;

/** A convolution as the code computes it: with the kernel that it calls. */
export interface Convolved<T> {
  readonly kernel: 'convolve' | 'convolve_depthwise';
  readonly weights: T;
  readonly geometry: Readonly<Record<string, number>>;
}

const geometryOf = (
  input: Shape,
  output: Shape,
  window: Omit<Window, 'margins'> & { readonly top: number; readonly left: number },
  groups: number,
) => ({
  height: input.height,
  width: input.width,
  channels: input.channels,
  rows: output.height,
  columns: output.width,
  filters: output.channels,
  groups,
  kernel: window.kernel,
  stride: window.stride,
  dilation: window.dilation,
  top: window.top,
  left: window.left,
});

/** `weights`: those of the operation, or their bytes in the same order. */
export function convolved<T extends Float32Array | Int8Array>(
  operation: OperationOf<'convolution' | 'affine' | 'dense'>,
  weights: T,
  c: StepContext,
): Convolved<T> {
  const input = inputShape(c);
  if (operation.kind === 'dense') {
    const channels = countOf(input);
    const flat = { channels, height: 1, width: 1 };
    return {
      kernel: 'convolve',
      weights: channelsLast(weights, operation.features, pixelsOf(input)),
      geometry: geometryOf(flat, c.shape, { kernel: 1, stride: 1, dilation: 1, top: 0, left: 0 }, 1),
    };
  }
  const of = operation.kind === 'affine' ? affineAsConvolution(operation) : operation;
  const { kernel, stride, dilation, margins, groups, filters } = of;
  const isDepthwise = groups === input.channels && filters === input.channels;
  return {
    kernel: isDepthwise ? 'convolve_depthwise' : 'convolve',
    // Of a depthwise kernel (C, k, k), filters stand where others have their channels.
    weights: isDepthwise ? channelsLast(weights, 1, kernel * kernel) : channelsLast(weights, filters, kernel * kernel),
    geometry: geometryOf(input, c.shape, { kernel, stride, dilation, top: margins.top, left: margins.left }, groups),
  };
}

/** The fields of `window` in the kernels. */
export const windowFields = (c: StepContext, { kernel, stride, margins }: Pick<Window, 'kernel' | 'stride' | 'margins'>) => {
  const { height, width, channels } = inputShape(c);
  const { height: rows, width: columns } = c.shape;
  return { height, width, channels, rows, columns, kernel, stride, top: margins.top, left: margins.left };
};

export const isGate = ({ inputShapes }: StepContext): boolean => {
  const [first, second] = [must(inputShapes[0], 'shape'), must(inputShapes[1], 'shape')];
  return second.height * second.width === 1 && first.height * first.width !== 1;
};

/** A call for each input of a concatenation; `call` gets the input's index, its channels, and where its channels begin. */
export function stacked(c: StepContext, call: (at: number, channels: number, output: string) => string): readonly string[] {
  let begin = 0;
  return c.inputShapes.map(({ channels }, at) => {
    const output = begin === 0 ? c.output : `${c.output} + ${begin}`;
    begin += channels;
    return call(at, channels, output);
  });
}

/**
 * The operations of a deployed network as operators of TensorFlow Lite, in f32 or in bytes by its 8-bit specification: activations with
 * a scale and a zero, weights with a scale for each filter, biases of 32 bits at the scale input·weights. In bytes, normalisations
 * across channels are computed in f32, as in C; all else stays in bytes.
 */
import type { OperationOf, OperationTable, Window } from '../../deploy/deployed.ts';
import { channelsLast } from '../../deploy/channels-last.ts';
import { affineAsConvolution, leastByte, type Quantisation } from '../../deploy/quantise.ts';
import { reachOf } from '../../network/network.ts';
import { must } from '../../util/assert.ts';
import { UserError } from '../../util/user-error.ts';
import { activationOperators } from './activations.ts';
import type { Value } from './graph.ts';
import { placingOf, type Placing } from './padding.ts';
import { fusedFunctions, paddings } from './schema.ts';
import {
  bounded,
  computed,
  firstInput,
  fusedOf,
  inFloats,
  padded,
  requantised,
  result,
  times,
  withBounds,
  type Context,
} from './values.ts';

const channelsOf = ({ dims }: Value): number => must(dims[3], 'channels');

function placingFor(c: Context, input: Value, window: Window): Placing {
  const { top, left } = window.margins;
  const reach = reachOf(window);
  return placingOf(input.dims, c.dims, { reach: [reach, reach], stride: window.stride, top, left });
}

/** The image with what no operator puts around it, and how the windows then lie. */
function placed(c: Context, input: Value, window: Window, by: 'zero' | 'lowest') {
  const { padding, around } = placingFor(c, input, window);
  return { image: around === null ? input : padded(c, input, around, by), padding: paddings[padding] };
}

/** Weights and bias as constants. `weights` in the order of the file; `axis`: that of the filters. */
function weighted(
  c: Context,
  dims: readonly number[],
  axis: number,
  turned: <T extends Float32Array | Int8Array>(weights: T) => T,
  { weights, bias }: { readonly weights: Float32Array; readonly bias: Float32Array | null },
): readonly Value[] {
  const { graph, step, filters } = c;
  const count = must(dims[axis], 'filters');
  const names = [`${step.node}/weights`, `${step.node}/bias`] as const;
  if (filters === null)
    return [graph.constant(names[0], dims, turned(weights)), graph.constant(names[1], [count], bias ?? new Float32Array(count))];
  const { scale } = must(firstInput(c).quantisation, 'quantisation of the input');
  return [
    graph.constant(names[0], dims, turned(filters.weights), { scales: filters.scales, axis }),
    graph.constant(names[1], [count], filters.bias, { scales: filters.scales.map((each) => each * scale), axis: 0 }),
  ];
}

function convolved(of: OperationOf<'convolution'>, c: Context): Value {
  const input = firstInput(c);
  const { kernel, stride, dilation, groups, filters } = of;
  const channels = channelsOf(input);
  const isDepthwise = groups === channels && groups > 1;
  const positions = kernel * kernel;
  const dims = isDepthwise ? [1, kernel, kernel, filters] : [filters, kernel, kernel, channels / groups];
  const constants = weighted(
    c,
    dims,
    isDepthwise ? 3 : 0,
    // Of a depthwise kernel (filters, 1, k, k), filters stand where others have their channels.
    (weights) => channelsLast(weights, isDepthwise ? 1 : filters, positions),
    of,
  );
  const { image, padding } = placed(c, input, of, 'zero');
  const steps = { padding, strideWidth: stride, strideHeight: stride, dilationWidth: dilation, dilationHeight: dilation };
  return withBounds(c, (fused) =>
    isDepthwise
      ? result(c, dilation === 1 ? 'depthwise' : 'dilated-depthwise', [image, ...constants], {
          ...steps,
          depthMultiplier: filters / channels,
          fused,
        })
      : result(c, groups === 1 ? 'convolution' : 'grouped-convolution', [image, ...constants], { ...steps, fused }),
  );
}

/** As a convolution whose kernel is the whole image: so weights have a scale for each feature in all versions of the format. */
function dense(of: OperationOf<'dense'>, c: Context): Value {
  const input = firstInput(c);
  const [, height = 1, width = 1, channels = 1] = input.dims;
  const dims = [of.features, height, width, channels];
  const constants = weighted(c, dims, 0, (weights) => channelsLast(weights, of.features, height * width), of);
  const steps = { padding: paddings.valid, strideWidth: 1, strideHeight: 1, dilationWidth: 1, dilationHeight: 1 };
  return withBounds(c, (fused) => result(c, 'convolution', [input, ...constants], { ...steps, fused }));
}

/** How many pixels of each window lie inside, for each place: (1, rows, columns, 1). */
function countsInside({ kernel, stride, margins }: Window, input: readonly number[], output: readonly number[]): Float32Array {
  const along = (axis: 1 | 2, before: number): number[] =>
    Array.from({ length: must(output[axis], 'extent') }, (_none, place) => {
      const from = place * stride - before;
      return Math.min(from + kernel, must(input[axis], 'extent')) - Math.max(from, 0);
    });
  const columns = along(2, margins.left);
  return Float32Array.from(along(1, margins.top).flatMap((rows) => columns.map((each) => rows * each)));
}

/** A convolution of each channel by ones, at the scale 1/kernel²: in bytes it is rounded once, at the scale of the result. */
function meanByOnes(c: Context, image: Value, kernel: number, steps: PoolSteps): Value {
  const channels = channelsOf(image);
  const size = kernel * kernel * channels;
  const share = 1 / (kernel * kernel);
  const filters = c.to && {
    weights: new Int8Array(size).fill(1),
    scales: new Float32Array(channels).fill(share),
    bias: new Int32Array(channels),
  };
  const ones = { weights: new Float32Array(size).fill(share), bias: null };
  const constants = weighted({ ...c, filters }, [1, kernel, kernel, channels], 3, (weights) => weights, ones);
  return result(c, 'depthwise', [image, ...constants], { ...steps, depthMultiplier: 1, dilationWidth: 1, dilationHeight: 1 });
}

interface PoolSteps {
  readonly padding: number;
  readonly strideWidth: number;
  readonly strideHeight: number;
  readonly fused: number;
}

function averaged(of: OperationOf<'average-pool'>, c: Context): Value {
  const input = firstInput(c);
  const { kernel, stride, counted } = of;
  const inside = countsInside(of, input.dims, c.dims);
  const isWhole = counted || inside.every((count) => count === kernel * kernel);
  const pool = { filterWidth: kernel, filterHeight: kernel };
  const placedOf = (value: Value) => {
    const { image, padding } = placed(c, value, of, 'zero');
    return { image, steps: { padding, strideWidth: stride, strideHeight: stride, fused: fusedFunctions.none } };
  };
  const { around, padding: own } = placingFor(c, input, of);
  if (isWhole && (c.to !== null || own === 'same')) {
    const { image, steps } = placedOf(input);
    return meanByOnes(c, image, kernel, steps);
  }
  // The format's own pool counts what is inside, and gives bytes of its input's scale.
  if (isWhole || around === null) {
    const { image, steps } = placedOf(input);
    const mean = computed(c, 'average-pool', [image], { dims: c.dims, quantisation: input.quantisation }, { ...steps, ...pool });
    return requantised(c, mean, c.to);
  }
  return inFloats(c, (value) => {
    const { image, steps } = placedOf(value);
    const same = { dims: c.dims, quantisation: null };
    const mean = computed(c, 'average-pool', [image], same, { ...steps, ...pool });
    const factors = inside.map((count) => (kernel * kernel) / count);
    const [, rows = 1, columns = 1] = c.dims;
    const by = c.graph.constant(`${c.step.node}/inside`, [1, rows, columns, 1], factors);
    return computed(c, 'multiply', [mean, by], same, { fused: fusedFunctions.none });
  });
}

/** The bytes of a partial sum: its numbers are between the sums of the bytes' ends. */
function partial(a: Quantisation | null, b: Quantisation | null): Quantisation | null {
  if (a === null || b === null) return null;
  const end = (byte: number): number => (byte - a.zero) * a.scale + (byte - b.zero) * b.scale;
  const scale = Math.fround((end(127) - end(leastByte)) / 255);
  return { scale, zero: Math.max(leastByte, Math.min(127, Math.round(leastByte - end(leastByte) / scale))) };
}

/** Of shares whose numbers change no byte of the result nothing is left. */
const counts = (value: Value, share: number, to: Quantisation | null): boolean =>
  share !== 0 && (value.quantisation === null || to === null || Math.abs(share) * value.quantisation.scale > 2 ** -18 * to.scale);

/** TensorFlow Lite adds in 20 bits more than the larger of both scales has. */
const mostAddable = 2 ** 18;

function summed({ shares }: OperationOf<'sum'>, c: Context): Value {
  const { step, to, dims } = c;
  const all = shares.map((share, at) => ({ value: must(c.inputs[at], 'input'), share }));
  const [begin, ...rest] = all.filter(({ value, share }) => counts(value, share, to));
  if (begin === undefined || rest.length === 0) {
    const { value, share } = begin ?? must(all[0], 'input');
    const one = c.graph.constant(
      `${step.node}/share`,
      [1],
      to === null ? Float32Array.of(share) : Int8Array.of(Math.sign(share)),
      to && { scale: Math.fround(Math.abs(share)) || 1, zero: 0 },
    );
    return withBounds(c, (fused) => result(c, 'multiply', [value, one], { fused }));
  }
  return rest.reduce(
    (sum, { value, share }, at) => {
      const term = times(c, value, share);
      const isLast = at === rest.length - 1;
      const quantisation = isLast ? to : partial(sum.quantisation, term.quantisation);
      for (const each of [sum, term])
        if (quantisation !== null && must(each.quantisation, 'bytes').scale > mostAddable * quantisation.scale)
          throw new UserError(
            `layer ${step.node} (sum) cannot be written for TensorFlow Lite in bytes: its terms cancel each other`,
          );
      const add = (fused: number): Value => computed(c, 'add', [sum, term], { dims, quantisation }, { fused });
      return isLast ? withBounds(c, add) : add(fusedFunctions.none);
    },
    times(c, begin.value, begin.share),
  );
}

const axes = (c: Context, ...numbers: number[]): Value =>
  c.graph.constant(`${c.step.node}/axes`, [numbers.length], Int32Array.from(numbers));

export const operationOperators: OperationTable<[c: Context], Value> = {
  convolution: convolved,
  dense,
  affine: (of, c) => convolved(affineAsConvolution(of), c),
  'layer-normalization': ({ epsilon, scale, shift }, c) =>
    inFloats(c, (value) => {
      const none = { fused: fusedFunctions.none };
      const { dims } = value;
      const [same, one] = [dims, [...dims.slice(0, 3), 1]].map((each) => ({ dims: each, quantisation: null })) as [
        { dims: number[]; quantisation: null },
        { dims: number[]; quantisation: null },
      ];
      const numbers = (each: Float32Array): Value => c.graph.constant(`${c.step.node}/scale`, [each.length], each);
      const mean = (of: Value): Value => computed(c, 'mean', [of, axes(c, 3)], one, { keepDimensions: true });
      const centred = computed(c, 'subtract', [value, mean(value)], same, none);
      const variance = mean(computed(c, 'multiply', [centred, centred], same, none));
      const above = computed(c, 'add', [variance, numbers(Float32Array.of(epsilon))], one, none);
      const factor = computed(c, 'reciprocal-root', [above], one);
      const normalised = computed(c, 'multiply', [centred, factor], same, none);
      const scaled = computed(c, 'multiply', [normalised, numbers(scale)], same, none);
      return computed(c, 'add', [scaled, numbers(shift)], same, none);
    }),
  'response-normalization': ({ size, alpha, beta, bias }, c) =>
    inFloats(c, (value) =>
      computed(
        c,
        'response-normalization',
        [value],
        { dims: value.dims, quantisation: null },
        {
          radius: (size - 1) / 2,
          bias,
          alpha: alpha / size,
          beta,
        },
      ),
    ),
  bound(of, c) {
    const input = firstInput(c);
    const fused = fusedOf(of);
    if (fused === 'relu' || (fused !== null && fused !== 'none' && c.to === null)) return result(c, fused, [input]);
    return bounded(c, requantised(c, input, c.to), of);
  },
  activation: activationOperators,
  'max-pool'(of, c) {
    const { image, padding } = placed(c, firstInput(c), of, 'lowest');
    const { kernel, stride } = of;
    return result(c, 'max-pool', [image], {
      padding,
      strideWidth: stride,
      strideHeight: stride,
      filterWidth: kernel,
      filterHeight: kernel,
      fused: fusedFunctions.none,
    });
  },
  'average-pool': averaged,
  pad: ({ margins, value }, c) => padded(c, firstInput(c), margins, value),
  'global-average-pool': (_of, c) => result(c, 'mean', [firstInput(c), axes(c, 1, 2)], { keepDimensions: true }),
  select: ({ take }, c) =>
    result(c, 'gather', [firstInput(c), c.graph.constant(`${c.step.node}/channels`, [take.length], Int32Array.from(take))], {
      axis: 3,
    }),
  sum: summed,
  product: (_of, c) => withBounds(c, (fused) => result(c, 'multiply', c.inputs, { fused })),
  concat: (_of, c) =>
    result(
      c,
      'concatenation',
      c.inputs.map((input) => requantised(c, input, c.to)),
      { axis: 3, fused: fusedFunctions.none },
    ),
};

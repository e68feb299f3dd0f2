/** The steps of a deployed network in bytes as calls of the functions in `kernels-int8.ts`. */
import { countOf, type OperationOf, type OperationTable } from '../../deploy/deployed.ts';
import { fixedPoint, fixedPoints, type FixedPoint } from '../../deploy/fixed-point.ts';
import { boundBytes, byteOf, leastByte, type Quantisation, type QuantisedFilters } from '../../deploy/quantise.ts';
import { rowOf } from '../../network/activations.ts';
import { must } from '../../util/assert.ts';
import { floatLiteral } from './literals.ts';
import { convolved, firstInput, inputShape, isGate, pixelsOf, stacked, windowFields, type StepContext } from './step-context.ts';

export interface Int8Context extends StepContext {
  /** Of the inputs and of the result. */
  readonly from: readonly Quantisation[];
  readonly to: Quantisation;
  readonly filters: QuantisedFilters | null;
}

const source = ({ from }: Int8Context, at = 0): Quantisation => must(from[at], 'quantisation');

/** Between the bytes of two scales. */
const rescaled = (from: Quantisation, to: Quantisation): FixedPoint => fixedPoint(from.scale / to.scale);

/** The results of all 256 bytes. */
function table(c: Int8Context, value: (x: number) => number): Int8Array {
  const from = source(c);
  return Int8Array.from({ length: 256 }, (_none, at) => byteOf(value((at + leastByte - from.zero) * from.scale), c.to));
}

function lookedUp(c: Int8Context, value: (x: number) => number): readonly string[] {
  c.use('look_up');
  const results = c.array('results', 'int8_t', table(c, value));
  return [`look_up(${countOf(c.shape)}, ${results}, ${firstInput(c)}, ${c.output});`];
}

const quantisationOf = (c: Int8Context): string => {
  const [{ scale, zero }, { scale: outputScale, zero: outputZero }] = [source(c), c.to];
  return c.structure('quantisation', {
    input_scale: floatLiteral(scale),
    input_zero: zero,
    output_scale: floatLiteral(outputScale),
    output_zero: outputZero,
  });
};

const bounds = (c: Int8Context) => {
  const { least, most } = boundBytes(c.step.bounds, c.to);
  return { output_zero: c.to.zero, least, most };
};

function filtered(operation: OperationOf<'convolution' | 'dense' | 'affine'>, c: Int8Context): readonly string[] {
  const { weights: own, scales, bias } = must(c.filters, 'filters');
  const { kernel, weights, geometry } = convolved(operation, own, c);
  c.use(kernel);
  const factors = Array.from(scales, (scale) => fixedPoint((source(c).scale * scale) / c.to.scale));
  const layer = c.structure('convolution', {
    weights: c.array('weights', 'int8_t', weights),
    bias: c.array('bias', 'int32_t', bias),
    multipliers: c.array(
      'multipliers',
      'int32_t',
      factors.map(({ multiplier }) => multiplier),
    ),
    shifts: c.array(
      'shifts',
      'uint8_t',
      factors.map(({ shift }) => shift),
    ),
    ...geometry,
    input_zero: source(c).zero,
    ...bounds(c),
  });
  return [`${kernel}(&${layer}, ${firstInput(c)}, ${c.output});`];
}

export const int8Steps: OperationTable<[c: Int8Context], readonly string[]> = {
  convolution: filtered,
  dense: filtered,
  affine: filtered,
  'layer-normalization'({ epsilon, scale, shift }, c) {
    c.use('layer_normalise');
    const by = quantisationOf(c);
    const numbers = [c.array('scale', 'float', scale), c.array('shift', 'float', shift)].join(', ');
    const size = `${pixelsOf(c.shape)}, ${c.shape.channels}`;
    return [`layer_normalise(&${by}, ${size}, ${floatLiteral(epsilon)}, ${numbers}, ${firstInput(c)}, ${c.output});`];
  },
  'response-normalization'({ size, alpha, beta, bias }, c) {
    c.use('normalise_response');
    const numbers = [alpha, beta, bias].map(floatLiteral).join(', ');
    const extent = `${pixelsOf(c.shape)}, ${c.shape.channels}, ${size}`;
    return [`normalise_response(&${quantisationOf(c)}, ${extent}, ${numbers}, ${firstInput(c)}, ${c.output});`];
  },
  bound: ({ least, most }, c) => lookedUp(c, (x) => Math.min(Math.max(x, least), most)),
  activation: ({ function: of }, c) => lookedUp(c, rowOf(of).value),
  'max-pool'(of, c) {
    c.use('max_pool');
    return [`max_pool(&${c.structure('window', windowFields(c, of))}, ${firstInput(c)}, ${c.output});`];
  },
  'average-pool'(of, c) {
    c.use('average_pool');
    const layer = c.structure('window', windowFields(c, of));
    const all = of.kernel * of.kernel;
    const counts = of.counted ? [all] : Array.from({ length: all }, (_none, at) => at + 1);
    const factors = counts.map((count) => fixedPoint(source(c).scale / c.to.scale / count));
    const numbers = [
      of.counted ? 1 : 0,
      c.array(
        'multipliers',
        'int32_t',
        factors.map(({ multiplier }) => multiplier),
      ),
      c.array(
        'shifts',
        'uint8_t',
        factors.map(({ shift }) => shift),
      ),
      source(c).zero,
      c.to.zero,
    ];
    return [`average_pool(&${layer}, ${numbers.join(', ')}, ${firstInput(c)}, ${c.output});`];
  },
  pad({ value, margins }, c) {
    c.use('pad');
    const layer = c.structure('window', windowFields(c, { kernel: 1, stride: 1, margins }));
    return [`pad(&${layer}, ${value === 'zero' ? c.to.zero : leastByte}, ${firstInput(c)}, ${c.output});`];
  },
  'global-average-pool'(_of, c) {
    c.use('average_all');
    const pixels = pixelsOf(inputShape(c));
    const { multiplier, shift } = fixedPoint(source(c).scale / c.to.scale / pixels);
    const numbers = [pixels, c.shape.channels, multiplier, shift, source(c).zero, c.to.zero].join(', ');
    return [`average_all(${numbers}, ${firstInput(c)}, ${c.output});`];
  },
  select({ take }, c) {
    c.use('select');
    const taken = c.array('take', 'uint16_t', take);
    const size = `${pixelsOf(c.shape)}, ${inputShape(c).channels}`;
    return [`select_channels(${size}, ${taken}, ${take.length}, ${firstInput(c)}, ${c.output});`];
  },
  sum({ shares }, c) {
    c.use('sum');
    const { multipliers, shift } = fixedPoints(shares.map((share, at) => (share * source(c, at).scale) / c.to.scale));
    const layer = c.structure('sum', {
      multipliers: c.array('multipliers', 'int32_t', multipliers),
      zeros: c.array(
        'zeros',
        'int32_t',
        c.from.map(({ zero }) => zero),
      ),
      terms: shares.length,
      shift,
      ...bounds(c),
    });
    return [`add(&${layer}, ${countOf(c.shape)}, (const int8_t *const[]){${c.inputs.join(', ')}}, ${c.output});`];
  },
  product(_of, c) {
    c.use('product');
    const [first, second] = [source(c), source(c, 1)];
    const { multiplier, shift } = fixedPoint((first.scale * second.scale) / c.to.scale);
    const layer = c.structure('product', {
      multiplier,
      shift,
      first_zero: first.zero,
      second_zero: second.zero,
      ...bounds(c),
    });
    const size = `${pixelsOf(c.shape)}, ${c.shape.channels}, ${isGate(c) ? 1 : 0}`;
    return [`multiply(&${layer}, ${size}, ${c.inputs.join(', ')}, ${c.output});`];
  },
  concat(_of, c) {
    c.use('concat');
    const { shape, to } = c;
    return stacked(c, (at, channels, output) => {
      const { multiplier, shift } = rescaled(source(c, at), to);
      const numbers = [pixelsOf(shape), channels, shape.channels, multiplier, shift, source(c, at).zero, to.zero].join(', ');
      return `stack(${numbers}, ${c.inputs[at]}, ${output});`;
    });
  },
};

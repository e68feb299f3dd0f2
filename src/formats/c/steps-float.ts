/** The steps of a deployed network as calls of the functions in `kernels-float.ts`. */
import { affineAsConvolution } from '../../deploy/quantise.ts';
import { countOf, type Bounds, type OperationOf, type OperationTable } from '../../deploy/deployed.ts';
import { askActivation, geluByTanh, type ActivationFunction, type ActivationTable } from '../../network/activations.ts';
import { floatLiteral } from './literals.ts';
import { convolved, firstInput, inputShape, isGate, pixelsOf, stacked, windowFields, type StepContext } from './step-context.ts';

/** The lowest and the largest number stand for no bounds. */
const none: Bounds = { least: -3.4028234663852886e38, most: 3.4028234663852886e38 };

function boundFields(bounds: Bounds | null): { readonly least: string; readonly most: string } {
  const { least, most } = bounds ?? none;
  return { least: floatLiteral(Math.max(least, none.least)), most: floatLiteral(Math.min(most, none.most)) };
}

const bodies: ActivationTable<[], string> = {
  clip: ({ least, most }) =>
    `x < ${floatLiteral(least)} ? ${floatLiteral(least)} : x > ${floatLiteral(most)} ? ${floatLiteral(most)} : x`,
  'hard-sigmoid': ({ slope, offset }) => `fminf(fmaxf(${floatLiteral(slope)} * x + ${floatLiteral(offset)}, 0.0F), 1.0F)`,
  'hard-swish': () => 'x * fminf(fmaxf(x / 6.0F + 0.5F, 0.0F), 1.0F)',
  sigmoid: () => '1.0F / (1.0F + expf(-x))',
  silu: () => 'x / (1.0F + expf(-x))',
  gelu: ({ by }) =>
    by === 'erf'
      ? `0.5F * x * (1.0F + erff(x * ${floatLiteral(Math.SQRT1_2)}))`
      : `0.5F * x * (1.0F + tanhf(${floatLiteral(geluByTanh.scale)} * (x + ${floatLiteral(geluByTanh.cube)} * x * x * x)))`,
};

/** Its name in C; functions of one name differ by their numbers. */
const functionName = (of: ActivationFunction): string => {
  const numbers = Object.values(of)
    .slice(1)
    .map((value) => String(value).replaceAll(/[^0-9a-z]/g, '_'));
  return [of.name.replaceAll('-', '_'), ...numbers].join('_');
};

function filtered(operation: OperationOf<'convolution' | 'dense' | 'affine'>, c: StepContext): readonly string[] {
  const own = operation.kind === 'affine' ? affineAsConvolution(operation) : operation;
  const { kernel, weights, geometry } = convolved(operation, own.weights, c);
  c.use(kernel);
  const layer = c.structure('convolution', {
    weights: c.array('weights', 'float', weights),
    bias: own.bias === null ? '0' : c.array('bias', 'float', own.bias),
    ...geometry,
    ...boundFields(c.step.bounds),
  });
  return [`${kernel}(&${layer}, ${firstInput(c)}, ${c.output});`];
}

export const floatSteps: OperationTable<[c: StepContext], readonly string[]> = {
  convolution: filtered,
  dense: filtered,
  affine: filtered,
  'layer-normalization'({ epsilon, scale, shift }, c) {
    c.use('layer_normalise');
    const [by, and] = [c.array('scale', 'float', scale), c.array('shift', 'float', shift)];
    const size = `${pixelsOf(c.shape)}, ${c.shape.channels}`;
    return [`layer_normalise(${size}, ${floatLiteral(epsilon)}, ${by}, ${and}, ${firstInput(c)}, ${c.output});`];
  },
  'response-normalization'({ size, alpha, beta, bias }, c) {
    c.use('normalise_response');
    const numbers = [alpha, beta, bias].map(floatLiteral).join(', ');
    return [`normalise_response(${pixelsOf(c.shape)}, ${c.shape.channels}, ${size}, ${numbers}, ${firstInput(c)}, ${c.output});`];
  },
  bound(of, c) {
    c.use('bound');
    const { least, most } = boundFields(of);
    return [`bound(${countOf(c.shape)}, ${least}, ${most}, ${firstInput(c)}, ${c.output});`];
  },
  activation({ function: of }, c) {
    c.use('activate');
    const name = functionName(of);
    c.define(`static float ${name}(float x) {\n  return ${askActivation(bodies, of)};\n}`);
    return [`activate(${name}, ${countOf(c.shape)}, ${firstInput(c)}, ${c.output});`];
  },
  'max-pool'(of, c) {
    c.use('max_pool');
    return [`max_pool(&${c.structure('window', windowFields(c, of))}, ${firstInput(c)}, ${c.output});`];
  },
  'average-pool'(of, c) {
    c.use('average_pool');
    const layer = c.structure('window', windowFields(c, of));
    return [`average_pool(&${layer}, ${of.counted ? 1 : 0}, ${firstInput(c)}, ${c.output});`];
  },
  pad({ value, margins }, c) {
    c.use('pad');
    const layer = c.structure('window', windowFields(c, { kernel: 1, stride: 1, margins }));
    return [`pad(&${layer}, ${value === 'zero' ? '0.0F' : floatLiteral(none.least)}, ${firstInput(c)}, ${c.output});`];
  },
  'global-average-pool'(_of, c) {
    c.use('average_all');
    const { channels } = c.shape;
    return [`average_all(${pixelsOf(inputShape(c))}, ${channels}, ${firstInput(c)}, ${c.output});`];
  },
  select({ take }, c) {
    c.use('select');
    const taken = c.array('take', 'uint16_t', take);
    const size = `${pixelsOf(c.shape)}, ${inputShape(c).channels}`;
    return [`select_channels(${size}, ${taken}, ${take.length}, ${firstInput(c)}, ${c.output});`];
  },
  sum({ shares }, c) {
    c.use('sum');
    const { least, most } = boundFields(c.step.bounds);
    const by = c.array('shares', 'float', shares);
    const inputs = `(const float *const[]){${c.inputs.join(', ')}}`;
    return [`add(${shares.length}, ${by}, ${countOf(c.shape)}, ${least}, ${most}, ${inputs}, ${c.output});`];
  },
  product(_of, c) {
    c.use('product');
    const { least, most } = boundFields(c.step.bounds);
    const size = `${pixelsOf(c.shape)}, ${c.shape.channels}`;
    return [`multiply(${size}, ${isGate(c) ? 1 : 0}, ${least}, ${most}, ${c.inputs.join(', ')}, ${c.output});`];
  },
  concat(_of, c) {
    c.use('concat');
    const { shape } = c;
    return stacked(
      c,
      (at, channels, output) => `stack(${pixelsOf(shape)}, ${channels}, ${shape.channels}, ${c.inputs[at]}, ${output});`,
    );
  },
};

/**
 * Batch normalisation of a convolution by columns, computed from the mean s and the covariance C of the columns. W·x has the mean
 * W·s and as variances the diagonal of W·C·Wᵀ. With few columns this is faster than a pass over all pixels of the convolution's
 * output, which is never computed. It does not apply where the gradient to the input is needed, since that needs the output.
 */
import { accessOf } from '../../../program/access.ts';
import { bufferOf, type BufferId, type Step, type StepOf } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { columnsOf } from './columns.ts';
import { channelSum, deviation, perRow, planesOf } from './rows.ts';
import { isByColumns } from './windows.ts';

/** The steps around a convolution whose output only a batch normalisation with batch statistics reads. */
interface Normalized {
  readonly convolution: StepOf<'convolution'>;
  readonly normalization: StepOf<'batch-normalization'>;
  readonly back: StepOf<'batch-normalization-gradient'>;
  readonly toKernel: StepOf<'convolution-gradient-kernel'>;
}

/** The largest number of columns per output channel. With more, the products of all pairs of columns cost more than they save. */
const mostColumns = 2;

function found(b: Builder): readonly Normalized[] {
  const { steps } = b.program;
  const readersOf = (id: BufferId): readonly Step[] =>
    bufferOf(b.program, id).kind === 'temporary' ? steps.filter((step) => accessOf(step).reads.includes(id)) : [];
  return steps.flatMap((convolution) => {
    if (convolution.kind !== 'convolution' || b.portable) return [];
    const { input, output, geometry } = convolution;
    if (!isByColumns(b, input, output, geometry)) return [];
    const [outputs, inputs, size] = b.shape(convolution.kernel) as [number, number, number];
    if (inputs * size ** 2 > mostColumns * outputs) return [];
    const [normalization, back, ...others] = readersOf(output);
    if (normalization?.kind !== 'batch-normalization' || normalization.statistics !== 'batch') return [];
    if (back?.kind !== 'batch-normalization-gradient' || others.length > 0) return [];
    const [toKernel, ...more] = readersOf(back.inputGradient);
    if (toKernel?.kind !== 'convolution-gradient-kernel' || more.length > 0) return [];
    return [{ convolution, normalization, back, toKernel }];
  });
}

const known = new WeakMap<Builder, readonly Normalized[]>();

/** The group of steps that this step belongs to, if any. */
export function normalizedOf(b: Builder, step: Step): Normalized | undefined {
  const all = known.get(b) ?? found(b);
  known.set(b, all);
  return all.find((each) => Object.values(each).includes(step));
}

/** The columns (J, N·H·W) of a convolution, their mean (J, 1), the kernel W (O, J), W·C (O, J), and √(variance + ε) (O). */
function partsOf(b: Builder, { convolution, normalization }: Normalized) {
  const { input, output, geometry, kernel } = convolution;
  const [batch, , height, width] = planesOf(b, output);
  const share = b.number(1 / (batch * height * width));
  const columns = columnsOf(b, input, output, geometry);
  const rows = b.once(`rows of kernel ${kernel}`, () => b.reshape(b.read(kernel), [b.shape(kernel)[0] as number, -1]));
  const mean = b.once(`mean of ${columns}`, () => b.node('ReduceMean', [columns], { axes: [1], keepdims: 1 }));
  const covariance = b.once(`covariance of ${columns}`, () => {
    const products = b.node('Mul', [b.node('Gemm', [columns, columns], { transB: 1 }), share]);
    return b.node('Sub', [products, b.node('Gemm', [mean, mean], { transB: 1 })]);
  });
  const spread = b.once(`${kernel} times ${covariance}`, () => b.node('Gemm', [rows, covariance]));
  const sigma = (): string =>
    b.once(`deviation of ${output}`, () => deviation(b, b.read(normalization.variance), normalization.epsilon));
  return { columns, mean, rows, spread, sigma };
}

/** Returns (x − μ)/σ·γ + β as rows; writes μ and σ². */
export function normalizeByColumns(b: Builder, all: Normalized): string {
  const { convolution, normalization } = all;
  const { columns, mean, rows, spread, sigma } = partsOf(b, all);
  // Rounding may give slightly negative variances.
  b.node('Relu', [channelSum(b, b.node('Mul', [spread, rows]))], {}, b.write(normalization.variance));
  const own = b.reshape(b.node('Gemm', [rows, mean]), [-1]);
  // A bias changes only the mean.
  const bias = convolution.bias === null ? [] : [b.read(convolution.bias)];
  b.node('Sum', [own, ...bias], {}, b.write(normalization.mean));
  const factor = b.node('Div', [b.read(normalization.scale), sigma()]);
  const shift = b.node('Sub', [b.read(normalization.shift), b.node('Mul', [own, factor])]);
  return b.node('Gemm', [b.node('Mul', [rows, perRow(b, factor)]), columns, perRow(b, shift)]);
}

/**
 * Given g, the gradient to the normalised rows: dβ = Σ g. With A = g·xᵀ − dβ·sᵀ, dγ = Σ A⊙W/σ, and the gradient to the kernel is
 * γ/σ·(A − dγ/σ·W·C).
 */
export function gradientsByColumns(b: Builder, all: Normalized, gradient: string): void {
  const { back, toKernel } = all;
  const { columns, mean, rows, spread, sigma } = partsOf(b, all);
  const shiftGradient = channelSum(b, gradient, b.write(back.shiftGradient));
  const products = b.node('Gemm', [gradient, columns], { transB: 1 });
  const centered = b.node('Sub', [products, b.node('Gemm', [perRow(b, shiftGradient), mean], { transB: 1 })]);
  const sum = channelSum(b, b.node('Mul', [centered, rows]));
  const scaleGradient = b.node('Div', [sum, sigma()], {}, b.write(back.scaleGradient));
  const along = b.node('Mul', [spread, perRow(b, b.node('Div', [scaleGradient, sigma()]))]);
  const factor = perRow(b, b.node('Div', [b.read(back.scale), sigma()]));
  const toRows = b.node('Mul', [b.node('Sub', [centered, along]), factor]);
  b.reshape(toRows, b.shape(toKernel.kernelGradient), b.write(toKernel.kernelGradient));
  // The gradient to the bias is zero: the normalisation subtracts what the bias adds.
  if (toKernel.biasGradient !== null) b.node('Mul', [shiftGradient, b.number(0)], {}, b.write(toKernel.biasGradient));
}

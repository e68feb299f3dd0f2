/**
 * Convolutions with zero padding, grouped ones included, and their two gradients. All three use `eachRow`, which visits the
 * products of the definition, output[n,o,y,x] = bias[o] + Σ_{i,u,v} kernel[o,i,u,v]·input[n,i,y·s+u·d−p,x·s+v·d−p].
 */
import { isRounded, rounded } from '../../program/precision.ts';
import type { BufferId, Geometry } from '../../program/program.ts';
import { type Memory, type Planes, planesOf, type Rows } from './memory.ts';

/**
 * The outputs along one axis for which position `offset` of the window lies on the input and not on the padding,
 * 0 ≤ x·stride + offset − padding < size: `first` … `first + count − 1`.
 */
function reachOf(
  offset: number,
  size: number,
  outputSize: number,
  stride: number,
  padding: number,
): { readonly first: number; readonly count: number } {
  const first = Math.max(0, Math.ceil((padding - offset) / stride));
  const last = Math.min(outputSize - 1, Math.floor((size - 1 + padding - offset) / stride));
  return { first, count: Math.max(0, last - first + 1) };
}

/**
 * Visits all products, one row of outputs at a time. Each call stands for `count` products: the weight at index `weight` times the
 * inputs at `source + j·stride`, for the outputs at `target + j`.
 */
function eachRow(
  [batch, inputChannels, height, width]: Planes,
  [, outputChannels, outputHeight, outputWidth]: Planes,
  { kernel, stride, padding, groups, dilation = 1 }: Geometry,
  visit: (weight: number, source: number, target: number, count: number) => void,
): void {
  const [inputs, outputs] = [inputChannels / groups, outputChannels / groups];
  for (let v = 0; v < kernel; v++) {
    const x = reachOf(v * dilation, width, outputWidth, stride, padding);
    if (x.count === 0) continue;
    for (let u = 0; u < kernel; u++) {
      const y = reachOf(u * dilation, height, outputHeight, stride, padding);
      for (let n = 0; n < batch; n++)
        for (let o = 0; o < outputChannels; o++)
          for (let i = 0; i < inputs; i++) {
            const weight = ((o * inputs + i) * kernel + u) * kernel + v;
            const channel = Math.floor(o / outputs) * inputs + i;
            let source = ((n * inputChannels + channel) * height + y.first * stride + u * dilation - padding) * width;
            source += x.first * stride + v * dilation - padding;
            let target = ((n * outputChannels + o) * outputHeight + y.first) * outputWidth + x.first;
            for (let row = 0; row < y.count; row++) {
              visit(weight, source, target, x.count);
              source += stride * width;
              target += outputWidth;
            }
          }
    }
  }
}

/** What a convolution between planes reads: rounded where its precision says so. */
function operandsOf(m: Memory, geometry: Geometry, ids: readonly [BufferId, BufferId], [from, to]: readonly [Planes, Planes]) {
  const operands = ids.map((id) => m.values(id)) as [Float64Array, Float64Array];
  const isReduced = m.precision === 'bf16' && isRounded(geometry, from, to);
  return isReduced ? (operands.map(rounded) as [Float64Array, Float64Array]) : operands;
}

/** The sum of each channel, over (N, H, W). */
function sumPlanes(values: Float64Array, [batch, channels, height, width]: Planes, sums: Float64Array): void {
  sums.fill(0);
  const size = height * width;
  for (let plane = 0; plane < batch * channels; plane++)
    for (let j = 0; j < size; j++) (sums[plane % channels] as number) += values[plane * size + j] as number;
}

export const convolutions = {
  convolution(step, m) {
    const output = m.values(step.output);
    const [from, shape] = [planesOf(m, step.input), planesOf(m, step.output)];
    const [input, kernel] = operandsOf(m, step.geometry, [step.input, step.kernel], [from, shape]);
    const [batch, channels, height, width] = shape;
    const size = height * width;
    output.fill(0);
    if (step.bias !== null) {
      const bias = m.values(step.bias);
      for (let plane = 0; plane < batch * channels; plane++)
        output.fill(bias[plane % channels] as number, plane * size, (plane + 1) * size);
    }
    const { stride } = step.geometry;
    eachRow(from, shape, step.geometry, (weight, source, target, count) => {
      const w = kernel[weight] as number;
      for (let j = 0; j < count; j++) (output[target + j] as number) += w * (input[source + j * stride] as number);
    });
  },

  'convolution-gradient-input'(step, m) {
    const [from, to] = [planesOf(m, step.inputGradient), planesOf(m, step.outputGradient)];
    const [outputGradient, kernel] = operandsOf(m, step.geometry, [step.outputGradient, step.kernel], [from, to]);
    const inputGradient = m.values(step.inputGradient);
    inputGradient.fill(0);
    const { stride } = step.geometry;
    eachRow(from, to, step.geometry, (weight, source, target, count) => {
      const w = kernel[weight] as number;
      for (let j = 0; j < count; j++)
        (inputGradient[source + j * stride] as number) += w * (outputGradient[target + j] as number);
    });
  },

  'convolution-gradient-kernel'(step, m) {
    const [from, shape] = [planesOf(m, step.input), planesOf(m, step.outputGradient)];
    const [input, outputGradient] = operandsOf(m, step.geometry, [step.input, step.outputGradient], [from, shape]);
    const kernelGradient = m.values(step.kernelGradient);
    kernelGradient.fill(0);
    const { stride } = step.geometry;
    eachRow(from, shape, step.geometry, (weight, source, target, count) => {
      let sum = 0;
      for (let j = 0; j < count; j++) sum += (input[source + j * stride] as number) * (outputGradient[target + j] as number);
      (kernelGradient[weight] as number) += sum;
    });
    if (step.biasGradient !== null) sumPlanes(outputGradient, shape, m.values(step.biasGradient));
  },

  'bias-gradient'(step, m) {
    sumPlanes(m.values(step.outputGradient), planesOf(m, step.outputGradient), m.values(step.biasGradient));
  },
} satisfies Rows;

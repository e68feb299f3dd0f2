/** The matrix product of a dense layer and its gradients. An image (C, H, W) is one row, channel-major. */
import type { Rows } from './memory.ts';

export const denses = {
  dense(step, m) {
    const [x, kernel, bias, y] = [m.values(step.input), m.values(step.kernel), m.values(step.bias), m.values(step.output)];
    const [features, volume] = m.shape(step.kernel) as [number, number];
    for (let row = 0; row < y.length; row++) {
      const [n, f] = [Math.floor(row / features), row % features];
      let sum = bias[f] as number;
      for (let j = 0; j < volume; j++) sum += (kernel[f * volume + j] as number) * (x[n * volume + j] as number);
      y[row] = sum;
    }
  },

  'dense-gradient-input'(step, m) {
    const [dy, kernel, dx] = [m.values(step.outputGradient), m.values(step.kernel), m.values(step.inputGradient)];
    const [features, volume] = m.shape(step.kernel) as [number, number];
    dx.fill(0);
    for (let row = 0; row < dy.length; row++) {
      const [n, f] = [Math.floor(row / features), row % features];
      const gradient = dy[row] as number;
      for (let j = 0; j < volume; j++) (dx[n * volume + j] as number) += gradient * (kernel[f * volume + j] as number);
    }
  },

  'dense-gradient-kernel'(step, m) {
    const [x, dy] = [m.values(step.input), m.values(step.outputGradient)];
    const [kernelGradient, biasGradient] = [m.values(step.kernelGradient), m.values(step.biasGradient)];
    const [features, volume] = m.shape(step.kernelGradient) as [number, number];
    kernelGradient.fill(0);
    biasGradient.fill(0);
    for (let row = 0; row < dy.length; row++) {
      const [n, f] = [Math.floor(row / features), row % features];
      const gradient = dy[row] as number;
      for (let j = 0; j < volume; j++) (kernelGradient[f * volume + j] as number) += gradient * (x[n * volume + j] as number);
      (biasGradient[f] as number) += gradient;
    }
  },
} satisfies Rows;

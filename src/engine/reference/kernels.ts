/** One row a kind of step: the numbers that it means. */
import type { StepTable } from '../../program/program.ts';
import { relu, reluGradient } from './activation.ts';
import { convolution, convolutionGradientInput, convolutionGradientKernel } from './convolution.ts';
import { dense, denseGradientInput, denseGradientKernel } from './dense.ts';
import { add, concat, concatGradient, convex, convexGradient } from './joining.ts';
import { update } from './learning.ts';
import { softmaxCrossEntropy } from './loss.ts';
import type { Memory } from './memory.ts';
import { batchNormalization, batchNormalizationGradient, runningStatistics, statistics } from './normalization.ts';
import { globalAveragePool, globalAveragePoolGradient, maxPool, maxPoolGradient } from './pooling.ts';

export const kernels: StepTable<[memory: Memory], void> = {
  convolution,
  'convolution-gradient-input': convolutionGradientInput,
  'convolution-gradient-kernel': convolutionGradientKernel,
  'batch-normalization': batchNormalization,
  'batch-normalization-gradient': batchNormalizationGradient,
  'running-statistics': runningStatistics,
  relu,
  'relu-gradient': reluGradient,
  'max-pool': maxPool,
  'max-pool-gradient': maxPoolGradient,
  'global-average-pool': globalAveragePool,
  'global-average-pool-gradient': globalAveragePoolGradient,
  dense,
  'dense-gradient-input': denseGradientInput,
  'dense-gradient-kernel': denseGradientKernel,
  add,
  convex,
  'convex-gradient': convexGradient,
  concat,
  'concat-gradient': concatGradient,
  'softmax-cross-entropy': softmaxCrossEntropy,
  'channel-statistics': statistics,
  update,
};

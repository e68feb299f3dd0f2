/**
 * One row a kind of step: the ONNX operators that compute it. Which of several ways of writing a step down is taken was chosen
 * by measurement (`npm run bench -- onnx`): what ONNX Runtime computes well on a processor counts, not how many nodes there are.
 */
import type { StepTable } from '../../program/program.ts';
import type { Builder } from './builder.ts';
import { convolutions } from './lowering/convolution.ts';
import { denses } from './lowering/dense.ts';
import { joins } from './lowering/joining.ts';
import { learning } from './lowering/learning.ts';
import { normalizations } from './lowering/normalization.ts';
import { pools } from './lowering/pooling.ts';

export const lowerings: StepTable<[b: Builder], void> = {
  ...convolutions,
  ...denses,
  ...normalizations,
  ...pools,
  ...joins,
  ...learning,
};

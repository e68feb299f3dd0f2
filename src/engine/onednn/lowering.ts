/**
 * One row a kind of step: the primitives that compute it, and the layouts in which it reads and writes. Convolutions and
 * dense layers have their layouts chosen by the library; everything else follows what it reads. It knows no memory.
 */
import type { StepTable } from '../../program/program.ts';
import type { Builder } from './builder.ts';
import { convolutions } from './lowering/convolution.ts';
import { denses } from './lowering/dense.ts';
import { joins } from './lowering/joining.ts';
import { learning } from './lowering/learning.ts';
import { normalizations } from './lowering/normalization.ts';
import { pools } from './lowering/pooling.ts';

export { parameterLayout } from './lowering/learning.ts';

export const lowerings: StepTable<[b: Builder], void> = {
  ...convolutions,
  ...denses,
  ...normalizations,
  ...pools,
  ...joins,
  ...learning,
};

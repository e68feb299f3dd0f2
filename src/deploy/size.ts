/** What a deployed network in bytes takes on a device, by its structure alone. */
import type { Network } from '../network/network.ts';
import { askOperation, type Deployed, type OperationTable } from './deployed.ts';
import { deployStructure } from './lower.ts';
import { planMemory } from './memory.ts';

/** Bytes of a weight, and of what each filter has beside its weights: a scale in f32 and a bias of 32 bits. */
const weightSize = 1;
const filterSize = 4 + 4;
/** Of each channel of a layer normalisation: scale and shift in f32. */
const normalisedSize = 4 + 4;

const none = (): number => 0;

/** Bytes of the weights of each operation in bytes. An affine one is a depthwise convolution of one weight a channel. */
const weightBytes: OperationTable<[], number> = {
  convolution: ({ weights, filters }) => weightSize * weights.length + filterSize * filters,
  dense: ({ weights, features }) => weightSize * weights.length + filterSize * features,
  affine: ({ scale }) => (weightSize + filterSize) * scale.length,
  'layer-normalization': ({ scale }) => normalisedSize * scale.length,
  'response-normalization': none,
  bound: none,
  activation: none,
  'max-pool': none,
  'average-pool': none,
  pad: none,
  'global-average-pool': none,
  select: none,
  sum: none,
  product: none,
  concat: none,
};

/** Bytes of weights, scales and biases in bytes; not of tables, names and what else a format adds. */
export const countWeightBytes = ({ steps }: Deployed): number =>
  steps.reduce((sum, { operation }) => sum + askOperation(weightBytes, operation), 0);

/** Bytes of the deployed network's weights in bytes. */
export const weightBytesOf = (network: Network): number => countWeightBytes(deployStructure(network));

/** Bytes of working memory of inference in bytes, as C code has it: one for each number of the plan. */
export const workingBytesOf = (network: Network): number => planMemory(deployStructure(network)).size;

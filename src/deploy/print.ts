/** Prints a deployed network, one line a step, and counts what it costs. */
import { rowOf } from '../network/activations.ts';
import { formatShape } from '../network/shapes.ts';
import { formatWhole } from '../util/words.ts';
import {
  askOperation,
  countOf,
  shapeOf,
  type Bounds,
  type Deployed,
  type OperationTable,
  type Step,
  type Window,
} from './deployed.ts';

const sides = ({ margins: { top, left, bottom, right } }: Pick<Window, 'margins'>): string =>
  [top, left, bottom, right].every((side) => side === top) ? String(top) : [top, left, bottom, right].join();

const windowWords = (window: Window): string =>
  `${window.kernel}×${window.kernel}` +
  (window.stride === 1 ? '' : ` stride ${window.stride}`) +
  (sides(window) === '0' ? '' : ` margins ${sides(window)}`) +
  (window.dilation === 1 ? '' : ` dilation ${window.dilation}`);

const boundWords = ({ least, most }: Bounds): string =>
  most === Infinity ? (least === 0 ? 'relu' : `at least ${least}`) : `${least} to ${most}`;

const words: OperationTable<[], string> = {
  convolution: (of) => `convolution ${windowWords(of)}${of.groups === 1 ? '' : ` in ${of.groups} groups`}`,
  dense: () => 'dense',
  affine: () => 'affine',
  'layer-normalization': () => 'layer norm',
  'response-normalization': ({ size }) => `response norm ${size}`,
  bound: (of) => boundWords(of),
  activation: ({ function: of }) => rowOf(of).words,
  'max-pool': (of) => `max pool ${windowWords(of)}`,
  'average-pool': (of) => `average pool ${windowWords(of)}${of.counted ? '' : ' inside'}`,
  pad: (of) => `pad ${sides(of)}${of.value === 'zero' ? '' : ' by the lowest'}`,
  'global-average-pool': () => 'global average pool',
  select: ({ take }) => `channels ${take.join()}`,
  sum: ({ shares }) =>
    shares.every((share) => share === 1) ? 'sum' : `sum ${shares.map((share) => Number(share.toPrecision(3))).join(' + ')}`,
  product: () => 'product',
  concat: () => 'concat',
};

/** Such as `convolution 3×3 margins 1, relu`. */
export const describeStep = ({ operation, bounds }: Step): string =>
  `${askOperation(words, operation)}${bounds === null ? '' : `, ${boundWords(bounds)}`}`;

const cells = (step: Step): readonly string[] => [
  String(step.output),
  describeStep(step),
  `← ${step.inputs.join(', ')}`,
  formatShape(step.shape),
];

/** `3  convolution 3×3 margins 1, relu  ← 2  16×8×8`; value 0 is the image. */
export function printDeployed({ image, steps }: Deployed): string {
  const rows = [['0', 'image', '', formatShape(image)], ...steps.map(cells)];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Multiply-adds of a step; only those of convolutions and dense layers count. */
function multiplyAddsOf(deployed: Deployed, { operation, inputs, shape }: Step): number {
  if (operation.kind === 'dense') return operation.weights.length;
  if (operation.kind !== 'convolution') return 0;
  const { channels } = shapeOf(deployed, inputs[0] ?? 0);
  return countOf(shape) * (channels / operation.groups) * operation.kernel ** 2;
}

export const countDeployedMultiplyAdds = (deployed: Deployed): number =>
  deployed.steps.reduce((sum, step) => sum + multiplyAddsOf(deployed, step), 0);

/** `1,234 multiply-adds`. */
export const multiplyAddWords = (deployed: Deployed): string =>
  `${formatWhole(countDeployedMultiplyAdds(deployed))} multiply-adds`;

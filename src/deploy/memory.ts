/**
 * Where the values of a deployed network lie in one piece of memory, and how large that is. A step may write where one of its inputs
 * lies that nothing reads later; other values share memory where their lifetimes do not meet. Placed by size, the largest first, each
 * into the smallest gap that holds it: "Greedy by Size for Offset Calculation" (Pisarchyk & Lee 2020, arXiv 2001.03288, §5.2). All
 * lengths are in numbers; of one network all have the same size.
 */
import { must } from '../util/assert.ts';
import { countOf, shapeOf, type Deployed, type Operation, type OperationTable, type Step, type ValueId } from './deployed.ts';

export interface MemoryPlan {
  /** The place of each value, by value. */
  readonly offsets: readonly number[];
  readonly size: number;
  /** What the step with the most needs; no plan of this order of steps is smaller. */
  readonly least: number;
}

/** Values of one place, from the step that makes the first (−1: the image) to the last that reads one. */
interface Block {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

const never = (): boolean => false;
const always = (): boolean => true;

const withoutMargins = ({ margins }: Extract<Operation, { kind: 'max-pool' | 'average-pool' }>): boolean =>
  Object.values(margins).every((margin) => margin === 0);

/**
 * Whether a writer's code may write its result where an input of the same length, or one that it reads in order and ahead, lies. A
 * writer computes each number from the numbers at its place and behind it (pools without margins), or from those of its own pixel, which
 * it reads first (layer normalisation). Channels are last.
 */
const overwrites: OperationTable<[], boolean> = {
  convolution: never,
  dense: never,
  affine: always,
  'layer-normalization': always,
  'response-normalization': never,
  bound: always,
  activation: always,
  'max-pool': withoutMargins,
  'average-pool': withoutMargins,
  pad: never,
  'global-average-pool': always,
  select: never,
  sum: always,
  product: always,
  concat: never,
};

function overwrittenBy(
  deployed: Deployed,
  { operation, inputs, shape }: Step,
  isLast: (input: ValueId) => boolean,
): ValueId | null {
  const row = overwrites[operation.kind] as (operation: Operation) => boolean;
  if (!row(operation)) return null;
  return inputs.find((input) => isLast(input) && countOf(shapeOf(deployed, input)) >= countOf(shape)) ?? null;
}

/** The smallest gap between blocks that live at the same time; else behind them. */
function gapFor(block: Block, placed: readonly { readonly block: Block; readonly offset: number }[]): number {
  const beside = placed
    .filter((other) => other.block.from <= block.to && block.from <= other.block.to)
    .toSorted((a, b) => a.offset - b.offset);
  let end = 0;
  let best: { readonly offset: number; readonly room: number } | null = null;
  for (const { block: other, offset } of beside) {
    const room = offset - end;
    if (room >= block.size && (best === null || room < best.room)) best = { offset: end, room };
    end = Math.max(end, offset + other.size);
  }
  return best?.offset ?? end;
}

/** A pure function of the network. */
export function planMemory(deployed: Deployed): MemoryPlan {
  const { steps, output } = deployed;
  const last: number[] = Array.from({ length: steps.length + 1 }, (_none, value) => value - 1);
  steps.forEach(({ inputs }, at) => inputs.forEach((input) => (last[input] = at)));
  last[output] = steps.length;

  /** By value: the value whose place it has. */
  const home: ValueId[] = [0];
  const blocks: Block[] = [{ size: countOf(deployed.image), from: -1, to: last[0] as number }];
  steps.forEach((step, at) => {
    const value = at + 1;
    const over = overwrittenBy(deployed, step, (input) => last[input] === at);
    const size = countOf(step.shape);
    const to = last[value] as number;
    home.push(over === null ? value : (home[over] as ValueId));
    const place = home[value] as ValueId;
    const before = blocks[place];
    blocks[place] = before === undefined ? { size, from: at, to } : { ...before, to };
  });

  const order = [...new Set(home)].toSorted((a, b) => {
    const [one, two] = [must(blocks[a], 'block'), must(blocks[b], 'block')];
    return two.size - one.size || one.from - two.from;
  });
  const placed: { readonly block: Block; readonly offset: number }[] = [];
  const offsets = new Map<ValueId, number>();
  for (const value of order) {
    const block = must(blocks[value], 'block');
    const offset = gapFor(block, placed);
    placed.push({ block, offset });
    offsets.set(value, offset);
  }
  const living = (at: number): number =>
    placed.reduce((sum, { block }) => sum + (block.from <= at && at <= block.to ? block.size : 0), 0);
  return {
    offsets: home.map((place) => must(offsets.get(place), 'offset')),
    size: placed.reduce((most, { block, offset }) => Math.max(most, offset + block.size), 0),
    least: Math.max(...Array.from({ length: steps.length + 2 }, (_none, at) => living(at - 1))),
  };
}

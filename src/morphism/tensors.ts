/**
 * The numbers of one parameter after an edit: moved, never computed with, except for the scaling of γ and β. New numbers
 * are drawn as initial ones are.
 */
import { assert, must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import type { NamedParameter } from '../network/parameters.ts';
import { sizeOf, type Tensor, type Tensors } from '../network/tensor.ts';
import { type Growth, layoutOf, totalOf } from './growth.ts';
import type { Source } from './operator.ts';

const oldTensor = (tensors: Tensors, name: string): Tensor => must(tensors[name], `tensor ${name}`);

/** A kernel (out, in, k, k) or (C, 1, k, k) that gives back its input. */
function identityKernel(shape: readonly number[]): Tensor {
  const [rows, columns, height, width] = shape as [number, number, number, number];
  assert(columns === 1 || columns === rows, () => `an identity kernel of ${rows} by ${columns} channels`);
  const data = new Float32Array(sizeOf(shape));
  const middle = ((height - 1) / 2) * width + (width - 1) / 2;
  for (let row = 0; row < rows; row++) data[(row * columns + (row % columns)) * height * width + middle] = 1;
  return { shape, data };
}

/** The parameter's numbers, from where they come. */
export function makeTensor(source: Source, { shape }: NamedParameter, old: Tensors): Tensor {
  switch (source.kind) {
    case 'identity':
      return identityKernel(shape);
    case 'constant':
      return { shape, data: new Float32Array(sizeOf(shape)).fill(source.value) };
    case 'shared':
      return oldTensor(old, source.from);
    case 'scaled':
      return { shape, data: oldTensor(old, source.from).data.map((value) => value * source.factor) };
  }
}

/** How a parameter grows: rows are its first axis; columns are channels of what it reads, each so many numbers of a row. */
export interface TensorGrowth {
  readonly rows: Growth;
  readonly columns: Growth;
  /** Numbers a channel in one row: k·k of a convolution, height·width of a dense layer. */
  readonly columnSize: number;
}

/** The tensor with new rows as initialised, and zeros in the new columns of the old rows. */
export function growTensor(tensor: Tensor, parameter: NamedParameter, growth: TensorGrowth, random: Random): Tensor {
  const { shape, initial } = parameter;
  const { rows, columns, columnSize } = growth;
  const rowCount = must(shape[0], 'first axis');
  const newRow = sizeOf(shape) / rowCount;
  const oldRow = newRow - totalOf(columns) * columnSize;
  const oldRows = rowCount - totalOf(rows);
  assert(
    oldRows * oldRow === tensor.data.length,
    () => `${parameter.name}: ${tensor.data.length} numbers, not ${oldRows}·${oldRow}`,
  );
  const data = new Float32Array(sizeOf(shape));
  const { kept, added } = layoutOf(oldRows, rows);
  // Within a row, in channels; one stretch of a row where no column is new.
  const stretches =
    totalOf(columns) === 0 ? [{ from: 0, to: 0, length: oldRow / columnSize }] : layoutOf(oldRow / columnSize, columns).kept;
  for (const { from, to, length } of kept)
    for (let row = 0; row < length; row++)
      for (const stretch of stretches) {
        const start = (from + row) * oldRow + stretch.from * columnSize;
        data.set(tensor.data.subarray(start, start + stretch.length * columnSize), (to + row) * newRow + stretch.to * columnSize);
      }
  const stream = random.fork(parameter.name);
  for (const [offset, count] of added) {
    const [start, end] = [offset * newRow, (offset + count) * newRow];
    if ('value' in initial) data.fill(initial.value, start, end);
    else for (let i = start; i < end; i++) data[i] = (2 * stream.float() - 1) * initial.bound;
  }
  return { shape, data };
}

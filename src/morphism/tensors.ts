/**
 * The numbers of one parameter after an edit: moved, never computed with, except for the scaling of γ and β and for the kernels that
 * stand for a larger one. New numbers are drawn as initial ones are.
 */
import { assert, must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import type { NamedParameter } from '../network/parameters.ts';
import { sizeOf, type Tensor, type Tensors } from '../network/tensor.ts';
import type { TensorSource } from './operator.ts';
import { cropped, factorsOf } from './smaller-kernels.ts';
import { layoutOf, type WidthChange, widthAfter } from './width-change.ts';

const oldTensor = (tensors: Tensors, name: string): Tensor => must(tensors[name], `tensor ${name}`);

/** A kernel (out, in, k, k) or (C, 1, k, k) that gives back its input. */
export function identityKernel(shape: readonly number[]): Tensor {
  const [rows, columns, height, width] = shape as [number, number, number, number];
  assert(columns === 1 || columns === rows, () => `an identity kernel of ${rows} by ${columns} channels`);
  const data = new Float32Array(sizeOf(shape));
  const middle = ((height - 1) / 2) * width + (width - 1) / 2;
  for (let row = 0; row < rows; row++) data[(row * columns + (row % columns)) * height * width + middle] = 1;
  return { shape, data };
}

/** The parameter's numbers, from where they come. */
export function makeTensor(source: TensorSource, { shape }: NamedParameter, old: Tensors): Tensor {
  switch (source.kind) {
    case 'identity':
      return identityKernel(shape);
    case 'constant':
      return { shape, data: new Float32Array(sizeOf(shape)).fill(source.value) };
    case 'shared':
      return oldTensor(old, source.from);
    case 'scaled':
      return { shape, data: oldTensor(old, source.from).data.map((value) => value * source.factor) };
    case 'cropped':
      return cropped(oldTensor(old, source.from));
    case 'depthwise-factor':
      return factorsOf(oldTensor(old, source.from)).depthwise;
    case 'pointwise-factor':
      return factorsOf(oldTensor(old, source.from)).pointwise;
  }
}

/** How a parameter changes: rows are its first axis; columns are channels of what it reads, each so many numbers of a row. */
export interface Resize {
  /** Undefined: all are kept, and none is new. */
  readonly rows: WidthChange | undefined;
  readonly columns: WidthChange | undefined;
  /** Numbers a channel in one row: k·k of a convolution, height·width of a dense layer. */
  readonly columnSize: number;
}

/** The tensor with its kept rows and columns, new rows as initialised, and zeros in the new columns of the old rows. */
export function resizeTensor(tensor: Tensor, { name, shape, initial }: NamedParameter, resize: Resize, random: Random): Tensor {
  const { columnSize } = resize;
  const rowCount = must(shape[0], 'first axis');
  const newRow = sizeOf(shape) / rowCount;
  const oldRow = tensor.data.length / must(tensor.shape[0], 'first axis');
  const { rows = [{ kept: 0, length: rowCount }], columns = [{ kept: 0, length: newRow / columnSize }] } = resize;
  assert(
    widthAfter(rows) === rowCount && widthAfter(columns) * columnSize === newRow,
    () => `${name}: ${widthAfter(rows)} rows of ${widthAfter(columns)}·${columnSize} numbers, not ${rowCount} of ${newRow}`,
  );
  const data = new Float32Array(sizeOf(shape));
  const { kept, added } = layoutOf(rows);
  const ranges = layoutOf(columns).kept;
  for (const { from, to, length } of kept)
    for (let row = 0; row < length; row++)
      for (const range of ranges) {
        const start = (from + row) * oldRow + range.from * columnSize;
        const numbers = tensor.data.subarray(start, start + range.length * columnSize);
        assert(numbers.length === range.length * columnSize, () => `${name} has no old row ${from + row}`);
        data.set(numbers, (to + row) * newRow + range.to * columnSize);
      }
  const stream = random.fork(name);
  for (const [offset, count] of added) {
    const [start, end] = [offset * newRow, (offset + count) * newRow];
    if ('value' in initial) data.fill(initial.value, start, end);
    else for (let i = start; i < end; i++) data[i] = (2 * stream.float() - 1) * initial.bound;
  }
  return { shape, data };
}

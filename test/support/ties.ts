/**
 * The margin of the decisions in a run of the reference engine: a ReLU passes or blocks a value, a max-pool selects one of several. If
 * the margin is within rounding, f32 and f64 may decide differently, both correctly, and their results cannot be compared.
 */
import type { ReferenceSession } from '../../src/engine/reference/engine.ts';
import type { StepOf } from '../../src/program/program.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { must } from '../../src/util/assert.ts';

type Numbers = Float32Array | Float64Array;

/** The smallest nonzero magnitude. Exact zeros are zero in every precision. */
function smallest(values: Numbers): number {
  let least = Infinity;
  for (const value of values) if (value !== 0) least = Math.min(least, Math.abs(value));
  return least;
}

/** The output of a batch normalisation before its ReLU. */
function normalized(session: ReferenceSession, step: StepOf<'batch-normalization'>, before: Tensors): Float64Array {
  const [x, mean, variance] = [session.values(step.input), session.values(step.mean), session.values(step.variance)];
  const [, channels, height, width] = session.shape(step.input) as [number, number, number, number];
  const state = (id: number): Numbers => must(before[must(session.program.buffers[id], 'buffer').name], 'state').data;
  const [scale, shift] = [state(step.scale), state(step.shift)];
  return x.map((value, index) => {
    const c = Math.floor(index / (height * width)) % channels;
    const deviation = Math.sqrt((variance[c] as number) + step.epsilon);
    return ((value - (mean[c] as number)) / deviation) * (scale[c] as number) + (shift[c] as number);
  });
}

/** The difference between the two largest values of each window, the smallest over all. Equal values are equal in every precision. */
function leads(session: ReferenceSession, { input, output, geometry }: StepOf<'max-pool'>): number {
  const [x, y] = [session.values(input), session.values(output)];
  const [, , height, width] = session.shape(input) as [number, number, number, number];
  const [, , rows, columns] = session.shape(output) as [number, number, number, number];
  const { kernel, stride, padding } = geometry;
  let least = Infinity;
  y.forEach((best, index) => {
    const plane = Math.floor(index / (rows * columns));
    const [top, left] = [(Math.floor(index / columns) % rows) * stride - padding, (index % columns) * stride - padding];
    for (let i = Math.max(0, top); i < Math.min(height, top + kernel); i++)
      for (let j = Math.max(0, left); j < Math.min(width, left + kernel); j++) {
        const behind = best - (x[(plane * height + i) * width + j] as number);
        if (behind > 0) least = Math.min(least, behind);
      }
  });
  return least;
}

/** The smallest margin in the last run. `before`: the state before the run. */
export function marginOf(session: ReferenceSession, before: Tensors): number {
  let margin = Infinity;
  for (const step of session.program.steps) {
    if (step.kind === 'relu') margin = Math.min(margin, smallest(session.values(step.input)));
    if (step.kind === 'max-pool') margin = Math.min(margin, leads(session, step));
    if (step.kind === 'batch-normalization' && step.relu) margin = Math.min(margin, smallest(normalized(session, step, before)));
  }
  return margin;
}

/**
 * How near a run of the reference engine came to deciding otherwise: a ReLU passes or stops a value, a max-pool takes one of
 * several. Where rounding decides, f32 and f64 go different ways, both rightly, and from there on nothing can be compared.
 */
import type { ReferenceSession } from '../../src/engine/reference/engine.ts';
import type { StepOf } from '../../src/program/program.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { must } from '../../src/util/assert.ts';

type Numbers = Float32Array | Float64Array;

/** The smallest magnitude; what is exactly 0 is so in every precision. */
function smallest(values: Numbers): number {
  let least = Infinity;
  for (const value of values) if (value !== 0) least = Math.min(least, Math.abs(value));
  return least;
}

/** What a batch normalisation gives to its ReLU. */
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

/** By how much the largest value of each window leads; equal ones are equal in every precision. */
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

/** The smallest distance from another decision in the run just made; `before` is the state that it started from. */
export function marginOf(session: ReferenceSession, before: Tensors): number {
  let margin = Infinity;
  for (const step of session.program.steps) {
    if (step.kind === 'relu') margin = Math.min(margin, smallest(session.values(step.input)));
    if (step.kind === 'max-pool') margin = Math.min(margin, leads(session, step));
    if (step.kind === 'batch-normalization' && step.relu) margin = Math.min(margin, smallest(normalized(session, step, before)));
  }
  return margin;
}

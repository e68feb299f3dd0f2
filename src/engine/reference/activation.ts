/** ReLU and its gradient. */
import type { StepOf } from '../../program/program.ts';
import type { Memory } from './memory.ts';

export function relu(step: StepOf<'relu'>, m: Memory): void {
  const [x, y] = [m.values(step.input), m.values(step.output)];
  for (let j = 0; j < y.length; j++) y[j] = Math.max(x[j] as number, 0);
}

export function reluGradient(step: StepOf<'relu-gradient'>, m: Memory): void {
  const [y, dy, dx] = [m.values(step.output), m.values(step.outputGradient), m.values(step.inputGradient)];
  for (let j = 0; j < y.length; j++) dx[j] = (y[j] as number) > 0 ? (dy[j] as number) : 0;
}

/** SGD with momentum and weight decay. State is kept in f32, as it is saved: going on after a save and after a load is one. */
import type { StepOf } from '../../program/program.ts';
import type { Memory } from './memory.ts';

export function sgd(step: StepOf<'sgd'>, m: Memory): void {
  const [parameter, gradient, velocity] = [m.values(step.parameter), m.values(step.gradient), m.values(step.velocity)];
  const rate = m.values(step.rate)[0] as number;
  for (let j = 0; j < parameter.length; j++) {
    const before = parameter[j] as number;
    const speed = step.momentum * (velocity[j] as number) + (gradient[j] as number) + step.decay * before;
    const after = Math.fround(before - rate * speed);
    const outside = step.clamp && (after < 0 || after > 1);
    velocity[j] = outside ? 0 : Math.fround(speed);
    parameter[j] = outside ? (after < 0 ? 0 : 1) : after;
  }
}

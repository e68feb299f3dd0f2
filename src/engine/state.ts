/** What sessions of engines have in common: passes, and the loading of state that is held in plain arrays. */
import type { Tensors } from '../network/tensor.ts';
import { bufferOf, type BufferId, type Program } from '../program/program.ts';
import { assert, must } from '../util/assert.ts';

/** Of a run: its number, checked, and whether the updates follow. */
export function isLast({ passes = 1 }: Program, pass: number): boolean {
  assert(Number.isInteger(pass) && pass >= 0 && pass < passes, () => `pass ${pass} of ${passes}`);
  return pass === passes - 1;
}

/** Sets each tensor of the state as `Session.load` says. `arrayOf` gives the memory of a buffer. */
export function loadState(program: Program, tensors: Tensors, arrayOf: (id: BufferId) => Float32Array | Float64Array): void {
  for (const { name, buffer, role } of program.state) {
    const tensor = tensors[name];
    if (tensor === undefined && role === 'optimizer') {
      arrayOf(buffer).fill(0);
      continue;
    }
    const { shape, data } = must(tensor, `tensor ${name}`);
    const expected = bufferOf(program, buffer).shape;
    assert(shape.join() === expected.join(), () => `${name} is ${shape.join('×')}, not ${expected.join('×')}`);
    arrayOf(buffer).set(data);
  }
}

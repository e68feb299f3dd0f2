/** Numbers with a shape: row-major, f32. Not changed once it is part of a set of parameters, since tensors are shared. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Tensors by name: `<node>/<role>`, such as `3/kernel`. */
export type Tensors = Readonly<Record<string, Tensor>>;

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

export function filled(shape: readonly number[], value: number): Tensor {
  return { shape, data: new Float32Array(sizeOf(shape)).fill(value) };
}

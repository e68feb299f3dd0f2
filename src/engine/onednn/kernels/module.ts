/**
 * The kernels that are our own: WebAssembly with vectors of 128 bits, compiled from kernels/ when Instar is built. They compute over the
 * memory of a session, by offsets into it.
 */
import { readFileSync } from 'node:fs';

type Numbers<Count extends number, Collected extends number[] = []> = Collected['length'] extends Count
  ? Collected
  : Numbers<Count, [...Collected, number]>;

/** As in kernels/, parameters included. */
export interface Kernels {
  transformInput(...values: Numbers<13>): void;
  transformOutput(...values: Numbers<13>): void;
  transformOutputPooled(...values: Numbers<14>): void;
  transformGradient(...values: Numbers<13>): void;
  transformKernel(...values: Numbers<11>): void;
  transformKernelGradient(...values: Numbers<11>): void;
  maxPool(...values: Numbers<8>): void;
  maxPoolGradient(...values: Numbers<8>): void;
}

let compiled: WebAssembly.Module | undefined;

export function kernelsOver(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernels.wasm', import.meta.url)));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernels;
}

/**
 * The `onnx` engine: runs a whole program as one graph in ONNX Runtime, on the CPU or on a device that ONNX Runtime supports. All
 * numbers are f32. `direct` convolutions compute the products and sums of the definition, in ONNX Runtime's order; `auto` allows
 * Winograd's algorithm.
 */
import { readFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import type { Device, Engine } from '../engine.ts';
import { openRuntime } from './runtime.ts';
import { compile } from './session.ts';

export interface OnnxEngine extends Engine {
  /** As `compile`. When the session ends, the operators of each run and their times are written to `<profile>_<date>.json`. */
  profiled(program: Parameters<Engine['compile']>[0], profile: string): ReturnType<Engine['compile']>;
}

/** Per architecture, sets of flags in /proc/cpuinfo that change how f32 is computed. The first set that the CPU has counts. */
const kernels: Readonly<Record<string, readonly (readonly string[])[]>> = {
  x64: [['avx512f'], ['avx2', 'fma'], ['avx'], ['sse2']],
  arm64: [['sme'], ['asimd']],
};

/** Such as `avx2 fma`; the architecture if no set matches. `cpuinfo`: the content of /proc/cpuinfo. */
export function instructionSetOf(architecture: string, cpuinfo: string | null): string {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo ?? '')?.[1] ?? '';
  const flags = new Set(line.trim().split(/\s+/));
  return (kernels[architecture] ?? []).find((set) => set.every((flag) => flags.has(flag)))?.join(' ') ?? architecture;
}

/** The instruction set by which ONNX Runtime chooses its kernels. The library does not report it, so it is derived from the CPU. */
function instructionSet(): string {
  // Only Linux has the file.
  const cpuinfo = platform() === 'linux' ? readFileSync('/proc/cpuinfo', 'latin1') : null;
  return instructionSetOf(arch(), cpuinfo);
}

/** Throws a `UserError` of one line if ONNX Runtime has no binary for this machine, or if the device is missing. */
export async function createOnnxEngine(options: { readonly threads: number; readonly device: Device }): Promise<OnnxEngine> {
  const { threads, device } = options;
  const runtime = await openRuntime(device, threads);
  const processor = instructionSet();
  return {
    fingerprint: {
      engine: 'onnx',
      version: runtime.version,
      instructionSet: device === 'cpu' ? processor : `${device}, ${processor}`,
      threads,
    },
    precisions: ['f32'],
    compile: (program, convolution) => compile(runtime, program, convolution),
    profiled: (program, profile) => compile(runtime, program, 'auto', profile),
  };
}

/**
 * The engine that computes a whole run of a program as one graph in ONNX Runtime: on any machine that has Node, and on what
 * devices ONNX Runtime has. f32 throughout. `direct` convolutions are the definition's products and sums, summed in ONNX Runtime's
 * order; `auto` ones may be Winograd's.
 */
import { readFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import type { Device, Engine } from '../engine.ts';
import { openRuntime } from './runtime.ts';
import { compile } from './session.ts';

export interface OnnxEngine extends Engine {
  /** As `compile`; each run's operators and their times go to a file `<profile>_<date>.json` when the session ends. */
  profiled(program: Parameters<Engine['compile']>[0], profile: string): ReturnType<Engine['compile']>;
}

/** By architecture, the flags of /proc/cpuinfo that change how f32 is computed; the first set that is there counts. */
const kernels: Readonly<Record<string, readonly (readonly string[])[]>> = {
  x64: [['avx512f'], ['avx2', 'fma'], ['avx'], ['sse2']],
  arm64: [['sme'], ['asimd']],
};

/** `avx2 fma`, or the architecture where nothing more is known. `cpuinfo`: the content of that file. */
export function instructionSetOf(architecture: string, cpuinfo: string | null): string {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo ?? '')?.[1] ?? '';
  const flags = new Set(line.trim().split(/\s+/));
  return (kernels[architecture] ?? []).find((set) => set.every((flag) => flags.has(flag)))?.join(' ') ?? architecture;
}

/** Which of its kernels ONNX Runtime chooses on this processor: what can be known without asking the library. */
function instructionSet(): string {
  // Only Linux has the file.
  const cpuinfo = platform() === 'linux' ? readFileSync('/proc/cpuinfo', 'latin1') : null;
  return instructionSetOf(arch(), cpuinfo);
}

/** A `UserError` of one line where ONNX Runtime has no binary for this machine, or the device is not there. */
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
    compile: (program, convolution) => compile(runtime, program, convolution),
    profiled: (program, profile) => compile(runtime, program, 'auto', profile),
  };
}

/** Which of its kernels ONNX Runtime chooses on this processor: what of it can be known without asking the library. */
import { readFileSync } from 'node:fs';
import { arch, platform } from 'node:os';

/** By architecture, the flags of /proc/cpuinfo that change how f32 is computed; the first set that is there counts. */
const kernels: Readonly<Record<string, readonly (readonly string[])[]>> = {
  x64: [['avx512f'], ['avx2', 'fma'], ['avx'], ['sse2']],
  arm64: [['sme'], ['asimd']],
};

/** `avx2 fma`, or the architecture where nothing more is known. `cpuinfo`: the content of that file. */
export function instructionSetOf(architecture: string, cpuinfo: string | null): string {
  const flags = new Set(
    /^(?:flags|Features)\s*:(.*)$/m
      .exec(cpuinfo ?? '')?.[1]
      ?.trim()
      .split(/\s+/),
  );
  return (kernels[architecture] ?? []).find((set) => set.every((flag) => flags.has(flag)))?.join(' ') ?? architecture;
}

export function instructionSet(): string {
  // Only Linux has the file.
  const cpuinfo = platform() === 'linux' ? readFileSync('/proc/cpuinfo', 'latin1') : null;
  return instructionSetOf(arch(), cpuinfo);
}

/**
 * The engine that computes a whole run of a program as one graph in ONNX Runtime: on any machine that has Node, and on what
 * devices ONNX Runtime has. f32 throughout. `direct` convolutions are the definition's products and sums, summed in ONNX Runtime's
 * order; `auto` ones may be Winograd's.
 */
import type { Device, Engine } from '../engine.ts';
import { instructionSet } from './processor.ts';
import { openRuntime } from './runtime.ts';
import { compile } from './session.ts';

export interface OnnxEngine extends Engine {
  /** As `compile`; each run's operators and their times go to a file `<profile>_<date>.json` when the session ends. */
  profiled(program: Parameters<Engine['compile']>[0], profile: string): ReturnType<Engine['compile']>;
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

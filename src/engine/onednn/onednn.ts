/** The engine that computes through oneDNN's C interface. A process computes with one number of threads at a time. */
import type { Precision } from '../../program/precision.ts';
import type { Engine } from '../engine.ts';
import { usesWinograd } from './kernels/team.ts';
import { openOneDnn, type Environment, type OneDnn } from './library.ts';
import type { MemorySizes } from './placement.ts';
import { compile, measure, type OneDnnSession } from './session.ts';

export { findOneDnn } from './library.ts';
export type { OneDnnSession, Timing } from './session.ts';

export interface OneDnnEngine extends Engine {
  compile(...parameters: Parameters<Engine['compile']>): Promise<OneDnnSession>;
  /** What a session would hold, to the byte: its `memory`. Takes as long as compiling, and allocates none of it. */
  measure(...parameters: Parameters<Engine['compile']>): MemorySizes;
  /** The library's path or name. */
  readonly path: string;
}

/**
 * bf16 pays with matrix units; AVX-512 alone computes it slower than f32 by Winograd (24 channels of 32×32, batch 128: 64 to 55 ms against
 * 14 with matrix units). Processors without AVX-512 compute none.
 */
const precisionsOf = ({ instructionSet }: OneDnn): readonly Precision[] => {
  if (instructionSet.includes('amx')) return ['bf16', 'f32'];
  return /^avx(512|10)/.test(instructionSet) ? ['f32', 'bf16'] : ['f32'];
};

/**
 * A `UserError` of one line where the library is missing or unsuitable. `environment` is the process's own: the OpenMP
 * runtime reads it.
 */
export function createOneDnnEngine(options: { readonly threads: number; readonly environment: Environment }): OneDnnEngine {
  const library = openOneDnn(options);
  const { version, threads, path } = library;
  const precisions = precisionsOf(library);
  const computed = (asked: Precision = 'f32'): Precision => (precisions.includes(asked) ? asked : 'f32');
  // Convolutions of our own round differently.
  const instructionSet = usesWinograd(library) ? `${library.instructionSet}, Winograd` : library.instructionSet;
  return {
    fingerprint: { engine: 'onednn', version, instructionSet, threads },
    path,
    precisions,
    measure: (program, convolution, precision) => measure(library, program, convolution, computed(precision)),
    async compile(program, convolution, precision) {
      // What was disposed of just now goes back in the next turn of the event loop: before more is asked for.
      await new Promise((resolve) => setImmediate(resolve));
      return compile(library, program, convolution, computed(precision));
    },
  };
}

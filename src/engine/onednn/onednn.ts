/** The engine that computes through oneDNN's C interface. f32 throughout; a process computes with one number of threads at a time. */
import type { Engine } from '../engine.ts';
import { usesWinograd } from './kernels/team.ts';
import { openOneDnn, type Environment } from './library.ts';
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
 * A `UserError` of one line where the library is missing or unsuitable. `environment` is the process's own: the OpenMP
 * runtime reads it.
 */
export function createOneDnnEngine(options: { readonly threads: number; readonly environment: Environment }): OneDnnEngine {
  const library = openOneDnn(options);
  const { version, threads, path } = library;
  // Convolutions of our own round differently.
  const instructionSet = usesWinograd(library) ? `${library.instructionSet}, Winograd` : library.instructionSet;
  return {
    fingerprint: { engine: 'onednn', version, instructionSet, threads },
    path,
    measure: (program, convolution, precision = 'f32') => measure(library, program, convolution, precision),
    async compile(program, convolution, precision = 'f32') {
      // What was disposed of just now goes back in the next turn of the event loop: before more is asked for.
      await new Promise((resolve) => setImmediate(resolve));
      return compile(library, program, convolution, precision);
    },
  };
}

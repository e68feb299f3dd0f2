/**
 * The contract of an engine, which runs programs. Every engine passes one conformance suite (test/engine/conformance.ts).
 *
 * An engine is not responsible for: random numbers, data, schedules, files, or deciding when to stop. It may assume that the
 * program was verified.
 */
import type { Tensors } from '../network/tensor.ts';
import type { Precision } from '../program/precision.ts';
import type { BufferId, Program } from '../program/program.ts';

export type EngineName = 'reference' | 'onednn' | 'onnx';

/** Every engine runs on `cpu`; only `onnx` on the others. */
export type Device = 'cpu' | 'webgpu' | 'cuda';

/**
 * Which convolution algorithms may be used. `direct` computes each product and sum of the definition, so that an identity
 * kernel is the identity to the bit; `auto` allows Winograd and the like, which are faster and round differently.
 */
export type ConvolutionAlgorithms = 'direct' | 'auto';

/** Equal fingerprints and equal inputs give equal bits. */
export interface Fingerprint {
  readonly engine: EngineName;
  /** The library's version, such as `2.6.3`. For the reference engine, Instar's. */
  readonly version: string;
  /** The effective instruction set, such as `avx512_core_bf16`, with the device if that is not the CPU. */
  readonly instructionSet: string;
  readonly threads: number;
}

export interface Engine {
  readonly fingerprint: Fingerprint;
  /** What it computes convolutions in, the fastest first. In place of a precision that is not among them it takes f32. */
  readonly precisions: readonly Precision[];
  /** Plans memory and prepares every step; in f32 unless another precision is named. All inputs and all state are zero until written. */
  compile(program: Program, convolution: ConvolutionAlgorithms, precision?: Precision): Promise<Session>;
}

/** A compiled program and its memory. */
export interface Session {
  readonly program: Program;
  /** Bytes that it holds: state, activations, masks, scratch. */
  readonly bytes: number;
  /**
   * Sets the state by name. Unknown names are ignored (a checkpoint holds more than a measurement needs). Missing states of the
   * optimizer become zero. A missing parameter or statistic is a bug.
   */
  load(tensors: Tensors): void;
  /** A copy of the whole state, the optimizer's included, by name. Nothing here is shared with the session. */
  save(): Tensors;
  /** Where the caller writes an `input` before a run: row-major, in the buffer's logical shape. The same array every time. */
  input(buffer: BufferId): Float32Array;
  /**
   * Runs one pass of a minibatch: `pass` counts from 0 (default) to the program's passes, of which the last one updates the
   * parameters. It may block the event loop for as long as that takes.
   */
  run(pass?: number): Promise<void>;
  /** An `output` buffer after a run: row-major, in its logical shape. Valid until the next run. */
  output(buffer: BufferId): Float32Array;
  /** Frees what the session holds. It is not used afterwards; calling it twice is harmless. */
  dispose(): void;
}

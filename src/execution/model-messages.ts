/** Messages between the process that runs an untrusted model and its parent. */

export interface OpenModel {
  readonly kind: 'open';
  readonly model: Uint8Array;
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
}

export interface RunModel {
  readonly kind: 'run';
  readonly input: string;
  readonly elementType: 'uint8' | 'float32';
  readonly data: Uint8Array | Float32Array;
  readonly shape: readonly number[];
  readonly output: string;
}

export type ToModelWorker = OpenModel | RunModel;

export type FromModelWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened' }
  | { readonly kind: 'result'; readonly data: Float32Array; readonly shape: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string };

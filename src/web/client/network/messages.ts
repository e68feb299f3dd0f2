/** The messages between a page and its inference worker, which responds to each request in order. Types alone. */

export type WorkerRequest =
  /** The first: an ONNX file that takes uint8 (N, H, W, C) and gives logits and probabilities. */
  | { readonly kind: 'open'; readonly model: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: 'classify';
      /** (N, H, W, C) */
      readonly pixels: Uint8Array<ArrayBuffer>;
      readonly extents: readonly [count: number, height: number, width: number, channels: number];
    };

export interface Predictions {
  /** Of each image, the class with the largest logit; of equal ones the first. */
  readonly classes: Uint16Array;
  /** (N, classes) */
  readonly probabilities: Float32Array;
}

/** `predictions`: null for `open`. */
export type WorkerResponse = { readonly predictions: Predictions | null } | { readonly error: string };

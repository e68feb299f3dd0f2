/** What a page and the worker that computes for it say to each other. Types alone. */

export type Question =
  /** The first: an ONNX file that takes uint8 (N, H, W, C) and gives logits and probabilities. */
  | { readonly kind: 'open'; readonly model: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: 'classify';
      readonly id: number;
      /** (N, H, W, C) */
      readonly pixels: Uint8Array<ArrayBuffer>;
      readonly extents: readonly [count: number, height: number, width: number, channels: number];
    };

export interface Answers {
  /** The class with the largest logit, an image; the first where several are the same. */
  readonly seen: Uint16Array;
  /** (N, classes) */
  readonly probabilities: Float32Array;
}

export type Reply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: Answers }
  /** `id`: of the question; null where the model cannot be opened. */
  | { readonly kind: 'failed'; readonly id: number | null; readonly message: string };

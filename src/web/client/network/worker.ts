/**
 * The inference worker: ONNX Runtime Web on the CPU, one thread. It responds to each request in order, and fetches nothing but its
 * own WebAssembly.
 */
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { inputName, logitsName, probabilitiesName } from '../../../formats/onnx/write-network.ts';

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

env.wasm.numThreads = 1;
env.wasm.wasmPaths = { wasm };

let session: InferenceSession | null = null;

/** Of each row of `classes` logits, the index of the largest. */
function argmax(logits: Float32Array, classes: number): Uint16Array {
  return Uint16Array.from({ length: logits.length / classes }, (_none, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    return Math.max(0, own.indexOf(Math.max(...own)));
  });
}

async function predict(request: WorkerRequest): Promise<Predictions | null> {
  if (request.kind === 'open') {
    session = await InferenceSession.create(request.model, { executionProviders: ['wasm'] });
    return null;
  }
  if (session === null) throw new Error('bug: no model was opened');
  const images = new Tensor('uint8', request.pixels, [...request.extents]);
  const { [logitsName]: logits, [probabilitiesName]: probabilities } = await session.run({ [inputName]: images });
  if (logits === undefined || probabilities === undefined)
    throw new Error('the model has no outputs named logits and probabilities');
  const values = logits.data as Float32Array;
  return {
    classes: argmax(values, values.length / request.extents[0]),
    probabilities: Float32Array.from(probabilities.data as Float32Array),
  };
}

const respond = async (request: WorkerRequest): Promise<void> =>
  postMessage(
    await predict(request).then(
      (predictions): WorkerResponse => ({ predictions }),
      (error: Error): WorkerResponse => ({ error: error.message }),
    ),
  );

let queue = Promise.resolve();
addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
  queue = queue.then(() => respond(data));
});

/** The inference worker: ONNX Runtime Web on the CPU, one thread. It fetches nothing but its own WebAssembly. */
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { inputName, logitsName, probabilitiesName } from '../../../formats/onnx/write-network.ts';
import type { Predictions, WorkerRequest, WorkerResponse } from './messages.ts';

env.wasm.numThreads = 1;
env.wasm.wasmPaths = { wasm };

let session: Promise<InferenceSession> | null = null;

const respond = (response: WorkerResponse, transfer: Transferable[] = []): void => postMessage(response, { transfer });

/** Of each row of `classes` logits, the index of the largest. */
function argmax(logits: Float32Array, classes: number): Uint16Array {
  return Uint16Array.from({ length: logits.length / classes }, (_none, row) => {
    let best = 0;
    for (let at = 1; at < classes; at++)
      if ((logits[row * classes + at] as number) > (logits[row * classes + best] as number)) best = at;
    return best;
  });
}

async function classify({ pixels, extents }: Extract<WorkerRequest, { kind: 'classify' }>): Promise<Predictions> {
  if (session === null) throw new Error('bug: no model was opened');
  const images = new Tensor('uint8', pixels, [...extents]);
  const { [logitsName]: logits, [probabilitiesName]: probabilities } = await (await session).run({ [inputName]: images });
  if (logits === undefined || probabilities === undefined)
    throw new Error('the model has no outputs named logits and probabilities');
  const values = logits.data as Float32Array;
  return {
    classes: argmax(values, values.length / extents[0]),
    probabilities: Float32Array.from(probabilities.data as Float32Array),
  };
}

addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
  if (data.kind === 'open') {
    session = InferenceSession.create(data.model, { executionProviders: ['wasm'] });
    session.then(
      () => respond({ kind: 'opened' }),
      (error: unknown) => respond({ kind: 'failed', id: null, message: (error as Error).message }),
    );
    return;
  }
  const { id } = data;
  classify(data).then(
    (predictions) =>
      respond({ kind: 'predictions', id, predictions }, [predictions.classes.buffer, predictions.probabilities.buffer]),
    (error: unknown) => respond({ kind: 'failed', id, message: (error as Error).message }),
  );
});

/**
 * A network computed in the browser, beside the page: ONNX Runtime's plain build for processors, one thread. It knows no
 * addresses but that of its own WebAssembly, and asks the server for nothing.
 */
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { inputName, logitsName, probabilitiesName } from '../../../formats/onnx/write-network.ts';
import type { Answers, Question, Reply } from './messages.ts';

env.wasm.numThreads = 1;
env.wasm.wasmPaths = { wasm };

let session: Promise<InferenceSession> | null = null;

const say = (reply: Reply, transfer: Transferable[] = []): void => postMessage(reply, { transfer });

/** Rows of `classes` logits: where each is largest. */
function largest(logits: Float32Array, classes: number): Uint16Array {
  return Uint16Array.from({ length: logits.length / classes }, (_none, row) => {
    let best = 0;
    for (let at = 1; at < classes; at++)
      if ((logits[row * classes + at] as number) > (logits[row * classes + best] as number)) best = at;
    return best;
  });
}

async function classify({ pixels, extents }: Extract<Question, { kind: 'classify' }>): Promise<Answers> {
  if (session === null) throw new Error('bug: no model was opened');
  const images = new Tensor('uint8', pixels, [...extents]);
  const { [logitsName]: logits, [probabilitiesName]: probabilities } = await (await session).run({ [inputName]: images });
  if (logits === undefined || probabilities === undefined) throw new Error('the file gives no logits and probabilities');
  const values = logits.data as Float32Array;
  return {
    seen: largest(values, values.length / extents[0]),
    probabilities: Float32Array.from(probabilities.data as Float32Array),
  };
}

addEventListener('message', ({ data }: MessageEvent<Question>) => {
  if (data.kind === 'open') {
    session = InferenceSession.create(data.model, { executionProviders: ['wasm'] });
    session.then(
      () => say({ kind: 'opened' }),
      (error: unknown) => say({ kind: 'failed', id: null, message: (error as Error).message }),
    );
    return;
  }
  const { id } = data;
  classify(data).then(
    (answers) => say({ kind: 'answers', id, answers }, [answers.seen.buffer, answers.probabilities.buffer]),
    (error: unknown) => say({ kind: 'failed', id, message: (error as Error).message }),
  );
});

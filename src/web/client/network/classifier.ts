/** A model opened in a worker of its own: pixels in, answers out, one question after another. Knows no page. */
import type { Answers, Question, Reply } from './messages.ts';
import type { Shape } from '../../../network/network.ts';

export interface Classifier {
  /** `pixels`: (N, H, W, C). They are given away. */
  classify(pixels: Uint8Array<ArrayBuffer>, count: number, shape: Shape): Promise<Answers>;
  /** What was asked and not answered fails. */
  close(): void;
}

interface Waiting {
  readonly resolve: (answers: Answers) => void;
  readonly reject: (error: Error) => void;
}

/** `model`: the bytes of an exported file, given away. Loads ONNX Runtime; a model that it refuses is an Error. */
export function openClassifier(model: Uint8Array<ArrayBuffer>): Promise<Classifier> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'network' });
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  const ask = (question: Question, transfer: Transferable[]): void => worker.postMessage(question, transfer);

  function end(reason: string): void {
    worker.terminate();
    for (const { reject } of waiting.values()) reject(new Error(reason));
    waiting.clear();
  }
  const classifier: Classifier = {
    classify(pixels, count, { height, width, channels }) {
      const id = asked++;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        ask({ kind: 'classify', id, pixels, extents: [count, height, width, channels] }, [pixels.buffer]);
      });
    },
    close: () => end('the network was put away'),
  };
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => {
      end(message);
      reject(new Error(message));
    };
    worker.addEventListener('error', ({ message }) => fail(`ONNX Runtime cannot be loaded: ${message || 'its file is missing'}`));
    worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
      switch (data.kind) {
        case 'opened':
          return resolve(classifier);
        case 'answers':
          waiting.get(data.id)?.resolve(data.answers);
          waiting.delete(data.id);
          return;
        case 'failed':
          if (data.id === null) return fail(`the network cannot be opened here: ${data.message}`);
          waiting.get(data.id)?.reject(new Error(data.message));
          waiting.delete(data.id);
          return;
      }
    });
    ask({ kind: 'open', model }, [model.buffer]);
  });
}

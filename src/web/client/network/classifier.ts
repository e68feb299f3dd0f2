/** A model opened in a worker of its own: pixels in, predictions out. */
import type { Predictions, WorkerRequest, WorkerResponse } from './messages.ts';
import type { Shape } from '../../../network/network.ts';

interface Waiting {
  readonly resolve: (predictions: Predictions) => void;
  readonly reject: (error: Error) => void;
}

export interface Classifier {
  /** `pixels`: (N, H, W, C), transferred to the worker. */
  classify(pixels: Uint8Array<ArrayBuffer>, count: number, shape: Shape): Promise<Predictions>;
  /** Rejects open requests. */
  close(): void;
}

/** `model`: an exported file, transferred to the worker. Loads ONNX Runtime; rejects where the model cannot be opened. */
export function openClassifier(model: Uint8Array<ArrayBuffer>): Promise<Classifier> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'network' });
  const waiting = new Map<number, Waiting>();
  let requests = 0;
  const send = (request: WorkerRequest, transfer: Transferable[]): void => worker.postMessage(request, transfer);

  function end(reason: string): void {
    worker.terminate();
    for (const { reject } of waiting.values()) reject(new Error(reason));
    waiting.clear();
  }
  const classifier: Classifier = {
    classify(pixels, count, { height, width, channels }) {
      const id = requests++;
      send({ kind: 'classify', id, pixels, extents: [count, height, width, channels] }, [pixels.buffer]);
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    },
    close: () => end('the network was closed'),
  };
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => {
      end(message);
      reject(new Error(message));
    };
    worker.addEventListener('error', ({ message }) => fail(`ONNX Runtime cannot be loaded: ${message || 'its file is missing'}`));
    worker.addEventListener('message', ({ data }: MessageEvent<WorkerResponse>) => {
      if (data.kind === 'opened') return resolve(classifier);
      if (data.kind === 'failed' && data.id === null) return fail(`the network cannot be opened: ${data.message}`);
      const request = waiting.get(data.id ?? -1);
      waiting.delete(data.id ?? -1);
      if (data.kind === 'failed') request?.reject(new Error(data.message));
      else request?.resolve(data.predictions);
    });
    send({ kind: 'open', model }, [model.buffer]);
  });
}

/** A model opened in a worker of its own: pixels in, predictions out. */
import type { Predictions, WorkerRequest, WorkerResponse } from './worker.ts';
import type { Shape } from '../../../network/network.ts';

export type Classifier = Awaited<ReturnType<typeof openClassifier>>;

/** `model`: an exported file, transferred to the worker. Loads ONNX Runtime; rejects where the model cannot be opened. */
export async function openClassifier(model: Uint8Array<ArrayBuffer>) {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'network' });
  const waiting: ((response: WorkerResponse) => void)[] = [];
  const end = (error: string): void => {
    worker.terminate();
    for (const respond of waiting.splice(0)) respond({ error });
  };
  worker.addEventListener('message', ({ data }: MessageEvent<WorkerResponse>) => waiting.shift()?.(data));
  worker.addEventListener('error', ({ message }) => end(`ONNX Runtime cannot be loaded: ${message || 'its file is missing'}`));
  const send = async (request: WorkerRequest, transfer: Transferable): Promise<Predictions | null> => {
    worker.postMessage(request, [transfer]);
    const response = await new Promise<WorkerResponse>((resolve) => waiting.push(resolve));
    if ('error' in response) throw new Error(response.error);
    return response.predictions;
  };
  try {
    await send({ kind: 'open', model }, model.buffer);
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    /** `pixels`: (N, H, W, C), transferred to the worker. */
    async classify(pixels: Uint8Array<ArrayBuffer>, count: number, { height, width, channels }: Shape): Promise<Predictions> {
      const predictions = await send({ kind: 'classify', pixels, extents: [count, height, width, channels] }, pixels.buffer);
      if (predictions === null) throw new Error('bug: no predictions');
      return predictions;
    },
    /** Rejects open requests. */
    close: () => end('the network was closed'),
  };
}

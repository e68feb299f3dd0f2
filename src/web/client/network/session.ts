/** A network of a run on a page: its file and images are fetched when they are first needed, and kept while the page is open. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Shape } from '../../../network/network.ts';
import type { PartName } from '../../api.ts';
import { modelBytes } from '../api.ts';
import { bytesOfImage, openImages, type PartImages } from './images.ts';
import type { Predictions, WorkerRequest, WorkerResponse } from './worker.ts';

type Classifier = Awaited<ReturnType<typeof openClassifier>>;

/** `model`: an exported file, transferred to the worker. Loads ONNX Runtime; rejects where the model cannot be opened. */
async function openClassifier(model: Uint8Array<ArrayBuffer>) {
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

/** The evaluation of a network on a part of the data, as far as it has come. */
export interface Evaluation {
  readonly images: PartImages | null;
  /** How many images are evaluated; of each, the predicted class, its probability, and the probability of the label. */
  readonly done: number;
  readonly predicted: Uint16Array;
  readonly confidence: Float32Array;
  readonly ofLabel: Float32Array;
  readonly running: boolean;
  readonly problem: string | null;
}

/** Images of a batch: fewer large ones, so that a batch ends soon. */
const batchOf = (bytes: number): number => Math.max(1, Math.min(64, Math.floor((256 << 10) / bytes)));

/** Made once; made again where it failed. */
function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

const empty: Evaluation = {
  images: null,
  done: 0,
  predicted: new Uint16Array(0),
  confidence: new Float32Array(0),
  ofLabel: new Float32Array(0),
  running: false,
  problem: null,
};

export type NetworkSession = ReturnType<typeof openSession>;

export function openSession(run: string, candidate: string) {
  const state = { closed: false };
  const opened: Classifier[] = [];
  const classifier = lazily(async () => {
    const made = await openClassifier(await modelBytes(run, candidate));
    if (state.closed) made.close();
    else opened.push(made);
    return made;
  });
  const partOf = (part: PartName) => ({ images: lazily(() => openImages(run, part)), evaluation: signal(empty), stopped: false });
  const parts = { validation: partOf('validation'), test: partOf('test') } as const satisfies Record<PartName, unknown>;

  async function evaluate(part: (typeof parts)[PartName]): Promise<void> {
    const { evaluation } = part;
    const [images, network] = await Promise.all([part.images(), classifier()]);
    const { count, labels, shape } = images.facts;
    if (evaluation.value.images === null) {
      const [confidence, ofLabel] = [new Float32Array(count), new Float32Array(count)];
      evaluation.value = { ...evaluation.value, images, predicted: new Uint16Array(count), confidence, ofLabel };
    }
    const { predicted, confidence, ofLabel } = evaluation.value;
    const batch = batchOf(bytesOfImage(shape));
    while (evaluation.value.done < count && !part.stopped && !state.closed) {
      const { done } = evaluation.value;
      const size = Math.min(batch, count - done);
      const pixels = await images.read(Array.from({ length: size }, (_none, at) => done + at));
      const { classes, probabilities } = await network.classify(pixels, size, shape);
      const width = probabilities.length / size;
      predicted.set(classes, done);
      for (let at = 0; at < size; at++) {
        confidence[done + at] = probabilities[at * width + (classes[at] as number)] as number;
        ofLabel[done + at] = probabilities[at * width + (labels[done + at] as number)] as number;
      }
      evaluation.value = { ...evaluation.value, done: done + size };
    }
  }

  return {
    classifier,
    images: (part: PartName): Promise<PartImages> => parts[part].images(),
    evaluation: (part: PartName): ReadonlySignal<Evaluation> => parts[part].evaluation,
    /** Continues where it was stopped. */
    evaluate(name: PartName): void {
      const part = parts[name];
      const { evaluation } = part;
      if (evaluation.value.running) return;
      part.stopped = false;
      evaluation.value = { ...evaluation.value, running: true, problem: null };
      evaluate(part)
        .catch((error: Error) => (evaluation.value = { ...evaluation.value, problem: error.message }))
        .finally(() => (evaluation.value = { ...evaluation.value, running: false }));
    },
    /** After the current batch. */
    stop(part: PartName): void {
      parts[part].stopped = true;
    },
    close(): void {
      state.closed = true;
      for (const each of opened) each.close();
    },
  };
}

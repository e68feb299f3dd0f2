/**
 * The process that runs an untrusted model. ONNX Runtime parses the file in native code, so the process is limited in memory,
 * works in an empty folder, may crash, and is ended by its parent when it takes too long.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { openRuntime } from '../engine/onnx/runtime.ts';
import type { FromModelWorker, ToModelWorker } from './model-runner.ts';
import { callGlibc, tieToParent } from './tie.ts';

const send = (message: FromModelWorker): void => void (process.connected && process.send?.(message));

/** Limits writable memory, on Linux. */
function limitMemory(bytes: number): void {
  if (process.platform !== 'linux') return;
  const ofData = 2;
  callGlibc('int setrlimit(int, void *)', ofData, new BigUint64Array([BigInt(bytes), BigInt(bytes)]));
}

// Loaded before the limit is set, which is for the model alone.
const { library } = await openRuntime('cpu', 1);
let session: InferenceSession | undefined;

async function answer(message: ToModelWorker): Promise<FromModelWorker> {
  if (message.kind === 'open') {
    await session?.release();
    session = undefined;
    session = await library.InferenceSession.create(message.model, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: 4,
      ...(message.external.length === 0 ? {} : { externalData: [...message.external] }),
    });
    return { kind: 'opened' };
  }
  if (session === undefined) throw new Error('no model is open');
  const { input, elementType, data, shape, output } = message;
  const tensor: Tensor =
    elementType === 'uint8'
      ? new library.Tensor('uint8', data as Uint8Array, shape)
      : new library.Tensor('float32', data as Float32Array, shape);
  const result = (await session.run({ [input]: tensor }, [output]))[output];
  if (result?.type !== 'float32')
    throw new Error(`its output ${JSON.stringify(output)} is ${result?.type ?? 'missing'}, not float32`);
  return { kind: 'result', data: result.data as Float32Array, shape: result.dims };
}

tieToParent();
limitMemory(Number(process.argv[2]));
let last: Promise<unknown> = Promise.resolve();
process.on('message', (message: ToModelWorker) => {
  last = last
    .then(() => answer(message))
    .then(send, (error: Error) => send({ kind: 'failed', message: error.message.split('\n')[0] ?? '' }));
});
send({ kind: 'ready' });

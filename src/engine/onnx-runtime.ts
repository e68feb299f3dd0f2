/** ONNX Runtime, loaded when it is first asked for. The models that it is given in this process are ours, never foreign ones. */
import type * as Runtime from 'onnxruntime-node';
import { UserError } from '../util/user-error.ts';

/** A UserError of one line where the library cannot be loaded, as on a platform that it is not built for. */
export async function onnxRuntime(): Promise<typeof Runtime> {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw new UserError(`ONNX Runtime cannot be loaded here: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
}

/** With a fixed number of threads, one operator after another: what is computed does not depend on what else runs. */
export async function openModel(model: Uint8Array | string, threads: number): Promise<Runtime.InferenceSession> {
  const { InferenceSession } = await onnxRuntime();
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 } as const;
  // The two overloads are one in JavaScript.
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options);
}

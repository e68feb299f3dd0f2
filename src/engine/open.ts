/** The table of engines. To add one, add its name to `EngineName`, its line here, and its summary in `names.ts`. */
import type { MemoryUse } from '../program/memory.ts';
import { UserError } from '../util/user-error.ts';
import type { Device, Engine, EngineName } from './engine.ts';

export interface OpenOptions {
  readonly threads: number;
  readonly environment: Record<string, string | undefined>;
  /** Default `cpu`. */
  readonly device?: Device;
}

const engines: { readonly [Name in EngineName]: (options: OpenOptions & { readonly device: Device }) => Promise<Engine> } = {
  reference: async () => (await import('./reference/engine.ts')).reference,
  onednn: async (options) => (await import('./onednn/onednn.ts')).createOneDnnEngine(options),
  onnx: async (options) => (await import('./onnx/onnx.ts')).createOnnxEngine(options),
};

/** Measured by `npm run bench -- memory`. ONNX Runtime does not report its memory, and shares less of it. */
export const memoryUse: { readonly [Name in EngineName]: MemoryUse } = {
  reference: { mask: 1, activations: 1 },
  onednn: { mask: 1, activations: 1 },
  onnx: { mask: 4, activations: 3 },
};

export { devices, engineNames } from './names.ts';

/**
 * `auto`: oneDNN on the processor where a suitable library is found, else ONNX Runtime. If INSTAR_ONEDNN
 * names a library, it is used, and opening it reports what is wrong with it.
 */
export async function chooseEngine(
  name: EngineName | 'auto',
  device: Device,
  environment: OpenOptions['environment'],
  openOneDnn: () => Promise<unknown> = () => openEngine('onednn', { threads: 1, environment }),
): Promise<EngineName> {
  if (name !== 'auto') return name;
  if (device !== 'cpu') return 'onnx';
  const named = environment['INSTAR_ONEDNN'];
  if (named !== undefined && named !== '') return 'onednn';
  try {
    await openOneDnn();
    return 'onednn';
  } catch (error) {
    if (error instanceof UserError) return 'onnx';
    throw error;
  }
}

/** A UserError that says what is missing, and how to install it. */
export async function openEngine(name: EngineName, { device = 'cpu', ...options }: OpenOptions): Promise<Engine> {
  if (device !== 'cpu' && name !== 'onnx')
    throw new UserError(`--device ${device}: engine ${name} runs on the cpu only; use --engine onnx`);
  return engines[name]({ ...options, device });
}

/** Loads ONNX Runtime, checks the device, and opens models. Independent of programs. */
import type { InferenceSession } from 'onnxruntime-common';
import { arch, platform } from 'node:os';
import { graphBuilder, modelOf } from '../../formats/onnx/build.ts';
import { encodeModel } from '../../formats/onnx/codec.ts';
import { dataType } from '../../formats/onnx/proto.ts';
import { koffi } from '../../util/koffi.ts';
import { importOptional } from '../../util/optional.ts';
import { UserError } from '../../util/user-error.ts';
import { version } from '../../util/version.ts';
import type { Device } from '../engine.ts';

type Library = typeof import('onnxruntime-common');

export interface Runtime {
  readonly library: Library;
  /** `1.30.0`. */
  readonly version: string;
  readonly device: Device;
  open(model: Uint8Array, options?: ModelOptions): Promise<InferenceSession>;
}

export interface ModelOptions {
  /** Names of nodes that run on the CPU, whatever the device is. */
  readonly onProcessor?: readonly string[];
  /** Prefix of a file to which a profile of the runs is written. */
  readonly profile?: string;
}

const oneLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();

/** Instar's copy, made when it is built (packaging/onnxruntime.mjs). */
const own = new URL('../../../onnxruntime/dist/index.js', import.meta.url).href;

/** One of them in a process: both would have the same names there. */
let loaded: Promise<Library> | undefined;

/** The npm package onnxruntime-node is needed for CUDA alone, whose libraries its install script fetches. */
async function load(device: Device): Promise<Library> {
  try {
    loaded ??=
      device === 'cuda'
        ? importOptional('--device cuda', ['onnxruntime-node'], () => import('onnxruntime-node'))
        : (import(own) as Promise<Library>);
    return await loaded;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `ONNX Runtime cannot be loaded on ${platform()} ${arch()}: ${oneLine(error)} (--engine onednn does not need it)`,
    );
  }
}

/** Checks for a system library that ONNX Runtime needs for a device; returns a message if it is missing. */
const needs: { readonly [Name in Device]: (() => string | undefined) | null } = {
  cpu: null,
  // Checked here, since Dawn would print its own message to standard error.
  webgpu() {
    if (platform() !== 'linux') return undefined;
    try {
      koffi.load('libvulkan.so.1').unload();
      return undefined;
    } catch {
      return 'libvulkan.so.1 is not installed (Debian: `apt-get install libvulkan1` and the driver of the graphics card)';
    }
  },
  cuda: null,
};

/** A readable form of ONNX Runtime's error messages, with what to do if that is known. */
function reason(device: Device, error: unknown): string {
  const said = oneLine(error);
  if (device === 'cuda' && said.includes('Failed to load shared library'))
    return "ONNX Runtime's CUDA libraries are not installed (`node node_modules/onnxruntime-node/script/install.js` fetches them; Linux x64 only)";
  // `/path/of/a/source.cc:136 function(…) condition was false. What went wrong`
  return said.replace(/^\/\S+\.cc:\d+ .* was false\. /, '');
}

/** y = max(x, 0) of four numbers, to check that the device computes correctly. */
function tinyModel(): Uint8Array {
  const graph = graphBuilder();
  graph.node('Relu', ['x'], {}, 'y');
  const info = (name: string) => ({ name, elementType: dataType.float, shape: [4] });
  return encodeModel(modelOf(graph.graph('tiny', [info('x')], [info('y')]), version));
}

/** Throws a `UserError` of one line if the library or the device is missing. */
export async function openRuntime(device: Device, threads: number): Promise<Runtime> {
  const missing = needs[device]?.();
  if (missing !== undefined) throw new UserError(`--device ${device}: ${missing}`);
  const library = await load(device);
  // Errors are thrown as well, so nothing is printed. The library reads this when it opens the first session.
  library.env.logLevel = 'fatal';
  const runtime: Runtime = {
    library,
    version: library.env.versions.node ?? library.env.versions.common,
    device,
    open: (model, { onProcessor = [], profile } = {}) =>
      library.InferenceSession.create(model, {
        executionProviders: [
          device === 'webgpu' && onProcessor.length > 0 ? { name: device, forceCpuNodeNames: onProcessor } : device,
        ],
        executionMode: 'sequential',
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        // With memory patterns, planned memory is allocated beside that of the previous run: twice the memory, and no faster.
        enableMemPattern: false,
        // Threads wait without spinning. Beside other workers, spinning at each barrier costs more time than it saves.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
        ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
      }),
  };
  if (device === 'cpu') return runtime;
  try {
    const session = await runtime.open(tinyModel());
    const { y } = await session.run({ x: new library.Tensor('float32', Float32Array.of(1, -2, 3, -4), [4]) });
    await session.release();
    if (y?.data.toString() !== '1,0,3,0') throw new Error(`max(x, 0) of 1, −2, 3, −4 is ${y?.data.toString()}`);
  } catch (error) {
    throw new UserError(`--device ${device}: ${reason(device, error)}`);
  }
  return runtime;
}

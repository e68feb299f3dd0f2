/** Opens a network that a person names: the best of a run, its file, or a model of any origin, by a path or an address. */
import { renderingIn } from '../data/reading.ts';
import { writablePlace } from '../data/read.ts';
import type { EngineName } from '../engine/engine.ts';
import { flagOf } from '../options/option.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import { namedFile, namesModel, type NamedFile } from '../run/preparing/named-file.ts';
import { temporaryCache } from '../run/preparing/spare-cache.ts';
import { renderingOf } from '../run/record/best.ts';
import { UserError } from '../util/user-error.ts';
import type { World } from './evaluated-images.ts';
import { openForeignModel, type ForeignModel, type ModelOptions } from './foreign.ts';
import { openRunNetwork, type RunNetwork } from './run-network.ts';

/** Those of models do not apply to the network of a run, and `engine` not to a model. */
export interface NetworkOptions extends ModelOptions {
  readonly engine?: EngineName | 'auto';
}

export interface ModelNetwork {
  readonly kind: 'model';
  readonly file: NamedFile;
  readonly model: ForeignModel;
  readonly given: ModelOptions;
  /** Ends its process at once. */
  close(): Promise<void>;
}

export type OpenNetwork = RunNetwork | ModelNetwork;

/** Refuses options of the other kind of network. */
export function checkKind(reference: string, given: NetworkOptions): void {
  const [others, kind] = namesModel(reference)
    ? [['engine'] as const, 'an .onnx file, which ONNX Runtime computes']
    : [['pixels', 'mean', 'std', 'fit', 'maxMemory', 'timeout'] as const, 'the network of a run'];
  const other = others.find((name) => given[name] !== undefined);
  if (other !== undefined) throw new UserError(`${flagOf(other)} does not apply to ${kind}`, 'INSTAR_WRONG_OPTION');
}

/** What an address names is downloaded first. Once open, nothing more is read from files. */
export async function openNetwork(reference: string, given: NetworkOptions, world: World): Promise<OpenNetwork> {
  checkKind(reference, given);
  const spare = temporaryCache();
  const folder = cacheFolder();
  const writable = (): Promise<string> => writablePlace({ cacheFolder: folder, spare, ...world });
  try {
    const file = await namedFile(reference, { cacheFolder: folder, writable, listener: world });
    if (!namesModel(reference)) return await openRunNetwork(file, given.engine ?? null, world.environment);
    const model = await openForeignModel(file, given);
    return { kind: 'model', file, model, given, close: async () => model.close() };
  } finally {
    spare.remove();
  }
}

/** How images are made of files: as the run's own, or by `fit` and the model's metadata. */
export function renderingFor(network: OpenNetwork): ReturnType<typeof renderingIn> {
  if (network.kind === 'run') return renderingOf(network.best);
  const { fit } = network.given;
  return { ...renderingIn(network.model.classifier.metadata), ...(fit === undefined ? {} : { fit }) };
}

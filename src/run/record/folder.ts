/** What stands where in a run's folder, and which checkpoints are still needed. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { renderingSchema } from '../../data/reading.ts';
import { bestNetwork, currentParent, resultOf, type BestNetwork } from '../../search/ranking.ts';
import { evaluationWeightsOf } from '../../search/settings.ts';
import { candidateOf, type CandidateId, type SearchState } from '../../search/state.ts';
import { checkpointPath, encodeCheckpoint, fileCheckpoints, writeState } from '../../training/checkpoint.ts';
import { evaluationTensors } from '../../training/weights.ts';
import { exportModel } from '../../training/export.ts';
import type { About } from '../../training/job.ts';
import { readFailure } from '../../util/files.ts';
import { sha256 } from '../../util/hash.ts';
import { canonicalJson } from '../../util/json.ts';
import { factsOfRunFile, hasOwnFolder, isThere } from '../../util/run-files.ts';
import { UserError } from '../../util/user-error.ts';
import { version } from '../../util/version.ts';
import { readingOf, type Config } from './config.ts';
import type { BestFiles } from './events.ts';
import type { RunState } from './replay.ts';

export interface Folder {
  readonly root: string;
  readonly config: string;
  readonly journal: string;
  readonly checkpoints: string;
  /** Decoded data, where the cache could not be written. */
  readonly cache: string;
  readonly lock: string;
  /** What is told while the run goes on. */
  readonly live: string;
  /** Images that could not be read, where there are any. */
  readonly leftOut: string;
  /** To deploy. */
  readonly bestModel: string;
  /** To go on with. */
  readonly best: string;
  readonly bestNetwork: string;
}

export const folderOf = (root: string): Folder => ({
  root,
  config: join(root, 'config.json'),
  journal: join(root, 'journal.jsonl'),
  checkpoints: join(root, 'checkpoints'),
  cache: join(root, 'cache'),
  lock: join(root, 'lock'),
  live: join(root, 'live.json'),
  leftOut: join(root, 'left-out.txt'),
  bestModel: join(root, 'best.onnx'),
  best: join(root, 'best.safetensors'),
  bestNetwork: join(root, 'best.json'),
});

/** What a new run is called where nobody names it: after its data, its method and its beginning. */
export const newRunName = (data: string, method: string, date: Date): string =>
  `${data}-${method}-${date.toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')}`;

/** Its configuration is what makes a folder a run. */
export const isRun = (root: string): boolean => isThere(folderOf(root).config);

/** Of a given network. One that teaches is read by all trainings after the first. */
export interface GivenCheckpoint {
  readonly hash: string;
  readonly teaches: boolean;
}

export const givenCheckpoint = ({ from, settings }: Pick<Config, 'from' | 'settings'>): GivenCheckpoint | null =>
  from === null ? null : { hash: from.checkpoint, teaches: settings.distillation > 0 };

/**
 * Hashes of the checkpoints that a resume or a later decision may read, and of the winner of each step and of the front, for exports. `given`: of the
 * trained network that the search starts from, where it does, which its first event names only once it is there.
 */
export function neededCheckpoints(search: SearchState, given: GivenCheckpoint | null = null): ReadonlySet<string> {
  const needed = new Set<string>();
  const vanilla = search.candidates.get('vanilla');
  const start = vanilla === undefined ? (given?.hash ?? null) : vanilla.origin;
  if (start !== null && (given?.teaches === true || (vanilla?.checkpoint ?? null) === null)) needed.add(start);
  const keep = (id: CandidateId): void => {
    const hash = search.candidates.get(id)?.checkpoint;
    if (hash !== undefined && hash !== null) needed.add(hash);
  };
  keep('vanilla');
  keep('final');
  keep('baseline');
  keep(search.stop?.line ?? currentParent(search));
  const final = search.candidates.get('final');
  for (const hash of [
    bestNetwork(search)?.checkpoint,
    search.best?.checkpoint,
    search.bestBefore?.checkpoint,
    final?.checkpoint === null ? final.origin : null,
  ])
    if (hash !== undefined && hash !== null) needed.add(hash);
  for (const { checkpoint } of search.front) needed.add(checkpoint);
  for (const { winner } of search.steps) if (winner !== null) keep(winner);
  const open = search.steps.find((step) => step.winner === null);
  for (const id of search.stop === null ? (open?.children ?? []) : []) if (candidateOf(search, id).end === null) keep(id);
  return needed;
}

/** Names in the folder of checkpoints; none where there is no such folder. A UserError where its name is a link. */
function checkpointNames({ checkpoints }: Folder): readonly string[] {
  if (!hasOwnFolder(checkpoints)) return [];
  try {
    return readdirSync(checkpoints);
  } catch (error) {
    throw readFailure(error, checkpoints);
  }
}

/** A checkpoint, or what a writer that died has left of one (`replaceFile`). Nothing else in the folder is ours to remove. */
const ours = /^(?:[0-9a-f]{64}\.safetensors|\.[0-9a-f-]{36}\.part)$/;

/**
 * A run is known by its first event before anything is trained. Where the journal has no event, but networks are there, the journal
 * was lost: a UserError.
 */
export function checkBegun(folder: Folder, { from }: Config): void {
  const given = from === null ? null : basename(checkpointPath(folder.checkpoints, from.checkpoint));
  const trained = checkpointNames(folder).find((name) => ours.test(name) && name.endsWith('.safetensors') && name !== given);
  const found =
    [folder.best, folder.bestModel].find(isThere) ?? (trained === undefined ? null : join(folder.checkpoints, trained));
  if (found !== null)
    throw new UserError(`${folder.journal}: has no event, though the run has networks (${found}): the journal is lost`);
}

/** Lines whose numbers are on disk still. None where the folder of checkpoints is a link. */
export function keptCandidates(folder: Folder, search: SearchState): readonly CandidateId[] {
  const names = new Set(factsOfRunFile(folder.checkpoints)?.isDirectory() === true ? checkpointNames(folder) : []);
  return [...search.candidates.keys()].filter((id) => {
    const { checkpoint } = resultOf(search, id);
    return checkpoint !== null && names.has(basename(checkpointPath(folder.checkpoints, checkpoint)));
  });
}

/** Removes what no decision can read any more; leftovers of writers that died, too. */
export function collectCheckpoints(folder: Folder, search: SearchState, given: GivenCheckpoint | null = null): void {
  const needed = neededCheckpoints(search, given);
  for (const name of checkpointNames(folder))
    if (ours.test(name) && !needed.has(name.replace(/\.safetensors$/, '')))
      rmSync(join(folder.checkpoints, name), { force: true });
}

/** What the exported file of a line says of itself. */
export function aboutOf(folder: Folder, config: Config, search: SearchState, id: CandidateId): About {
  const { classes, shape, mean, std, name, reading } = config.data;
  const { normalise } = config.settings.augmentation;
  const test = search.tests.get(id)?.measured.accuracy;
  const validation = id === 'final' ? undefined : resultOf(search, id).validation?.accuracy;
  return {
    instar: version,
    run: basename(resolve(folder.root)),
    dataset: name,
    classes,
    shape,
    mean: normalise ? mean : mean.map(() => 0),
    std: normalise ? std : std.map(() => 1),
    line: id,
    parameters: candidateOf(search, id).parameters,
    seed: config.settings.seed,
    ...(validation === undefined ? {} : { validationAccuracy: validation }),
    ...(test === undefined ? {} : { testAccuracy: test }),
    ...(reading === undefined ? {} : renderingSchema.parse(readingOf(config))),
  };
}

/** The best network so far, ready to be written: best.onnx to take away, best.safetensors and best.json to go on with. */
export interface BestContent {
  readonly hashes: BestFiles;
  write(): Promise<void>;
}

export async function bestContent(
  folder: Folder,
  config: Config,
  search: SearchState,
  { candidate: id, checkpoint }: BestNetwork,
): Promise<BestContent> {
  const { network, tensors } = await fileCheckpoints(folder.checkpoints).read(checkpoint);
  const about = aboutOf(folder, config, search, id);
  const { evaluationWeights: weights } = evaluationWeightsOf(config.settings);
  const model = exportModel(network, tensors, about, weights);
  const measured = { network, tensors: evaluationTensors(network, tensors, weights) };
  const checkpointed = encodeCheckpoint(measured, { about: canonicalJson(about) });
  const structure = `${JSON.stringify({ about, network }, null, 2)}\n`;
  return {
    hashes: { model: sha256(model), tensors: sha256(checkpointed), network: sha256(structure) },
    async write() {
      await writeState(folder.bestModel, model);
      await writeState(folder.best, checkpointed);
      await writeState(folder.bestNetwork, structure);
    },
  };
}

/**
 * The line whose exported file is to be verified now: a parent of steps whose training has ended, or the finished network
 * once the test set was read. `training`: lines that a worker is on, or is to be on.
 */
export function toVerify(
  { search, exports }: RunState,
  training: ReadonlySet<CandidateId | null>,
): { readonly line: CandidateId; readonly part: 'validation' | 'test' } | null {
  const best = bestNetwork(search);
  if (best === null) return null;
  const { candidate: line, checkpoint } = best;
  if (training.has(line) || exports.get(line)?.checkpoint === checkpoint) return null;
  if (line === 'final') return search.tests.has('final') ? { line, part: 'test' } : null;
  const open = search.steps.find(({ winner }) => winner === null);
  return open?.children.includes(line) === true ? null : { line, part: 'validation' };
}

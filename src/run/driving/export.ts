/** Exports a network of a run, verified before it is written. The journal keeps the verification. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { ViewsName } from '../../network/views.ts';
import { createPool, type Pool } from '../../execution/pool.ts';
import { bestCandidate, currentParent } from '../../search/ranking.ts';
import { candidateOf, type CandidateId, type SearchState } from '../../search/state.ts';
import { checkpointPath, decodeCheckpoint, readCheckpointBytes, writeState } from '../../training/checkpoint.ts';
import { exportModel } from '../../training/export.ts';
import { exportProblem, JobFailure, type Verified } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { hasOwnFolder } from '../../util/run-files.ts';
import { RunError, UserError } from '../../util/user-error.ts';
import { defaultPatience } from '../preparing/begin.ts';
import { plannedSettings } from '../planning/budget.ts';
import type { RunEvent } from '../record/events.ts';
import { folderOf, keptCandidates, type Folder } from '../record/folder.ts';
import { Journal } from '../record/journal.ts';
import { lockRun } from '../record/lock.ts';
import { dataOf } from './open.ts';
import { readRun, type Read } from '../record/read.ts';
import { entryOf } from '../record/replay.ts';
import { verificationJob, verifyIn } from './verifier.ts';

export interface ExportOptions {
  /** The winner of that step; 0 is the vanilla network. */
  readonly step?: number | undefined;
  /** A child, such as `s2c3`. Default, where neither is given: the best network. */
  readonly child?: string | undefined;
  /** Views that the file averages. Default: the image alone. */
  readonly views?: ViewsName | undefined;
  readonly signal?: AbortSignal;
}

export interface ExportResult {
  readonly line: CandidateId;
  readonly verified: Verified;
  /** Whether the journal has what it is to have: not where another process has the run just now. */
  readonly kept: boolean;
}

function wantedLine(folder: Folder, search: SearchState, { step, child }: ExportOptions): CandidateId {
  const there = keptCandidates(folder, search);
  const known = there.length === 0 ? 'the run has no trained network yet' : `there are ${there.join(', ')}`;
  if (child !== undefined && !search.candidates.has(child))
    throw new UserError(`--child ${child}: the run has no such network; ${known}`);
  const winner = step === 0 ? 'vanilla' : search.steps.find((one) => one.step === step)?.winner;
  if (child === undefined && step !== undefined && (winner ?? null) === null)
    throw new UserError(`--step ${step}: the run has no winner of such a step; ${known}`);
  const wanted = child ?? winner ?? bestCandidate(search) ?? search.stop?.line ?? currentParent(search);
  const called = child !== undefined ? `--child ${child}` : step !== undefined ? `--step ${step}: ${winner}` : 'the best network';
  if (!there.includes(wanted)) throw new UserError(`${called}: its tensors are no longer kept; ${known}`);
  return wanted;
}

/** Records the verification in the journal, unless another process writes it. */
function keep(folder: Folder, event: RunEvent): boolean {
  let release: () => void;
  try {
    release = lockRun(folder.lock);
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
  try {
    const { replay, state } = readRun(folder.root);
    const journal = new Journal(folder.journal, replay.length, replay.chain);
    try {
      journal.append(entryOf(state, event, state.seconds));
    } finally {
      journal.close();
    }
    return true;
  } finally {
    release();
  }
}

/** A network to export: its candidate, and the content of its checkpoint. */
interface Chosen {
  readonly read: Read;
  readonly line: CandidateId;
  readonly checkpoint: string;
  readonly bytes: Uint8Array;
}

async function choose(read: Read, options: ExportOptions): Promise<Chosen> {
  const { folder, state } = read;
  const line = wantedLine(folder, state.search, options);
  const checkpoint = must(candidateOf(state.search, line).checkpoint, `checkpoint of ${line}`);
  return { read, line, checkpoint, bytes: await readCheckpointBytes(folder.checkpoints, checkpoint) };
}

/** A run that goes on may remove a checkpoint before it is read. Its journal then says more, and names another one. */
async function chooseAgain(root: string, options: ExportOptions): Promise<Chosen> {
  for (let read = readRun(root); ;) {
    try {
      return await choose(read, options);
    } catch (error) {
      const again = readRun(root);
      if (again.state.events === read.state.events) throw error;
      read = again;
    }
  }
}

/**
 * Writes a network of a run to an .onnx file. Before, the file is run beside the engine on the validation images (the
 * finished winner's on the test images); where it does not compute the same, nothing is written and a RunError says why.
 */
export async function exportNetwork(root: string, path: string, options: ExportOptions = {}): Promise<ExportResult> {
  const { step, child } = options;
  if (step !== undefined && child !== undefined) throw new UserError('give --step or --child, not both', 'INSTAR_WRONG_OPTION');
  if (!existsSync(dirname(resolve(path)))) throw new UserError(`--onnx ${path}: the folder does not exist`, 'INSTAR_NOT_FOUND');
  if (existsSync(path) && !statSync(path).isFile()) throw new UserError(`--onnx ${path}: exists and is not a file`);
  const place = mkdtempSync(join(tmpdir(), 'instar-export-'));
  try {
    return await exportBy(place, root, path, options);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** `place`: a temporary folder. */
async function exportBy(place: string, root: string, path: string, options: ExportOptions): Promise<ExportResult> {
  hasOwnFolder(folderOf(root).checkpoints);
  const { read, line, checkpoint, bytes } = await chooseAgain(root, options);
  const { folder, config, state } = read;
  const { search } = state;
  const { tensors } = decodeCheckpoint(bytes, checkpointPath(folder.checkpoints, checkpoint));
  const spare = { words: 'a temporary folder', folder: () => join(place, 'cache') };
  const { path: data } = await dataOf(root, config, spare);
  const here = { ...config, data: { ...config.data, path: data } };
  const settings = plannedSettings(config.settings, state.plan);
  const part = line === 'final' && search.tests.has('final') ? 'test' : 'validation';
  const { views = 'image' } = options;
  const job = { ...verificationJob(folder, here, settings, state, line, part, config.workers), views };
  // The worker reads a copy, since the run may remove the checkpoint meanwhile.
  let found: Verified;
  let pool: Pool | undefined;
  try {
    await writeState(checkpointPath(place, checkpoint), bytes);
    pool = createPool({ checkpoints: place, patience: defaultPatience });
    found = await verifyIn(pool, job, options.signal ?? new AbortController().signal);
  } catch (error) {
    if (error instanceof JobFailure) throw new RunError(`${line} could not be verified (${error.failure}): ${error.message}`);
    throw error;
  } finally {
    pool?.close();
  }
  const problem = exportProblem(found);
  // The journal has the verification of best.onnx, which reads the image alone.
  const kept =
    views !== 'image' || keep(folder, { type: 'exported', line, checkpoint: job.checkpoint, verified: found, problem });
  if (problem !== null) throw new RunError(`${line} was not exported: ${problem}`);
  await writeState(path, exportModel(job.network, tensors, job.about, job.evaluationWeights, views));
  return { line, verified: found, kept };
}

/** Exports a network of a run to files for servers and devices, verified before any is written. The journal keeps the verification. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fitSummaries } from '../../data/fit.ts';
import { quantise } from '../../deploy/quantise.ts';
import { codeFiles, writeCode, type Code } from '../../formats/c/write.ts';
import { writeLite, type LiteFile } from '../../formats/tflite/write.ts';
import type { Tensors } from '../../network/tensor.ts';
import type { ViewsName } from '../../network/views.ts';
import { createPool, type Pool } from '../../execution/pool.ts';
import { bestCandidate, currentParent, resultOf } from '../../search/ranking.ts';
import { type CandidateId, type SearchState } from '../../search/state.ts';
import { checkpointPath, decodeCheckpoint, readCheckpointBytes, writeState } from '../../training/checkpoint.ts';
import { deploymentOf, exportModel } from '../../training/export.ts';
import { deployedOf, quantisedModel } from '../../training/quantisation.ts';
import { exportProblem, JobFailure, type QuantisedExport, type VerificationJob, type Verified } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { hasOwnFolder } from '../../util/run-files.ts';
import { RunError, UserError } from '../../util/user-error.ts';
import { formatPercent, plural } from '../../util/words.ts';
import { defaultPatience } from '../preparing/begin.ts';
import { plannedSettings } from '../planning/budget.ts';
import type { RunEvent } from '../record/events.ts';
import { folderOf, keptCandidates, type Folder } from '../record/folder.ts';
import { Journal } from '../record/journal.ts';
import { lockRun } from '../record/lock.ts';
import { dataOf } from './open.ts';
import { readRun, type Read } from '../record/read.ts';
import { entryOf } from '../record/replay.ts';
import { quantiseIn, verificationJob, verifyIn } from './verifier.ts';

export interface ExportOptions {
  /** The winner of that step; 0 is the vanilla network. */
  readonly step?: number | undefined;
  /** A child, such as `s2c3`. Default, where neither is given: the best network. */
  readonly child?: string | undefined;
  /** Views that the file averages. Default: the image alone. */
  readonly views?: ViewsName | undefined;
  readonly signal?: AbortSignal;
}

/** The files that are wanted. */
export interface Targets {
  /** In f32. */
  readonly onnx?: string | undefined;
  /** In bytes. */
  readonly int8?: string | undefined;
  /** A folder for network.c and network.h. */
  readonly code?: { readonly folder: string; readonly numbers: 'float' | 'int8' } | undefined;
  /** A TensorFlow Lite file. */
  readonly tflite?: { readonly path: string; readonly numbers: 'float' | 'int8' } | undefined;
  /** Whether bytes stand for numbers around zero. */
  readonly symmetric?: boolean | undefined;
}

export interface ExportResult {
  readonly line: CandidateId;
  readonly verified: Verified;
  /** Whether the journal has what it is to have: not where another process has the run just now. */
  readonly kept: boolean;
  /** Where something is in bytes. */
  readonly quantised: QuantisedExport | null;
  readonly code: Pick<Code, 'arenaBytes' | 'constantBytes' | 'multiplyAdds'> | null;
  readonly tflite: { readonly bytes: number; readonly operators: number } | null;
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
  const checkpoint = must(resultOf(state.search, line).checkpoint, `checkpoint of ${line}`);
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

/** A UserError where no file can be written there. `flag`: how it was asked for. */
export function checkFile(flag: string, path: string): void {
  if (!existsSync(dirname(resolve(path)))) throw new UserError(`${flag} ${path}: the folder does not exist`, 'INSTAR_NOT_FOUND');
  if (existsSync(path) && !statSync(path).isFile()) throw new UserError(`${flag} ${path}: exists and is not a file`);
}

/**
 * Writes a network of a run to an .onnx file. Before, the file is run beside the engine on the validation images (the
 * finished winner's on the test images); where it does not compute the same, nothing is written and a RunError says why.
 */
export async function exportNetwork(root: string, path: string, options: ExportOptions = {}): Promise<ExportResult> {
  checkFile('--onnx', path);
  return exportFiles(root, { onnx: path }, options);
}

/** As `exportNetwork`, to several files. Those in bytes are measured beside the one in f32. */
export async function exportFiles(root: string, targets: Targets, options: ExportOptions = {}): Promise<ExportResult> {
  const { step, child } = options;
  if (step !== undefined && child !== undefined) throw new UserError('give --step or --child, not both', 'INSTAR_WRONG_OPTION');
  const place = mkdtempSync(join(tmpdir(), 'instar-export-'));
  try {
    return await exportBy(place, root, targets, options);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** `place`: a temporary folder. */
async function exportBy(place: string, root: string, targets: Targets, options: ExportOptions): Promise<ExportResult> {
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
  let quantised: QuantisedExport | null = null;
  let pool: Pool | undefined;
  const { symmetric = false, code, tflite } = targets;
  const isInBytes = targets.int8 !== undefined || code?.numbers === 'int8' || tflite?.numbers === 'int8';
  try {
    await writeState(checkpointPath(place, checkpoint), bytes);
    pool = createPool({ checkpoints: place, patience: defaultPatience });
    const signal = options.signal ?? new AbortController().signal;
    found = await verifyIn(pool, job, signal);
    if (isInBytes && exportProblem(found) === null)
      quantised = await quantiseIn(pool, { ...job, kind: 'quantisation', id: `${line}/int8`, symmetric }, signal);
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
  const files = filesOf({ job, tensors, targets, views, quantised, verified: found });
  for (const { path, content } of files.written) await writeState(path, content);
  const lite = files.tflite && { bytes: files.tflite.bytes.length, operators: files.tflite.operators };
  return { line, verified: found, kept, quantised, code: files.code, tflite: lite };
}

interface Content {
  readonly job: VerificationJob;
  readonly tensors: Tensors;
  readonly targets: Targets;
  readonly views: ViewsName;
  readonly quantised: QuantisedExport | null;
  readonly verified: Verified;
}

/** What a file for devices says of its origin. */
function factsOf({ job, verified, quantised }: Content, isInBytes: boolean): readonly string[] {
  const { instar, run, line, dataset, fit } = job.about;
  const accuracy = isInBytes && quantised !== null ? quantised.int8.accuracy : verified.fileAccuracy;
  return [
    `Written by Instar ${instar}: network ${line} of the run ${run}, trained on ${dataset}.`,
    `${formatPercent(accuracy)} of ${plural(verified.images, `${verified.part} image`)} right.`,
    ...(fit === undefined ? [] : [`How photos become squares: ${fitSummaries[fit]}.`]),
  ];
}

interface Files {
  readonly written: readonly { readonly path: string; readonly content: Uint8Array | string }[];
  readonly code: Code | null;
  readonly tflite: LiteFile | null;
}

function filesOf(content: Content): Files {
  const { job, tensors, targets, views, quantised } = content;
  const { network, about, evaluationWeights } = job;
  const { onnx, int8, code, tflite, symmetric = false } = targets;
  const written: { readonly path: string; readonly content: Uint8Array | string }[] = [];
  if (onnx !== undefined) written.push({ path: onnx, content: exportModel(network, tensors, about, evaluationWeights, views) });
  const deployed = deployedOf(network, tensors, evaluationWeights);
  const ranges = () => must(quantised, 'ranges').ranges;
  if (int8 !== undefined)
    written.push({ path: int8, content: quantisedModel(deployed, about, { ranges: ranges(), symmetric, views }) });
  const inBytes = (numbers: 'float' | 'int8') => (numbers === 'int8' ? quantise(deployed, ranges(), symmetric) : null);
  const { mean, std, classes } = about;
  const made =
    code && writeCode(deployed, inBytes(code.numbers), { mean, std, classes, facts: factsOf(content, code.numbers === 'int8') });
  for (const name of ['header', 'source'] as const)
    if (code !== undefined && made !== undefined) written.push({ path: join(code.folder, codeFiles[name]), content: made[name] });
  const lite =
    tflite &&
    writeLite(deployed, inBytes(tflite.numbers), {
      mean,
      std,
      classes,
      description: factsOf(content, tflite.numbers === 'int8').join('\n'),
      metadata: { ...deploymentOf(about, 'image').metadata, numbers: tflite.numbers },
    });
  if (tflite !== undefined && lite !== undefined) written.push({ path: tflite.path, content: lite.bytes });
  return { written, code: made ?? null, tflite: lite ?? null };
}

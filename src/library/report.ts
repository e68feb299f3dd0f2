/** Reports, exports and lists of runs for other programs. */
import { checkArgument, checkExport, checkReport, checkRoot } from '../options/check.ts';
import { saying } from '../options/library-words.ts';
import type { ViewsName } from '../network/views.ts';
import { makeReport, outputFor, reportIn } from '../report/make.ts';
import { checkFile, exportFiles, type ExportResult } from '../run/driving/export.ts';
import { writeState } from '../training/checkpoint.ts';
import { must } from '../util/assert.ts';
import { makeFolder } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { listRuns, type ListedRun } from '../web/list-runs.ts';

export { reportIn };

export interface ReportOptions {
  /** Where to write the page. Default: `report.html` in the run's folder. `false`: it is not written. */
  readonly out?: string | false;
  /** A folder, to which each figure is written as an SVG file. */
  readonly figures?: string;
}

export interface Report {
  /** Where the page was written; null with `out: false`. */
  readonly path: string | null;
  /** The page: one HTML file that needs no other. */
  readonly html: string;
  /** How many figures were written. */
  readonly figures: number;
  /** What could not be shown, and why, a line each. */
  readonly problems: readonly string[];
}

/**
 * Makes the report of a run, of several (which need `out`), or of a study: family tree, curves, architecture, mistakes. The run may be
 * unfinished.
 */
export async function report(run: string | readonly string[], options: ReportOptions = {}): Promise<Report> {
  const roots = Array.isArray(run)
    ? run.map((each: unknown, index) => checkRoot(`run[${index}]`, each))
    : [checkRoot('run', run)];
  const { out, figures } = checkReport(options);
  if (roots.length === 0) throw new UserError('run: is missing', 'INSTAR_MISSING_OPTION');
  return saying('report', () => reportOf(roots, out, figures));
}

async function reportOf(roots: readonly string[], out: string | false | undefined, figures: string | undefined): Promise<Report> {
  const path = out === false ? null : outputFor(roots, out);
  const date = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const { page, problems, writeFigures } = await makeReport(roots, path, process.env, date);
  if (figures !== undefined) makeFolder(figures, `--figures ${figures}`);
  if (path !== null) await writeState(path, page);
  return { path, html: page, figures: figures === undefined ? 0 : await writeFigures(figures), problems };
}

export interface ExportOptions {
  /** Where to write an ONNX file. */
  readonly onnx?: string;
  /** Where to write a TensorFlow Lite file. One of both is needed. */
  readonly tflite?: string;
  /** Of the TensorFlow Lite file: f32 or bytes, whose accuracy is measured. Default: `float`. */
  readonly numbers?: 'float' | 'int8';
  /** The winner of that step; 0: the start network. */
  readonly step?: number;
  /** A child, such as `s1c3`; only winners are kept when their step is over. Default, without `step`: the best network. */
  readonly child?: string;
  /** Views of an image that the ONNX file averages. Default: the image alone. */
  readonly views?: ViewsName;
  readonly signal?: AbortSignal;
}

export interface Exported extends ExportResult {
  /** That of the ONNX file, or of the TensorFlow Lite file where there is no other. */
  readonly path: string;
}

/**
 * Writes a network of a run as an ONNX file (bytes of pixels in, logits and probabilities out), a TensorFlow Lite file (pixels in,
 * logits out), or both. Before, the network as ONNX is run beside the engine on the validation images (the finished winner's on the
 * test images); where it does not compute the same, a RunError says so and nothing is written.
 */
export async function exportModel(run: string, options: ExportOptions): Promise<Exported> {
  const root = checkRoot('run', run);
  const { onnx, tflite, numbers = 'float', ...rest } = checkExport(options);
  const path = must(onnx ?? tflite, 'path');
  return saying('export', async () => {
    if (onnx !== undefined) checkFile('onnx', onnx);
    if (tflite !== undefined) checkFile('tflite', tflite);
    const files = { onnx, tflite: tflite === undefined ? undefined : { path: tflite, numbers } };
    return { path, ...(await exportFiles(root, files, rest)) };
  });
}

/** The runs in a folder, those of studies too, the latest first: state, accuracy, size, when. Locks and writes nothing. */
export async function runs(folder = 'runs'): Promise<readonly ListedRun[]> {
  return listRuns(checkArgument('folder', folder), Date.now);
}

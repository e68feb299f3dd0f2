/** `instar export`: a network of a run as an .onnx file. */
import { exportNetwork } from '../run/driving/export.ts';
import { UserError } from '../util/user-error.ts';
import { printJson, printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';
import { describeExport } from '../run/display/wording.ts';
import { describeViews } from '../run/display/wording.ts';
import { printable } from '../util/words.ts';

export async function exportCommand(root: string, given: Given<'export'>, io: Io): Promise<number> {
  const { onnx: path, step, child, views = 'image' } = given;
  if (path === undefined) throw new UserError('--onnx FILE is missing: the file to write');
  const { line, verified, kept } = await exportNetwork(root, path, { step, child, views });
  if (given.json === true) printJson(io.out, { path, line, views, verified, kept });
  else
    printLines(io.out, [`${printable(path)} (${line})${describeViews(views)}: ${describeExport({ verified, problem: null })}`]);
  if (!kept) printLines(io.err, ['another process is working on this run: the export is not recorded in its journal']);
  return 0;
}

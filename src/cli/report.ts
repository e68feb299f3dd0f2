/** `instar report`: runs as one HTML file to look at, and their figures as SVG files. */
import type { Given } from '../options/commands.ts';
import { makeReport, outputFor } from '../report/make.ts';
import { writeState } from '../training/checkpoint.ts';
import { makeFolder } from '../util/files.ts';
import { formatBytes, plural, printable } from '../util/words.ts';
import { printLines, writtenAt, type Io } from './io.ts';

export async function reportCommand(roots: readonly string[], { out: asked, figures }: Given<'report'>, io: Io): Promise<number> {
  const out = outputFor(roots, asked);
  const report = await makeReport(roots, out, io.environment, writtenAt(io));
  if (figures !== undefined) makeFolder(figures, `--figures ${figures}`);
  await writeState(out, report.page);
  printLines(io.out, [`${printable(out)}: ${formatBytes(Buffer.byteLength(report.page))}`]);
  if (figures !== undefined)
    printLines(io.out, [`${printable(figures)}: ${plural(await report.writeFigures(figures), 'figure')}`]);
  printLines(io.err, report.problems.map(printable));
  return 0;
}

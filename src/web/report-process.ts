/** The program that makes the report of runs or of a study: their folders are the arguments, and HTML goes to stdout. */
import { makeReport } from '../report/make.ts';
import { UserError } from '../util/user-error.ts';
import { printableLines } from '../util/words.ts';

const written = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`;
try {
  process.stdout.write((await makeReport(process.argv.slice(2), null, process.env, written)).page);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${printableLines(error.message)}\n`);
  process.exitCode = 2;
}

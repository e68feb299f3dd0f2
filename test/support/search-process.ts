/** A process that runs or resumes a search and prints events as lines of JSON. Tests kill it. */
import { writeSync } from 'node:fs';
import { resume, search } from '../../src/run/driving/open.ts';
import { UserError } from '../../src/util/user-error.ts';

/** Ignores a closed pipe: a test may stop reading, and the search must continue until it is killed. */
function tell(line: string): void {
  try {
    writeSync(1, `${line}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

const [what, run = '', json = '{}'] = process.argv.slice(2);
const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());
const options = { ...JSON.parse(json), signal: interrupt.signal };
try {
  for await (const item of what === 'search' ? search({ ...options, run }) : resume(run, options)) tell(JSON.stringify(item));
} catch (error) {
  writeSync(2, error instanceof UserError ? error.message : String((error as Error).stack));
  process.exitCode = error instanceof UserError ? 2 : 1;
}

/** The program that makes the page of one study: its folder is the argument, and HTML goes to stdout. */
import { studyIn } from '../report/collect-study.ts';
import { studyArticle } from '../report/study-page.ts';
import { UserError } from '../util/user-error.ts';
import { printableLines } from '../util/words.ts';

try {
  process.stdout.write(studyArticle(studyIn(process.argv[2] ?? '').shown).text);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${printableLines(error.message)}\n`);
  process.exitCode = 2;
}

/** Runs a command line; an error becomes one line and an exit code. */
import { CommanderError } from 'commander';
import { RunError, UserError } from '../util/user-error.ts';
import { exitCodes as codes, type Io } from './io.ts';
import { createProgram } from './program.ts';
import { printable, printableLines } from '../util/words.ts';

const oneLine = (text: string): string => printable(text.trim().replaceAll(/\s*\n\s*/g, ' '));

/** Of `error: unknown option '--foo'\n(Did you mean …?)`. */
const wordsOf = (error: CommanderError): string => oneLine(error.message.replace(/^error: /, ''));

function fail(error: unknown, io: Io): number {
  const say = (text: string): void => void io.err.write(`instar: ${text}\n`);
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return codes.done;
    say(
      error.code === 'commander.help'
        ? "a command is missing ('instar --help' lists them)"
        : `${wordsOf(error)} ('instar --help' explains)`,
    );
    return codes.wrong;
  }
  const isUsers = error instanceof UserError;
  // A system error names the call and the file.
  if (isUsers || error instanceof RunError || (error instanceof Error && 'syscall' in error)) {
    say(oneLine(error.message));
    return isUsers ? codes.wrong : codes.failed;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say(`unexpected error; please report it with the following lines\n${printableLines(trace)}`);
  return codes.failed;
}

/** Runs a command line and gives its exit code. */
export async function runCommandLine(parameters: readonly string[], io: Io): Promise<number> {
  let code: number = codes.done;
  try {
    // `-V` was its name before; both are usual.
    const words = parameters[0] === '-V' ? ['--version'] : [...parameters];
    await createProgram(io, (result) => (code = result)).parseAsync(words, { from: 'user' });
  } catch (error) {
    code = fail(error, io);
  }
  return code;
}

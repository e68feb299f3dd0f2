/** Runs a command line, and makes an exit code and one line of what goes wrong. */
import { CommanderError } from 'commander';
import { RunError, UserError } from '../util/user-error.ts';
import type { Io } from './io.ts';
import { createProgram } from './program.ts';
import { printable } from '../util/words.ts';

const codes = { done: 0, failed: 1, wrong: 2 } as const;

const oneLine = (text: string): string => printable(text.trim().replaceAll(/\s*\n\s*/g, ' '));

/** `error: unknown option '--foo'\n(Did you mean …?)` in our words. */
const wordsOf = (error: CommanderError): string => oneLine(error.message.replace(/^error: /, ''));

function fail(error: unknown, io: Io): number {
  const say = (text: string): void => void io.err.write(`instar: ${text}\n`);
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return codes.done;
    say(
      error.code === 'commander.help'
        ? "a command is needed ('instar --help' lists them)"
        : `${wordsOf(error)} ('instar --help' explains)`,
    );
    return codes.wrong;
  }
  if (error instanceof UserError) {
    say(oneLine(error.message));
    return codes.wrong;
  }
  // What the system refused says what, and of which file.
  if (error instanceof RunError || (error instanceof Error && 'syscall' in error)) {
    say(oneLine(error.message));
    return codes.failed;
  }
  say(
    `an unexpected failure; please report it with what follows\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return codes.failed;
}

/** Runs a command line and gives its exit code. */
export async function runCommandLine(parameters: readonly string[], io: Io): Promise<number> {
  let code: number = codes.done;
  try {
    await createProgram(io, (result) => (code = result)).parseAsync([...parameters], { from: 'user' });
  } catch (error) {
    code = fail(error, io);
  }
  return code;
}

#!/usr/bin/env node
/** The program `instar`. Its modules are loaded inside: where the system refuses even that, one line says why. */

async function run(): Promise<void> {
  const { allowLostReaders, ignoreHangup, processIo } = await import('./io.ts');
  allowLostReaders();
  ignoreHangup();
  const { runCommandLine } = await import('./command-line.ts');
  const code = await runCommandLine(process.argv.slice(2), processIo);
  // Output that could not be written has failed the command already.
  if (code !== 0 || process.exitCode === undefined) process.exitCode = code;
}

try {
  await run();
} catch (error) {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined) throw error;
  const limit = code === 'EMFILE' || code === 'ENFILE' ? ' (raise the limit of open files: ulimit -n)' : '';
  process.stderr.write(`instar: cannot start: ${message}${limit}\n`);
  process.exitCode = 1;
}

/** A Python that has a module, where the machine has one: for tests that ask another implementation. */
import { spawnSync } from 'node:child_process';

/** The path of the interpreter, or undefined. Debian's packages are for /usr/bin/python3, even if PATH has another one first. */
export const pythonWith = (module: string): string | undefined =>
  ['/usr/bin/python3', 'python3'].find((path) => spawnSync(path, ['-c', `import ${module}`]).status === 0);

/** Runs a script; a failure is an error with what it wrote. */
export function runPython(python: string, script: string, parameters: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(python, ['-c', script, ...parameters], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`python ended with ${status}: ${stderr}`);
  return stdout;
}

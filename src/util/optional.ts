/** Packages that are installed only by those who use them: optional peer dependencies in package.json. */
import { readFileSync } from 'node:fs';
import { UserError } from './user-error.ts';

/** `bullmq@^6.7.0`, with the versions that package.json asks for. */
function withVersions(packages: readonly string[]): string {
  const { peerDependencies } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    readonly peerDependencies: Readonly<Record<string, string>>;
  };
  const versionOf = (name: string): string => (peerDependencies[name] === '*' ? '' : `@${peerDependencies[name]}`);
  return packages.map((name) => `${name}${versionOf(name)}`).join(' ');
}

/**
 * Imports what needs these packages. Where one of them is not installed, a UserError says how to install all. `what` needs them: an
 * option with its value.
 */
export async function importOptional<Module>(
  what: string,
  packages: readonly string[],
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // The second under Yarn's Plug'n'Play.
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    const words = message.split(/['\s]/);
    if (!isMissing || !packages.some((name) => words.includes(name))) throw error;
    throw new UserError(`${what} needs packages that are not installed: npm install ${withVersions(packages)}`);
  }
}

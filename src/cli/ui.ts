/** `instar ui`: the dashboard, until it is interrupted. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLoopback } from '../web/guard.ts';
import { startUi } from '../web/server.ts';
import { UserError } from '../util/user-error.ts';
import { printable } from '../util/words.ts';
import { usualRuns } from './places.ts';
import { exitCodes, printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';

const usualPort = 4310;

/** What opens an address on this system. */
const openers: Readonly<Record<string, readonly string[]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
  linux: ['xdg-open'],
};

/** A page that leads to the address, in a folder that is this user's alone. */
export function leadingTo(address: string): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'instar-ui-'));
  const path = join(folder, 'open.html');
  const text = `<!doctype html><meta charset="utf-8"><title>Instar</title><meta http-equiv="refresh" content="0;url=${address}">\n`;
  writeFileSync(path, text, { mode: 0o600 });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * What a process was started with is seen by all who are on the machine, so that the token is not among it. Where there is no
 * browser, or nothing that knows one, the address that was printed has to do.
 */
function openBrowser(address: string): () => void {
  const { path, remove } = leadingTo(address);
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(command as string, [...args, path], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
  return remove;
}

const hasDisplay = ({ environment, out }: Io): boolean =>
  out.isTTY && (process.platform !== 'linux' || Boolean(environment['DISPLAY'] ?? environment['WAYLAND_DISPLAY']));

export async function uiCommand(folder: string, given: Given<'ui'>, io: Io): Promise<number> {
  const { port = usualPort, host = '127.0.0.1', data = null, base = '/', allowHost: allowedHosts = [] } = given;
  // Only the usual folder is made: it is where searches that begin on the page go.
  if (folder !== usualRuns && !existsSync(folder)) throw new UserError(`${folder}: does not exist`);
  const ui = await startUi({
    folder,
    port,
    host,
    base,
    allowedHosts,
    data,
    program: [process.execPath, fileURLToPath(new URL('main.js', import.meta.url))],
  });
  // Before the address is printed: whoever has read it may end this.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of io.stops) io.on(signal, resolve);
  });
  printLines(io.out, [ui.address]);
  io.err.write(`Dashboard of ${printable(folder)}. Anyone with this address can change runs. Ctrl-C stops it; runs continue.\n`);
  for (const name of allowedHosts.filter((each) => !isLoopback(each)))
    io.err.write(`By way of a proxy: https://${name.includes(':') ? `[${name}]` : name}${base}#token=${ui.token}\n`);
  const forget = given.noOpen !== true && hasDisplay(io) ? openBrowser(ui.address) : (): void => undefined;
  await stopped;
  forget();
  await ui.close();
  return exitCodes.done;
}

/** `instar ui`: the dashboard, until it is interrupted. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startUi } from '../web/server.ts';
import { UserError } from '../util/user-error.ts';
import { printable } from '../util/words.ts';
import { exitCodes } from './exit-codes.ts';
import type { Given } from './given.ts';
import { printLines, type Io } from './io.ts';
import { parseNumber } from './values.ts';

const usualPort = 4310;

/** What opens an address on this system. */
const openers: Readonly<Record<string, readonly string[]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
  linux: ['xdg-open'],
};

/** Where there is no browser, or nothing that knows one, the address that was printed has to do. */
function openBrowser(address: string): void {
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(command as string, [...args, address], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

const hasDisplay = ({ environment, out }: Io): boolean =>
  out.isTTY && (process.platform !== 'linux' || Boolean(environment['DISPLAY'] ?? environment['WAYLAND_DISPLAY']));

export async function uiCommand(folder: string, given: Given, io: Io): Promise<number> {
  const text = given['port'] as string | undefined;
  const port = text === undefined ? usualPort : parseNumber('--port', text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new UserError(`--port ${text}: 0 to 65535`);
  const ui = await startUi({
    folder,
    port,
    host: (given['host'] as string | undefined) ?? '127.0.0.1',
    data: (given['data'] as string | undefined) ?? null,
    program: [process.execPath, fileURLToPath(new URL('main.js', import.meta.url))],
  });
  printLines(io.out, [ui.address]);
  io.err.write(
    `The dashboard of ${printable(folder)}. Whoever has this address may change things. Ctrl-C ends it; runs go on.\n`,
  );
  if (given['open'] !== false && hasDisplay(io)) openBrowser(ui.address);
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  await new Promise<void>((resolve) => {
    for (const signal of signals) io.on(signal, resolve);
  });
  await ui.close();
  return exitCodes.done;
}

/**
 * The dashboard's server: reads run folders, starts runs as processes of their own, and holds nothing that is not on disk, so
 * that it may be ended and begun again at any time.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getRequestListener, RequestError } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { folderOf, isRun } from '../run/record/folder.ts';
import { readConfig } from '../run/record/config.ts';
import { UserError } from '../util/user-error.ts';
import { openActions } from './actions.ts';
import { createApp } from './app.ts';
import { openCatalogue } from './catalogue.ts';
import { choicesOf, type OpenChoices } from './choices.ts';
import { newToken, policyHeaders } from './guard.ts';
import { studyPages } from './studies.ts';
import { openWatch } from './stream.ts';

export interface UiOptions {
  /** The folder of runs; made where it is missing. */
  readonly folder: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly host: string;
  /** Where data sets are, for the form. */
  readonly data: string | null;
  /** What is run as `instar`, with the arguments before its own. */
  readonly program: readonly string[];
}

export interface Ui {
  /** With the token: whoever opens it may change things. */
  readonly address: string;
  readonly port: number;
  readonly token: string;
  close(): Promise<void>;
}

/** Milliseconds for which the data sets that were found are believed to be there. */
const choicesFor = 10_000;

/** Listens. A port that is taken and a folder that cannot be read are UserErrors. */
export async function startUi({ folder, port, host, data, program }: UiOptions): Promise<Ui> {
  if (existsSync(folder) && !statSync(folder).isDirectory()) throw new UserError(`${folder} is not a folder`);
  try {
    mkdirSync(folder, { recursive: true });
    readdirSync(folder);
  } catch (error) {
    throw new UserError(`${folder} cannot be used: ${(error as Error).message}`);
  }
  if (data !== null && !existsSync(data)) throw new UserError(`--data ${data}: does not exist`);
  if (data !== null && !statSync(data).isDirectory()) throw new UserError(`--data ${data}: not a folder`);
  const token = newToken();
  /** Of what was begun for an answer and is of no use without the server. */
  const ending = new AbortController();
  const actions = openActions(resolvePath(folder), program, () => new Date());
  const watch = openWatch();
  const catalogue = openCatalogue(folder, { now: Date.now, isStarted: actions.isStarted, isWatched: watch.isWatched });

  function knownData(): Parameters<typeof choicesOf>[1] {
    return catalogue.list().runs.flatMap(({ id }) => {
      const place = catalogue.run(id);
      if (place === null || !isRun(place.root)) return [];
      try {
        const { name, reference, where, folder: own } = readConfig(folderOf(place.root).config).data;
        return [{ name, reference: where ?? reference, folder: own }];
      } catch (error) {
        if (error instanceof UserError) return []; // The list says that it is damaged.
        throw error;
      }
    });
  }
  let kept: { readonly at: number; readonly choices: Promise<OpenChoices> } | null = null;
  const choices = (): Promise<OpenChoices> => {
    if (kept === null || Date.now() - kept.at > choicesFor) kept = { at: Date.now(), choices: choicesOf(data, knownData()) };
    return kept.choices;
  };

  const doors = { token, host, port };
  const app = createApp({
    doors,
    catalogue,
    actions,
    watch,
    clientFolder: fileURLToPath(new URL('../../web', import.meta.url)),
    addressOf: (c) => getConnInfo(c).remote.address ?? '',
    choices,
    studyPage: studyPages(Date.now, ending.signal),
  });
  const listener = getRequestListener(app.fetch, {
    // Of what does not get as far as a route: an address or a Host header that is none.
    errorHandler(error) {
      const isTheirs = error instanceof RequestError;
      if (!isTheirs) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      return new Response(isTheirs ? 'That is no request.\n' : null, { status: isTheirs ? 400 : 500, headers: policyHeaders });
    },
  });
  const server = createServer((request, response) => void listener(request, response));
  const bound = await new Promise<number>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new UserError(`port ${port} is in use: --port takes another one, 0 any that is free`)
          : new UserError(`${host}:${port} cannot be listened on: ${error.message}`),
      ),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
  doors.port = bound;
  // By the time that a browser is there, the list is. What is wrong with it is said to whoever asks for it.
  catalogue.warm(ending.signal).catch((error: Error) => process.stderr.write(`${error.message}\n`));
  // What stands for every address of this machine is none that a browser can open.
  const named = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return {
    address: `http://${named.includes(':') ? `[${named}]` : named}:${bound}/?token=${token}`,
    port: bound,
    token,
    close: () =>
      new Promise((resolve) => {
        watch.close();
        ending.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

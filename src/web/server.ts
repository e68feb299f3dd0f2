/**
 * The dashboard's server: reads run folders and starts runs as processes of their own. Its only state is on disk, so that it may
 * be stopped and started at any time.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve as resolvePath } from 'node:path';
import { getRequestListener, RequestError } from '@hono/node-server';
import { folderOf, isRun } from '../run/record/folder.ts';
import { readConfig } from '../run/record/config.ts';
import { makeFolders } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { printableLines } from '../util/words.ts';
import { openActions } from './actions.ts';
import { createApp } from './app.ts';
import { openCatalogue } from './catalogue.ts';
import { choicesOf, type OpenChoices } from './choices.ts';
import { uploadPath } from './data-routes.ts';
import { newToken, policyHeaders } from './guard.ts';
import { studyPages } from './studies.ts';
import { openWatch } from './stream.ts';
import { removeAbandonedUploads } from './upload.ts';

export interface UiOptions {
  /** The folder of runs; created where it is missing. */
  readonly folder: string;
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** The path under which a proxy serves it, such as `/tools/instar/`. Default: `/`. */
  readonly base?: string;
  /** Names of the proxy, in lower case. Default: none. */
  readonly allowedHosts?: readonly string[];
  /** Where datasets are, for the form. */
  readonly data: string | null;
  /** The command that runs `instar`, and its first arguments. */
  readonly program: readonly string[];
}

export interface Ui {
  /** With the token, which allows changes, in its fragment: that is sent to no server. */
  readonly address: string;
  readonly port: number;
  readonly token: string;
  close(): Promise<void>;
}

/** Milliseconds for which the choices of the form are kept, and in which a request has come as a whole. */
const choicesFor = 10_000;
const longestRequest = 300_000;

/** Listens. A port that is taken and a folder that cannot be read are UserErrors. */
export async function startUi({ folder, port, host, data, program, base = '/', allowedHosts = [] }: UiOptions): Promise<Ui> {
  if (existsSync(folder) && !statSync(folder).isDirectory()) throw new UserError(`${folder} is not a folder`);
  try {
    makeFolders(folder);
    readdirSync(folder);
  } catch (error) {
    throw new UserError(`${folder} cannot be used: ${(error as Error).message}`);
  }
  if (data !== null && !existsSync(data)) throw new UserError(`--data ${data}: does not exist`);
  if (data !== null && !statSync(data).isDirectory()) throw new UserError(`--data ${data}: not a folder`);
  const token = newToken();
  /** Ends what only serves responses. */
  const ending = new AbortController();
  const actions = openActions(resolvePath(folder), program);
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
        if (error instanceof UserError) return []; // Damaged, as the list says.
        throw error;
      }
    });
  }
  let kept: { readonly at: number; readonly choices: Promise<OpenChoices> } | null = null;
  const choices = (): Promise<OpenChoices> => {
    if (kept === null || Date.now() - kept.at > choicesFor) kept = { at: Date.now(), choices: choicesOf(data, knownData()) };
    return kept.choices;
  };

  const uploads = new Set<Promise<unknown>>();
  const onUpload = (upload: Promise<unknown>): void => {
    // What the form offers has changed then.
    const ended = upload.finally(() => [uploads.delete(ended), (kept = null)]);
    uploads.add(ended);
  };
  if (data !== null) await removeAbandonedUploads(data);

  const access = { token, host, port, base, allowedHosts };
  const app = createApp({
    access,
    catalogue,
    actions,
    watch,
    choices,
    data,
    onUpload,
    studyPage: studyPages(ending.signal),
  });
  const listener = getRequestListener(app.fetch, {
    // Before any route: of an invalid address or Host header.
    errorHandler(error) {
      const isTheirs = error instanceof RequestError;
      if (!isTheirs) process.stderr.write(`${printableLines(error instanceof Error ? (error.stack ?? '') : String(error))}\n`);
      return new Response(isTheirs ? 'Invalid request.\n' : null, { status: isTheirs ? 400 : 500, headers: policyHeaders });
    },
  });
  // An upload may take as long as it needs; all else is short.
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const timer = setTimeout(() => request.complete || request.destroy(), longestRequest).unref();
    request.on('close', () => clearTimeout(timer));
    if (request.url?.endsWith(uploadPath) === true) clearTimeout(timer);
    void listener(request, response);
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new UserError(`port ${port} is in use: choose another one with --port, or 0 for any free one`)
          : new UserError(`${host}:${port} cannot be listened on: ${error.message}`),
      ),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
  access.port = bound;
  // The list is then ready for the first browser. Its errors are reported to whoever requests it.
  catalogue.warm(ending.signal).catch((error: Error) => process.stderr.write(`${printableLines(error.message)}\n`));
  // A browser cannot open the address that stands for all addresses.
  const named = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return {
    address: `http://${named.includes(':') ? `[${named}]` : named}:${bound}${base}#token=${token}`,
    port: bound,
    token,
    close: () =>
      new Promise((resolve) => {
        watch.close();
        ending.abort();
        server.close(() => void Promise.all(uploads).then(() => resolve()));
        server.closeAllConnections();
      }),
  };
}

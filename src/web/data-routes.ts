/** The routes of the data folder: what is in it, the check of a search's data, and folders that a page sends. All need the token. */
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { UserError } from '../util/user-error.ts';
import type { SearchForm } from './api.ts';
import { checkData } from './data-check.ts';
import { listFolder } from './data-folder.ts';
import { mayChange, type Access } from './guard.ts';
import { takeUpload } from './upload.ts';

export const uploadPath = '/api/data/upload';
export const checkPath = '/api/data/check';

/** Milliseconds without a byte after which an upload is given up. */
const longestPause = 60_000;

export interface DataParts {
  readonly access: Access;
  /** The folder of data sets; null where the server has none. */
  readonly folder: string | null;
  /** The form of a request, and how its dataset is named on the command line. */
  formOf(c: Context): Promise<{ readonly form: SearchForm; readonly data: readonly string[] }>;
  /** Is told of each upload, so that the server does not end before it is cleared away. */
  onUpload(upload: Promise<unknown>): void;
}

export function addDataRoutes(app: Hono, { access, folder, formOf, onUpload }: DataParts): void {
  const folderFor = (c: Context): string => {
    // Names of files and pictures of folders are no runs, which others on this machine may read.
    if (!mayChange(c, access))
      throw new HTTPException(401, { message: 'A token is required: open the address that instar ui printed.' });
    if (folder === null) throw new UserError('there is no data folder: start the dashboard with instar ui --data FOLDER');
    return folder;
  };
  app.get('/api/data/folder', async (c) => c.json(await listFolder(folderFor(c), c.req.query('path') ?? '')));
  app.post(checkPath, async (c) => {
    const { form, data } = await formOf(c);
    return c.body(checkData(form, data, c.req.raw.signal), 200, {
      'Content-Type': 'application/x-ndjson',
      // nginx would hold it back.
      'X-Accel-Buffering': 'no',
    });
  });
  app.post(uploadPath, async (c) => {
    const root = folderFor(c);
    const { incoming } = c.env as HttpBindings;
    incoming.setTimeout(longestPause, () => incoming.destroy());
    const upload = takeUpload(root, incoming);
    onUpload(upload.catch(() => undefined));
    return c.json(await upload, 201);
  });
}

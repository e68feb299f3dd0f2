/** The routes of the dashboard: the page, a JSON interface, and a stream of the events of runs. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Hono, type Context, type Handler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { HTTPException } from 'hono/http-exception';
import { getPath } from 'hono/utils/url';
import { z } from 'zod';
import { searchAgain } from '../run/display/rerun-command.ts';
import { keptCandidates } from '../run/record/folder.ts';
import { quoted } from '../util/quoted.ts';
import { UserError } from '../util/user-error.ts';
import { printableLines } from '../util/words.ts';
import { Refused, type Actions } from './actions.ts';
import {
  deleteForm,
  partNames,
  renameForm,
  resumeForm,
  searchForm,
  type Choices,
  type Listing,
  type RunFacts,
  type StudyPage,
} from './api.ts';
import type { Catalogue, RunPlace } from './catalogue.ts';
import { addDataRoutes, checkPath, uploadPath } from './data-routes.ts';
import { logOf } from './disk.ts';
import { archiveOf, reportOf } from './exports.ts';
import type { OpenChoices } from './choices.ts';
import type { Feed } from './feed.ts';
import { guard, mayChange, type Access } from './guard.ts';
import { imagesOf, modelOf } from './networks.ts';
import { notesForm, writeNotes } from './notes.ts';
import { withDiffering } from './run-values.ts';
import { streamRuns, type Watch } from './stream.ts';

interface AppParts {
  readonly access: Access;
  readonly catalogue: Catalogue;
  readonly actions: Actions;
  readonly watch: Watch;
  /** What the form offers, and how a dataset is named on the command line. */
  choices(): Promise<OpenChoices>;
  studyPage(root: string): Promise<StudyPage>;
  /** The folder of `--data`. */
  readonly data: string | null;
  onUpload(upload: Promise<unknown>): void;
}

/** Bytes. */
const largestBody = 16 << 10;
const mostImagesPerResponse = 512;
const mostRunsPerStream = 32;
const mostRunsPerFile = 200;

const whole = z.coerce.number().int().min(0).max(1e9);
const partQuery = z.object({ part: z.enum(partNames) });
const pixelsQuery = partQuery.extend({ from: whole, count: whole });

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new HTTPException(400, { message: z.prettifyError(parsed.error) });
  return parsed.data;
}

async function bodyOf<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const value: unknown = await c.req.json().catch(() => {
    throw new HTTPException(400, { message: 'The body is not JSON.' });
  });
  return checked(schema, value);
}

/** What is not null: otherwise the response is Not Found. */
function found<T>(value: T | null, message: string): T {
  if (value === null) throw new HTTPException(404, { message });
  return value;
}

function answerError(error: Error, c: Context): Response {
  if (error instanceof HTTPException) return c.json({ message: error.message }, error.status);
  if (error instanceof Refused) return c.json({ message: error.message }, 409);
  if (error instanceof UserError) return c.json({ message: error.message }, 422);
  if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return c.json({ message: 'The request was cut off.' }, 400);
  process.stderr.write(`${printableLines(error.stack ?? error.message)}\n`);
  return c.json({ message: 'Internal error: see the terminal of instar ui.' }, 500);
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Whether an Accept-Encoding header names gzip and does not refuse it (q=0). */
const acceptsGzip = (accepted: string | undefined): boolean =>
  (accepted ?? '').split(',').some((each) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/.test(each));

/**
 * The built client: its files by name, as they were when the server started, gzipped where the build has done that and the
 * browser accepts it. Every other address is the page itself, in which the paths begin with the base.
 */
function serveClient(folder: string, base: string): Handler {
  if (!existsSync(join(folder, 'index.html')))
    throw new UserError(`the dashboard is not built (${folder} is missing): run 'npm run build'`);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => statSync(join(folder, name)).isFile());
  const gzipped = new Set(names.filter((name) => name.endsWith('.gz')).map((name) => join(folder, name.slice(0, -3))));
  const files = new Map(names.filter((name) => !name.endsWith('.gz')).map((name) => [`/${name}`, join(folder, name)]));
  const index = join(folder, 'index.html');
  const page = Buffer.from(readFileSync(index, 'utf8').replaceAll('="/', `="${base}`));
  const gzippedPage = gzipSync(page, { level: 9 });
  return async (c) => {
    const path = files.get(c.req.path);
    const isAsset = c.req.path.startsWith('/assets/');
    if (path === undefined && isAsset) return c.text('There is no such file.\n', 404);
    const name = path ?? index;
    const isGzipped = gzipped.has(name) && acceptsGzip(c.req.header('Accept-Encoding'));
    const own = isGzipped ? gzippedPage : page;
    return c.body(new Uint8Array(name === index ? own : await readFile(isGzipped ? `${name}.gz` : name)), 200, {
      ...(isGzipped ? { 'Content-Encoding': 'gzip' } : {}),
      Vary: 'Accept-Encoding',
      'Content-Type': types[extname(name)] ?? 'application/octet-stream',
      // The names of assets hold the hash of their content.
      'Cache-Control': isAsset ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
  };
}

export function createApp(parts: AppParts): Hono {
  const { access, catalogue } = parts;
  const { base } = access;
  // A proxy passes the base on, or takes it off.
  const app = new Hono({
    getPath(request) {
      const path = getPath(request);
      return path.startsWith(base) ? path.slice(base.length - 1) : path;
    },
  });
  app.use(guard(access));
  const limited = bodyLimit({ maxSize: largestBody, onError: (c) => c.text('The request is too large.\n', 413) });
  // An upload has limits of its own.
  app.use((c, next) => (c.req.path === uploadPath ? next() : limited(c, next)));
  const compressed = compress();
  // Compression would buffer a stream.
  app.use((c, next) => (c.req.path.endsWith('/events') || c.req.path === checkPath ? next() : compressed(c, next)));
  app.use('/api/*', async (c, next) => {
    await next();
    c.header('Cache-Control', 'no-store');
  });
  app.onError(answerError);

  const placeNamed = (id: string): RunPlace => found(catalogue.run(id), 'There is no such run.');
  addReads(app, parts, placeNamed);
  addChanges(app, parts, placeNamed);
  app.all('/api/*', (c) => c.json({ message: 'There is no such resource.' }, 404));
  if (base !== '/') app.get(base.slice(0, -1), (c) => c.redirect(base));
  app.get('*', serveClient(fileURLToPath(new URL('../../web', import.meta.url)), base));
  app.all('*', (c) => c.text('Only GET is allowed.\n', 405));
  return app;
}

function addReads(app: Hono, { access, catalogue, watch, ...parts }: AppParts, placeNamed: (id: string) => RunPlace): void {
  const placeOf = (c: Context): RunPlace => placeNamed(c.req.query('run') ?? '');
  const feedOf = (place: RunPlace): Feed => {
    const feed = catalogue.feed(place);
    feed.advance();
    return feed;
  };
  const binary = { 'Content-Type': 'application/octet-stream' };

  app.get('/api/token', (c) => {
    if (!mayChange(c, access)) throw new HTTPException(403, { message: 'Wrong token: open the address that instar ui printed.' });
    return c.json({});
  });
  app.get('/api/list', (c) => {
    const { runs, studies } = catalogue.list();
    const listing = { folder: catalogue.folder, runs: withDiffering(runs), studies, mayChange: mayChange(c, access) };
    return c.json(listing satisfies Listing);
  });
  app.get('/api/run', (c) => {
    const place = placeOf(c);
    const { id, root } = place;
    const { config, folder, state } = feedOf(place);
    return c.json({
      id,
      name: id.split('/').at(-1) ?? id,
      config,
      command: searchAgain(config, 'from anywhere'),
      resume: `instar resume ${quoted(root)}`,
      kept: keptCandidates(folder, state.search),
    } satisfies RunFacts);
  });
  app.get('/api/run/events', (c) => {
    const ids = new Set(c.req.queries('run') ?? ['']);
    if (ids.size > mostRunsPerStream)
      throw new HTTPException(400, { message: `A stream has at most ${mostRunsPerStream} runs.` });
    const feeds = [...ids].map((id) => catalogue.feed(placeNamed(id)));
    // A HEAD request would never end.
    return c.req.method === 'HEAD' ? c.body(null) : streamRuns(c, watch, feeds);
  });
  app.get('/api/run/log', (c) => c.text(logOf(placeOf(c).root)));
  app.get('/api/run/model', async (c) => {
    const place = placeOf(c);
    // `line`: in addresses of earlier versions.
    const candidate = c.req.query('candidate') ?? c.req.query('line') ?? '';
    const bytes = found(await modelOf(feedOf(place), candidate), 'The checkpoint of that network is not kept.');
    const name = `${place.id}-${candidate}`.replaceAll(/[^\w.-]+/g, '-');
    return c.body(new Uint8Array(bytes), 200, { ...binary, 'Content-Disposition': `attachment; filename="${name}.onnx"` });
  });
  app.get('/api/run/images', async (c) => {
    const feed = feedOf(placeOf(c));
    return c.json((await imagesOf(feed, checked(partQuery, c.req.query()).part)).facts);
  });
  app.get('/api/run/pixels', async (c) => {
    const feed = feedOf(placeOf(c));
    const { part, from, count } = checked(pixelsQuery, c.req.query());
    const pixels = await (await imagesOf(feed, part)).pixels(from, Math.min(mostImagesPerResponse, count));
    return c.body(new Uint8Array(pixels), 200, binary);
  });
  const placesOf = (c: Context): readonly RunPlace[] => {
    const ids = [...new Set(c.req.queries('run') ?? [])];
    if (ids.length === 0 || ids.length > mostRunsPerFile)
      throw new HTTPException(400, { message: `A file is of 1 to ${mostRunsPerFile} runs.` });
    return ids.map(placeNamed);
  };
  app.get('/api/report', async (c) => {
    const study = c.req.query('study');
    const roots =
      study === undefined ? placesOf(c).map(({ root }) => root) : [found(catalogue.study(study), 'There is no such study.')];
    const page = await reportOf(roots, c.req.raw.signal);
    return c.body(page, 200, { ...binary, 'Content-Disposition': 'attachment; filename="report.html"' });
  });
  app.get('/api/export', (c) => {
    const places = placesOf(c);
    // Of a HEAD request nobody reads the archive.
    if (c.req.method === 'HEAD') return c.body(null);
    const disposition = 'attachment; filename="runs.tar"';
    return c.body(archiveOf(places, c.req.raw.signal), 200, { ...binary, 'Content-Disposition': disposition });
  });
  app.get('/api/study', async (c) => {
    const root = found(catalogue.study(c.req.query('study') ?? ''), 'There is no such study.');
    return c.json(await parts.studyPage(root));
  });
  app.get('/api/choices', async (c) => {
    const { data, workers, folder } = await parts.choices();
    return c.json({ data, workers, folder } satisfies Choices);
  });
}

function addChanges(
  app: Hono,
  { access, actions, choices, data: folder, onUpload }: AppParts,
  placeNamed: (id: string) => RunPlace,
): void {
  const placeOf = (c: Context): RunPlace => placeNamed(c.req.query('run') ?? '');
  const formOf = async (c: Context) => {
    const form = await bodyOf(c, searchForm);
    const data = await (await choices()).optionsFor(form.data);
    if (data === null) throw new HTTPException(400, { message: 'There is no such dataset.' });
    return { form, data };
  };
  addDataRoutes(app, { access, folder, formOf, onUpload });
  app.post('/api/search', async (c) => {
    const { form, data } = await formOf(c);
    return c.json({ id: actions.begin(form, data) }, 201);
  });
  app.post('/api/plan', async (c) => {
    const { form, data } = await formOf(c);
    return c.body(await actions.plan(form, data, c.req.raw.signal), 200, { 'Content-Type': 'application/json' });
  });
  app.post('/api/run/stop', (c) => {
    actions.stop(placeOf(c));
    return c.json({});
  });
  app.post('/api/run/resume', async (c) => {
    const { budget } = await bodyOf(c, resumeForm);
    await actions.resume(placeOf(c), budget);
    return c.json({});
  });
  app.post('/api/run/rename', async (c) => {
    const { name } = await bodyOf(c, renameForm);
    await actions.rename(placeOf(c), name);
    return c.json({ id: name });
  });
  app.post('/api/run/notes', async (c) => {
    const notes = await bodyOf(c, notesForm);
    await writeNotes(placeOf(c).root, notes);
    return c.json({});
  });
  app.post('/api/run/delete', async (c) => {
    const place = placeOf(c);
    const { name } = await bodyOf(c, deleteForm);
    if (name !== place.id) throw new HTTPException(400, { message: 'The repeated name is another one.' });
    await actions.remove(place);
    return c.json({});
  });
}

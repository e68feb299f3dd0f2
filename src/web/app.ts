/** The routes of the dashboard: the page, a JSON interface, and a stream of each run's events. */
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import { searchAgain } from '../run/display/rerun-command.ts';
import { keptCandidates } from '../run/record/folder.ts';
import { quoted } from '../util/quoted.ts';
import { UserError } from '../util/user-error.ts';
import { Refused, type Actions } from './actions.ts';
import {
  deleteForm,
  partNames,
  renameForm,
  resumeForm,
  searchForm,
  type Choices,
  type Listing,
  type PartName,
  type RunFacts,
  type StudyPage,
} from './api.ts';
import { logOf, type Catalogue, type RunPlace } from './catalogue.ts';
import type { Feed } from './feed.ts';
import { guard, mayChange, type Doors } from './guard.ts';
import { modelOf, picturesOf } from './networks.ts';
import { serveClient } from './client-files.ts';
import { streamRuns, type Watch } from './stream.ts';

export interface Parts {
  readonly doors: Doors;
  readonly catalogue: Catalogue;
  readonly actions: Actions;
  readonly watch: Watch;
  /** The built client. */
  readonly clientFolder: string;
  addressOf(c: Context): string;
  /** Data sets to begin with, and how the command line is told of them. */
  choices(): Promise<Choices & { optionsFor(id: string): readonly string[] | null }>;
  studyPage(root: string): Promise<StudyPage>;
}

/** Bytes of a request's body at most. */
const largestBody = 16 << 10;
/** Images of one answer at most. */
const mostImages = 512;
/** Runs of one stream at most. */
const mostWatched = 32;

const number = z.coerce.number().int().min(0).max(1e9);

export function createApp(parts: Parts): Hono {
  const { doors, catalogue, actions, watch } = parts;
  const app = new Hono();
  app.use(guard(doors, parts.addressOf));
  app.use(bodyLimit({ maxSize: largestBody, onError: (c) => c.text('The request is too large.\n', 413) }));
  const packed = compress();
  // A stream must not wait for a packer to have enough.
  app.use((c, next) => (c.req.path.endsWith('/events') ? next() : packed(c, next)));
  app.use('/api/*', async (c, next) => {
    await next();
    c.header('Cache-Control', 'no-store');
  });

  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ message: error.message }, error.status);
    if (error instanceof Refused) return c.json({ message: error.message }, 409);
    if (error instanceof UserError) return c.json({ message: error.message }, 422);
    // Whoever asked has gone in the middle of it.
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return c.json({ message: 'The request was cut off.' }, 400);
    process.stderr.write(`${error.stack ?? error.message}\n`);
    return c.json({ message: 'The server has made a mistake: its terminal says more.' }, 500);
  });

  const placeNamed = (id: string): RunPlace => {
    const place = catalogue.run(id);
    if (place === null) throw new HTTPException(404, { message: 'There is no such run.' });
    return place;
  };
  const placeOf = (c: Context): RunPlace => placeNamed(c.req.query('run') ?? '');
  const feedOf = (c: Context): { place: RunPlace; feed: Feed } => {
    const place = placeOf(c);
    const feed = catalogue.feed(place);
    feed.advance();
    return { place, feed };
  };
  async function body<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
    let value: unknown;
    try {
      value = await c.req.json();
    } catch {
      throw new HTTPException(400, { message: 'The request is no JSON.' });
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new HTTPException(400, { message: z.prettifyError(parsed.error) });
    return parsed.data;
  }
  const partOf = (c: Context): PartName => {
    const name = partNames.find((each) => each === c.req.query('part'));
    if (name === undefined) throw new HTTPException(400, { message: 'part is validation or test.' });
    return name;
  };
  const count = (text: string | undefined): number => {
    const parsed = number.safeParse(text);
    if (!parsed.success) throw new HTTPException(400, { message: 'from and count are whole numbers.' });
    return parsed.data;
  };

  app.get('/api/list', (c) => {
    const { runs, studies } = catalogue.list();
    return c.json({ folder: catalogue.folder, runs, studies, mayChange: mayChange(c, doors) } satisfies Listing);
  });
  app.get('/api/run', (c) => {
    const { place, feed } = feedOf(c);
    const { config } = feed;
    return c.json({
      id: place.id,
      name: place.id.split('/').at(-1) ?? place.id,
      config,
      command: searchAgain(config, 'from anywhere'),
      resume: `instar resume ${quoted(place.root)}`,
      kept: keptCandidates(feed.folder, feed.state.search),
    } satisfies RunFacts);
  });
  app.get('/api/run/events', (c) => {
    const ids = new Set(c.req.queries('run') ?? []);
    if (ids.size > mostWatched) throw new HTTPException(400, { message: `At most ${mostWatched} runs go through one stream.` });
    const feeds = (ids.size === 0 ? [''] : [...ids]).map((id) => catalogue.feed(placeNamed(id)));
    // Who asks for the head alone would never leave.
    return c.req.method === 'HEAD' ? c.body(null) : streamRuns(c, watch, feeds);
  });
  app.get('/api/run/log', (c) => c.text(logOf(placeOf(c).root)));
  app.get('/api/run/model', async (c) => {
    const { place, feed } = feedOf(c);
    const line = c.req.query('line') ?? '';
    const bytes = await modelOf(feed, line);
    if (bytes === null) throw new HTTPException(404, { message: 'The numbers of that network are not kept.' });
    const name = `${place.id}-${line}`.replaceAll(/[^\w.-]+/g, '-');
    return c.body(new Uint8Array(bytes), 200, {
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': `attachment; filename="${name}.onnx"`,
    });
  });
  app.get('/api/run/images', async (c) => c.json((await picturesOf(feedOf(c).feed, partOf(c))).facts));
  app.get('/api/run/pixels', async (c) => {
    const { feed } = feedOf(c);
    const [from, wanted] = [count(c.req.query('from')), Math.min(mostImages, count(c.req.query('count')))];
    const pixels = await (await picturesOf(feed, partOf(c))).pixels(from, wanted);
    return c.body(new Uint8Array(pixels), 200, { 'Content-Type': 'application/octet-stream' });
  });
  app.get('/api/study', async (c) => {
    const root = catalogue.study(c.req.query('study') ?? '');
    if (root === null) throw new HTTPException(404, { message: 'There is no such study.' });
    return c.json(await parts.studyPage(root));
  });
  app.get('/api/choices', async (c) => {
    const { data, workers } = await parts.choices();
    return c.json({ data, workers } satisfies Choices);
  });

  const dataOptions = async (id: string): Promise<readonly string[]> => {
    const options = (await parts.choices()).optionsFor(id);
    if (options === null) throw new HTTPException(400, { message: 'There is no such data set.' });
    return options;
  };
  app.post('/api/search', async (c) => {
    const form = await body(c, searchForm);
    return c.json({ id: actions.begin(form, await dataOptions(form.data)) }, 201);
  });
  app.post('/api/plan', async (c) => {
    const form = await body(c, searchForm);
    const text = await actions.plan(form, await dataOptions(form.data), c.req.raw.signal);
    return c.body(text, 200, { 'Content-Type': 'application/json' });
  });
  app.post('/api/run/stop', (c) => {
    actions.stop(placeOf(c));
    return c.json({});
  });
  app.post('/api/run/resume', async (c) => {
    const { budget } = await body(c, resumeForm);
    await actions.resume(placeOf(c), budget);
    return c.json({});
  });
  app.post('/api/run/rename', async (c) => {
    const { name } = await body(c, renameForm);
    actions.rename(placeOf(c), name);
    return c.json({ id: name });
  });
  app.post('/api/run/delete', async (c) => {
    const place = placeOf(c);
    const { name } = await body(c, deleteForm);
    if (name !== place.id) throw new HTTPException(400, { message: 'The name that was said again is another one.' });
    actions.remove(place);
    return c.json({});
  });
  app.all('/api/*', (c) => c.json({ message: 'There is nothing of that name.' }, 404));
  app.get('*', serveClient(parts.clientFolder));
  app.all('*', (c) => c.text('Only GET.\n', 405));
  return app;
}

/**
 * The built client: its files by name, as they were when the server started, gzipped where the build has done that and the
 * browser accepts it. Every other address is the page itself.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Handler } from 'hono';
import { UserError } from '../util/user-error.ts';

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

export function serveClient(folder: string): Handler {
  if (!existsSync(join(folder, 'index.html')))
    throw new UserError(`the dashboard is not built (${folder} is missing): run 'npm run build'`);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => statSync(join(folder, name)).isFile());
  const gzipped = new Set(names.filter((name) => name.endsWith('.gz')).map((name) => join(folder, name.slice(0, -3))));
  const files = new Map(names.filter((name) => !name.endsWith('.gz')).map((name) => [`/${name}`, join(folder, name)]));
  return async (c) => {
    const path = files.get(c.req.path);
    const isAsset = c.req.path.startsWith('/assets/');
    if (path === undefined && isAsset) return c.text('There is no such file.\n', 404);
    const name = path ?? join(folder, 'index.html');
    const isGzipped = gzipped.has(name) && acceptsGzip(c.req.header('Accept-Encoding'));
    return c.body(new Uint8Array(await readFile(isGzipped ? `${name}.gz` : name)), 200, {
      ...(isGzipped ? { 'Content-Encoding': 'gzip' } : {}),
      Vary: 'Accept-Encoding',
      'Content-Type': types[extname(name)] ?? 'application/octet-stream',
      // The names of assets hold the hash of their content.
      'Cache-Control': isAsset ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
  };
}

/**
 * The built client: its files by name, as they were there at the start, packed where the build has packed them and the browser
 * takes that; every other address is the page itself.
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

/** Whether a browser that says so takes gzip: named and not refused. */
const takesGzip = (accepted: string | undefined): boolean =>
  (accepted ?? '').split(',').some((each) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/.test(each));

export function serveClient(folder: string): Handler {
  if (!existsSync(join(folder, 'index.html')))
    throw new UserError(`the dashboard is not built: ${folder} is missing ('npm run build' makes it)`);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => statSync(join(folder, name)).isFile());
  const packed = new Set(names.filter((name) => name.endsWith('.gz')).map((name) => join(folder, name.slice(0, -3))));
  const files = new Map(names.filter((name) => !name.endsWith('.gz')).map((name) => [`/${name}`, join(folder, name)]));
  return async (c) => {
    const path = files.get(c.req.path);
    // What has an ending is a file, and there is none of that name.
    if (path === undefined && c.req.path.startsWith('/assets/')) return c.text('There is no such file.\n', 404);
    const name = path ?? join(folder, 'index.html');
    const isNamedByContent = c.req.path.startsWith('/assets/');
    const isPacked = packed.has(name) && takesGzip(c.req.header('Accept-Encoding'));
    return c.body(new Uint8Array(await readFile(isPacked ? `${name}.gz` : name)), 200, {
      ...(isPacked ? { 'Content-Encoding': 'gzip' } : {}),
      Vary: 'Accept-Encoding',
      'Content-Type': types[extname(name)] ?? 'application/octet-stream',
      'Cache-Control': isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
  };
}

/** `npm run docs`: builds the site of the documentation into `dist/docs`; `-- FOLDER` for another one. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSite } from './build.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const to = process.argv[2] ?? join('dist', 'docs');
const { pages, problems } = buildSite(root, to);
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
else process.stdout.write(`${pages.size} pages in ${to}; open ${join(to, 'index.html')}\n`);

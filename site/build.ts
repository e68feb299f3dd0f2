/** Writes the site into a folder: plain files that any server, or a browser without one, shows. */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { collect, readerOf, type Collected } from './collect.ts';
import { documentOf, placeOf, searchedSections } from './document.ts';

/** `root`: of the repository. Nothing is written where a link leads nowhere. */
export function buildSite(root: string, to: string): Collected {
  const collected = collect(readerOf(root), 'README.md');
  if (collected.problems.length > 0) return collected;
  rmSync(to, { recursive: true, force: true });
  const place = (name: string): string => {
    const path = join(to, name);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  for (const [path, page] of collected.pages) writeFileSync(place(placeOf(path)), documentOf(path, page, collected));
  for (const file of collected.files) copyFileSync(join(root, file), place(file));
  for (const name of ['style.css', 'search.js']) copyFileSync(join(root, 'site', name), place(name));
  // Scripts of the classic kind: a browser loads no modules from files.
  copyFileSync(join(root, 'node_modules/minisearch/dist/umd/index.js'), place('minisearch.js'));
  writeFileSync(place('sections.js'), `globalThis.sections = ${JSON.stringify(searchedSections(collected))};\n`);
  return collected;
}

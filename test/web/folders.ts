/** Folders of runs for tests of the server: written from simulated searches, watched, listed with all that is in them. */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '../../src/run/record/events.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import { grownRun, type GrownOptions } from '../report/grown.ts';

const own = mkdtempSync(join(tmpdir(), 'instar-web-'));
process.on('exit', () => rmSync(own, { recursive: true, force: true }));

let folders = 0;
/** An empty folder, gone when the test file ends. */
export function newFolder(): string {
  const path = join(own, `folder-${folders++}`);
  mkdirSync(path);
  return path;
}

export const linesOf = (entries: readonly Entry[]): string => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

export const small: GrownOptions = { steps: 1, children: 2, epochs: 4, mutations: 1 };

/** Writes a simulated run there. Gives its journal's lines. */
export function writeRun(root: string, options: GrownOptions = small): readonly string[] {
  const { config, entries } = grownRun(options);
  const folder = folderOf(root);
  mkdirSync(folder.checkpoints, { recursive: true });
  writeFileSync(folder.journal, linesOf(entries));
  writeFileSync(folder.config, JSON.stringify(config));
  return entries.map((entry) => JSON.stringify(entry));
}

/** All that is in a folder, a line each, with what it holds. */
export function listingOf(root: string): string {
  const lines: string[] = [];
  const walk = (path: string): void => {
    for (const name of readdirSync(path).toSorted()) {
      const each = join(path, name);
      const facts = lstatSync(each);
      const said = `${each.slice(root.length)} ${facts.mode.toString(8)} ${facts.mtimeMs}`;
      if (facts.isDirectory()) {
        lines.push(said);
        walk(each);
      } else if (facts.isSymbolicLink()) lines.push(`${said} -> ${readlinkSync(each)}`);
      else lines.push(`${said} ${createHash('sha256').update(readFileSync(each)).digest('hex')}`);
    }
  };
  walk(root);
  return lines.join('\n');
}

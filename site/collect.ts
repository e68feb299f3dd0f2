/**
 * The pages of the repository that README.md leads to, over any number of links, and the files that they show or offer. Links that lead
 * nowhere, and anchors that no heading has, are its problems.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { readPage, type Page } from './markdown.ts';

export interface Collected {
  /** By their paths in the repository. */
  readonly pages: ReadonlyMap<string, Page>;
  readonly files: readonly string[];
  /** A sentence each. */
  readonly problems: readonly string[];
}

/** A text, the mark of a folder, or null where nothing is there. */
export type Reader = (path: string) => string | typeof folder | null;
export const folder = Symbol('a folder');

export const readerOf =
  (root: string): Reader =>
  (path) => {
    const place = join(root, path);
    if (path.startsWith('..') || !existsSync(place)) return null;
    return statSync(place).isDirectory() ? folder : readFileSync(place, 'utf8');
  };

export const isOutside = (link: string): boolean => /^[a-z][\w+.-]*:/i.test(link);

/** The path in the repository, and the anchor. */
export function targetOf(link: string, from: string): readonly [path: string, anchor: string] {
  const [path = '', anchor = ''] = link.split('#');
  return [path === '' ? from : posix.join(posix.dirname(from), path).replace(/\/$/, ''), anchor];
}

export function collect(read: Reader, entry: string): Collected {
  const pages = new Map<string, Page>();
  const files = new Set<string>();
  const problems: string[] = [];
  const asked: (readonly [from: string, link: string])[] = [['', entry]];
  for (const [from, link] of asked) {
    const [path] = targetOf(link, from);
    if (pages.has(path) || files.has(path)) continue;
    const text = read(path);
    if (text === null) problems.push(`${from}: ${link} leads nowhere`);
    else if (text === folder) problems.push(`${from}: ${link} is a folder, which a site cannot show: link a file in it`);
    else if (path.endsWith('.md')) {
      const page = readPage(text);
      pages.set(path, page);
      asked.push(...page.links.filter((each) => !isOutside(each)).map((each) => [path, each] as const));
    } else files.add(path);
  }
  for (const [from, link] of asked) {
    const [path, anchor] = targetOf(link, from);
    const page = pages.get(path);
    if (anchor !== '' && page !== undefined && !page.sections.some((section) => section.anchor === anchor))
      problems.push(`${from}: ${link}: ${path} has no heading #${anchor}`);
  }
  return { pages, files: [...files], problems: [...new Set(problems)] };
}

/** The documents of the site, made of collected pages: HTML, and the texts that the search looks through. Pure. */
import { posix } from 'node:path';
import { attribute, html, raw, type Markup } from '../src/report/markup.ts';
import { isOutside, targetOf, type Collected } from './collect.ts';
import type { Page } from './markdown.ts';
import { navigation } from './navigation.ts';

/** Where a page of the repository stands in the site. */
export const placeOf = (path: string): string => path.replace(/(^|\/)README\.md$/, '$1index.html').replace(/\.md$/, '.html');

const relative = (from: string, to: string): string => posix.relative(posix.dirname(placeOf(from)), to);

function menu(current: string): Markup {
  const link = ([path, name]: readonly [string, string]): Markup =>
    html`<li>
      <a href="${relative(current, placeOf(path))}" ${attribute('aria-current', path === current && 'page')}>${name}</a>
    </li>`;
  return html`${navigation.map(
    ({ name, pages }) =>
      html`<h2>${name}</h2>
        <ul>
          ${pages.map(link)}
        </ul>`,
  )}`;
}

function contents({ sections }: Page): Markup | null {
  const shown = sections.filter(({ level }) => level === 2 || level === 3);
  if (shown.length < 3) return null;
  const line = ({ level, anchor, text }: Page['sections'][number]): Markup =>
    html`<li class="level${level}"><a href="#${anchor}">${text}</a></li>`;
  return html`<nav class="contents" aria-label="On this page">
    <h2>On this page</h2>
    <ul>
      ${shown.map(line)}
    </ul>
  </nav>`;
}

export function documentOf(path: string, page: Page, { pages }: Collected): string {
  const rewrite = (link: string): string => {
    if (isOutside(link)) return link;
    const [target, anchor] = targetOf(link, path);
    const address = target === path ? '' : relative(path, pages.has(target) ? placeOf(target) : target);
    return `${address}${anchor === '' ? '' : `#${anchor}`}`;
  };
  const root = relative(path, '');
  const at = (name: string): string => (root === '' ? name : `${root}/${name}`);
  const { text } = html`<!doctype html>
    <html lang="en" data-root="${root === '' ? '' : `${root}/`}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title === 'Instar' ? 'Instar' : `${page.title} · Instar`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${at('style.css')}" />
        <script src="${at('search.js')}" defer></script>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the text</a>
        <header>
          <a class="name" href="${at('index.html')}">Instar</a>
          <form role="search">
            <label for="words">Search</label><input id="words" type="search" placeholder="Press / to search" autocomplete="off" />
          </form>
        </header>
        <div id="found" role="region" aria-label="Search results" aria-live="polite" hidden></div>
        <div class="columns">
          <nav class="menu" aria-label="Pages">
            <details open>
              <summary>Pages</summary>
              ${menu(path)}
            </details>
          </nav>
          <main id="content">${raw(page.render(rewrite))}</main>
          ${contents(page)}
        </div>
      </body>
    </html> `;
  return text;
}

/** What the search finds: a section each. */
export const searchedSections = ({ pages }: Collected): readonly object[] =>
  [...pages].flatMap(([path, { title, sections }]) =>
    sections.map(({ level, text, anchor, body }) => ({
      id: `${placeOf(path)}${level === 1 ? '' : `#${anchor}`}`,
      page: title,
      heading: text,
      body,
    })),
  );

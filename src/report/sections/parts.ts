/** HTML that several sections use. `prefix` begins every anchor of a run, since a page may hold several runs. */
import { inlineSvg, type Figure } from '../figure.ts';
import { csvLink } from '../csv.ts';
import { html, raw, type Content, type Markup } from '../markup.ts';

export const anchorOf = (prefix: string, name: string): string => `${prefix}-${name}`;

export const section = (prefix: string, name: string, title: string, ...contents: readonly Content[]): Markup =>
  html`<section id="${anchorOf(prefix, name)}" aria-labelledby="${anchorOf(prefix, name)}-title">
    <h2 id="${anchorOf(prefix, name)}-title">${title}</h2>
    ${contents}
  </section>`;

/** A figure with its caption; on a narrow screen its narrow SVG. */
export function figureHtml(prefix: string, figure: Figure): Markup {
  const { name, title, alternative, caption, narrow, wide } = figure;
  const content =
    wide === undefined
      ? inlineSvg(narrow, alternative)
      : html`${inlineSvg(wide, alternative, 'wide-only')}${inlineSvg(narrow, alternative, 'narrow-only')}`;
  return html`<figure id="${anchorOf(prefix, `figure-${name}`)}" ${raw(wide === undefined ? '' : ' class="whole"')}>
    <figcaption><strong>${title}.</strong> ${caption}</figcaption>
    ${content}
  </figure>`;
}

/** Content that may be wider than the page: it scrolls, by keyboard too. */
export const scrolling = (label: string, content: Content): Markup =>
  html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">${content}</div>`;

export const folded = (summary: Content, ...contents: readonly Content[]): Markup =>
  html`<details>
    <summary>${summary}</summary>
    ${contents}
  </details>`;

export const pairs = (rows: readonly (readonly [name: Content, value: Content])[]): Markup =>
  html`<dl class="pairs">
    ${rows.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;

export interface Column {
  readonly title: Content;
  /** Aligned to the right. */
  readonly numeric?: boolean;
}

export const texts = (...titles: readonly string[]): readonly Column[] => titles.map((title) => ({ title }));
export const numbers = (...titles: readonly string[]): readonly Column[] => titles.map((title) => ({ title, numeric: true }));

/** A table whose first column names its rows, with a link that saves it as CSV by the name of `label`. */
export const table = (
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
  label: string = caption,
): Markup =>
  html`<table>
    <caption>
      <span>${caption}</span>
      ${csvLink(label, [columns.map(({ title }) => title), ...rows])}
    </caption>
    <thead>
      <tr>
        ${columns.map(({ title, numeric }) => html`<th scope="col" ${raw(numeric === true ? ' class="number"' : '')}>${title}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (cells) =>
          html`<tr>
            ${cells.map((cell, index) => {
              const kind = columns[index]?.numeric === true ? ' class="number"' : '';
              return index === 0 ? html`<th scope="row" ${raw(kind)}>${cell}</th>` : html`<td${raw(kind)}>${cell}</td>`;
            })}
          </tr>`,
      )}
    </tbody>
  </table>`;

/** A table that scrolls where it is wider than the page; `label`: for screen readers. */
export const scrollingTable = (
  label: string,
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
): Markup => scrolling(label, table(caption, columns, rows, label));

/** A command in words that wrap as a whole. */
export const commandHtml = (command: string): Markup =>
  html`<pre><code>${command.split(' ').map((word) => html`<span>${word}</span> `)}</code></pre>`;

export const navigation = (prefix: string, entries: readonly { readonly name: string; readonly title: string }[]): Markup =>
  html`<nav aria-label="Contents">
    <ul>
      ${entries.map(({ name, title }) => html`<li><a href="#${anchorOf(prefix, name)}">${title}</a></li>`)}
    </ul>
  </nav>`;

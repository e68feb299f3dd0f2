/** Pieces of HTML that several sections use. */
import { inlineSvg, type Figure } from '../figure.ts';
import { html, raw, type Content, type Markup } from '../markup.ts';

/** What a section needs beside the run. */
export interface Place {
  /** Begins every anchor of this run, so that several may stand on one page. */
  readonly key: string;
}

export const anchorOf = ({ key }: Place, name: string): string => `${key}-${name}`;

/** A section with its heading. */
export const section = (place: Place, name: string, title: string, ...contents: readonly Content[]): Markup =>
  html`<section id="${anchorOf(place, name)}" aria-labelledby="${anchorOf(place, name)}-title">
    <h2 id="${anchorOf(place, name)}-title">${title}</h2>
    ${contents}
  </section>`;

/** A figure with its caption; on a telephone the narrow drawing. */
export function figureHtml(place: Place, figure: Figure): Markup {
  const { name, title, alternative, caption, narrow, wide } = figure;
  const drawings =
    wide === null
      ? inlineSvg(narrow, alternative)
      : html`${inlineSvg(wide, alternative, 'wide-only')}${inlineSvg(narrow, alternative, 'narrow-only')}`;
  return html`<figure id="${anchorOf(place, `figure-${name}`)}" ${raw(wide === null ? '' : ' class="whole"')}>
    <figcaption><strong>${title}.</strong> ${caption}</figcaption>
    ${drawings}
  </figure>`;
}

/** What may be wider than the page scrolls by itself; the keyboard reaches it. */
export const scrolling = (label: string, content: Content): Markup =>
  html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">${content}</div>`;

export const folded = (summary: Content, ...contents: readonly Content[]): Markup =>
  html`<details>
    <summary>${summary}</summary>
    ${contents}
  </details>`;

/** Names and values. */
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
  /** Numbers stand to the right. */
  readonly numeric?: boolean;
}

/** A table whose first column names its rows. */
export const table = (caption: string, columns: readonly Column[], rows: readonly (readonly Content[])[]): Markup =>
  html`<table>
    <caption>
      <span>${caption}</span>
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

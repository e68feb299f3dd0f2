/** A table of a study as HTML, each group a table body with a heading row. */
import { alignments, askCell, missing, plainCells } from '../../study/table.ts';
import type { Column, ColumnTable, Group, Table } from '../../study/table.ts';
import { html, raw, type Content, type Markup } from '../markup.ts';
import { scrolling } from '../sections/parts.ts';

const cells: ColumnTable<Content> = {
  ...plainCells,
  tick: (value) =>
    html`<span class="${value ? 'yes' : 'quiet'}" role="img" aria-label="${value ? 'yes' : 'no'}">${value ? '✓' : '×'}</span>`,
};

const classes = { left: '', centre: ' class="tick"', right: ' class="number"' } as const;

const attributes = (column: Column): Markup => raw(classes[alignments[column.kind]]);

function bodyOf({ title, rows }: Group, columns: readonly Column[]): Markup {
  const heading =
    title === null
      ? null
      : html`<tr>
          <th scope="rowgroup" class="group" colspan="${columns.length}">${title}</th>
        </tr>`;
  return html`<tbody>
    ${heading}${rows.map(
      (row) =>
        html`<tr>
          ${columns.map((column, index) => {
            const content = askCell(cells, column, row[index] ?? null) ?? html`<span class="quiet">${missing}</span>`;
            return index === 0
              ? html`<th scope="row" ${attributes(column)}>${content}</th>`
              : html`<td${attributes(column)}>${content}</td>`;
          })}
        </tr>`,
    )}
  </tbody>`;
}

/** Without its title, which is a heading on the page. */
export const tableHtml = ({ title, caption, columns, groups, notes }: Table): Markup =>
  html`${scrolling(
    title,
    html`<table class="study">
      <caption>
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" ${attributes(column)}>${column.title.replace(/, (?=[%M]$)/, ',\u00a0')}</th>`)}
        </tr>
      </thead>
      ${groups.map((group) => bodyOf(group, columns))}
    </table>`,
  )}${notes.map((note) => html`<p class="note">${note}</p>`)}`;

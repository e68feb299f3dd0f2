/** Tables of a page as CSV. Pure. */
import { csvText } from '../util/csv.ts';
import { html, type Content, type Markup } from './markup.ts';

/** The text of content, without tags, in one line. */
function plainText(content: Content): string {
  if (content === null || content === undefined || content === false) return '';
  if (typeof content === 'string') return content;
  if (typeof content === 'number') return String(content);
  if (!('kind' in content)) return content.map(plainText).join('');
  const text = content.text.replaceAll(/<title>[^]*?<\/title>/g, '').replaceAll(/<[^>]*>/g, ' ');
  const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
  return text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
}

/** A sign that is no hyphen, and commas between thousands, would make text of a number. */
function asNumber(text: string): string {
  const plain = text.replace(/^−/, '-');
  if (/^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain)) return plain.replaceAll(',', '');
  return /^-\d+(\.\d+)?$/.test(plain) ? plain : text;
}

/** Begins a formula where a spreadsheet reads the cell; numbers do too, and are none. */
const isFormula = (text: string): boolean => /^[=+\-@\t\r]/.test(text) && !Number.isFinite(Number(text));

/** What a cell holds, before it is quoted. */
export function csvCell(content: Content): string {
  // An unpaired surrogate is no character, and has no place in an address.
  const text = asNumber(
    plainText(content)
      .replaceAll(/\p{Surrogate}/gu, '\ufffd')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
  return isFormula(text) ? `'${text}` : text;
}

export const csvOf = (rows: readonly (readonly Content[])[]): string => csvText(rows.map((cells) => cells.map(csvCell)));

/** For the name of a file. */
const fileName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60) || 'table';

/** The address that a link to a CSV file has: the file itself. It begins with a mark by which spreadsheets know its encoding. */
export const csvAddress = (rows: readonly (readonly Content[])[]): string =>
  `data:text/csv;charset=utf-8,${encodeURIComponent(`\ufeff${csvOf(rows)}`)}`;

export const csvName = (name: string): string => `${fileName(name)}.csv`;

/** A link that saves a table. */
export const csvLink = (name: string, rows: readonly (readonly Content[])[]): Markup =>
  html`<a class="csv" download="${csvName(name)}" href="${csvAddress(rows)}" aria-label="Save ${name} as CSV">CSV</a>`;

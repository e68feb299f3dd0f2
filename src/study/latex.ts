/** A table as LaTeX: a plain `tabular` in a `table`, for any document class, without a package. UTF-8. */
import { alignments, askCell, formatProbability, plainCells, type ColumnTable, type Table } from './table.ts';

const commands: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '±': '$\\pm$',
  '×': '$\\times$',
  '−': '$-$',
  '–': '--',
  '—': '---',
  '→': '$\\rightarrow$',
  τ: '$\\tau$',
  ρ: '$\\rho$',
  η: '$\\eta$',
  '✓': '$\\surd$',
  '<': '$<$',
  '>': '$>$',
  '≤': '$\\leq$',
  '≥': '$\\geq$',
  '“': '``',
  '”': "''",
  '’': "'",
  '"': "''",
  '`': '\\textasciigrave{}',
  // Two hyphens would be read as a dash.
  '-': '-{}',
  '|': '$|$',
};

/** No character of a name acts as a command. */
export const escapeLatex = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\\~^±×−–—→τρη✓<>≤≥“”’"`|]|-(?=-)|[&%$#_{}]/gu, (character) => commands[character] ?? `\\${character}`);

const cells: ColumnTable<string> = {
  text: escapeLatex,
  tick: (value) => (value ? '$\\surd$' : '$\\times$'),
  number: (value, column) => escapeLatex(plainCells.number(value, column)),
  signed: (value, column) => escapeLatex(plainCells.signed(value, column)),
  spread: (value, column) => escapeLatex(plainCells.spread(value, column)),
  interval: (value, column) => escapeLatex(plainCells.interval(value, column)),
  probability: (value) => escapeLatex(formatProbability(value)),
};

const letters = { left: 'l', centre: 'c', right: 'r' } as const;

/** A cell that begins with `[` would be read as an argument of the `\\` before it. */
const row = (texts: readonly string[]): string =>
  `${texts.map((text) => (text.startsWith('[') || text.startsWith('*') ? `{}${text}` : text)).join(' & ')} \\\\`;

export function latexTable({ name, caption, scale, columns, groups, notes }: Table): string {
  const bodies = groups.flatMap(({ title, rows }) => [
    '\\hline',
    ...(title === null ? [] : [`\\multicolumn{${columns.length}}{l}{\\emph{${escapeLatex(title)}}} \\\\`]),
    ...rows.map((own) => row(columns.map((column, index) => askCell(cells, column, own[index] ?? null) ?? '--'))),
  ]);
  return [
    '\\begin{table}',
    '\\centering',
    `\\caption{${escapeLatex(`${caption} ${scale}`.trim())}}`,
    `\\label{tab:${name}}`,
    `\\begin{tabular}{${columns.map(({ kind }) => letters[alignments[kind]]).join('')}}`,
    '\\hline',
    row(columns.map(({ title }) => escapeLatex(title))),
    ...bodies,
    '\\hline',
    '\\end{tabular}',
    ...(notes.length === 0 ? [] : ['', `\\smallskip\\footnotesize ${notes.map(escapeLatex).join(' ')}`]),
    '\\end{table}',
    '',
  ].join('\n');
}

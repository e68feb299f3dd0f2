/** A table as LaTeX: a plain `tabular` in a `table`, for any document class, without a package. UTF-8. */
import { alignments, askCell, formatProbability, plainCells, wrapWords, type ColumnTable, type Table } from './table.ts';

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

/** What begins with `[` or `*` would be read as an argument of the `\\` before it. */
const guarded = (text: string): string => (text.startsWith('[') || text.startsWith('*') ? `{}${text}` : text);

const row = (texts: readonly string[]): string => `${texts.map(guarded).join(' & ')} \\\\`;

/** Characters in a line of a column's title: narrow columns fit a page. */
const titleWidth = 13;

function heading(title: string, letter: string): string {
  const lines = wrapWords(title, titleWidth).map((line) => guarded(escapeLatex(line)));
  return lines.length < 2 ? lines.join('') : `\\begin{tabular}[b]{@{}${letter}@{}}${lines.join('\\\\')}\\end{tabular}`;
}

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
    '\\footnotesize\\setlength{\\tabcolsep}{3pt}',
    `\\begin{tabular}{${columns.map(({ kind }) => letters[alignments[kind]]).join('')}}`,
    '\\hline',
    row(columns.map(({ title, kind }) => heading(title, letters[alignments[kind]]))),
    ...bodies,
    '\\hline',
    '\\end{tabular}',
    ...(notes.length === 0 ? [] : ['', `\\smallskip ${notes.map(escapeLatex).join(' ')}`]),
    '\\end{table}',
    '',
  ].join('\n');
}

/** Writers of tables: Markdown, LaTeX and CSV. HTML is in the report. */
import { csvText } from '../util/csv.ts';
import { alignments, askCell, formatProbability, missing, plainCells, wrapWords } from './table.ts';
import type { Cell, Column, ColumnKind, ColumnTable, Table } from './table.ts';

/** Escapes text, so that nothing in a name becomes markup or a link, or ends a cell or a line. */
export const escapeMarkdown = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\\`*_[\]<>#|~&$]/g, String.raw`\$&`)
    // An address would become a link by itself.
    .replaceAll('://', String.raw`\://`)
    .replaceAll(/www\./gi, (address) => `${address.slice(0, -1)}\\.`)
    .replaceAll('@', String.raw`\@`)
    // The beginning of a list, a rule, a heading's line.
    .replace(/^(\s*)([-+](?=\s|$)|-(?=--)|=)/, String.raw`$1\$2`)
    .replace(/^(\s*\d+)([.)])(?=\s|$)/, String.raw`$1\$2`);

const rules = { left: ':---', centre: ':---:', right: '---:' } as const;

const markdownRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** With its caption and notes (the tables of GitHub's dialect). */
export function markdownTable({ title: heading, caption, scale, columns, groups, notes }: Table): string {
  const words = (column: Column, cell: Parameters<typeof askCell>[2]): string =>
    escapeMarkdown(askCell(plainCells, column, cell) ?? missing);
  const rows = groups.flatMap(({ title, rows: own }) => [
    ...(title === null ? [] : [markdownRow([`*${escapeMarkdown(title)}*`, ...columns.slice(1).map(() => '')])]),
    ...own.map((cells) => markdownRow(columns.map((column, index) => words(column, cells[index] ?? null)))),
  ]);
  return [
    `**${escapeMarkdown(heading)}.** ${escapeMarkdown(`${caption} ${scale}`.trim())}`,
    '',
    markdownRow(columns.map(({ title }) => escapeMarkdown(title))),
    markdownRow(columns.map(({ kind }) => rules[alignments[kind]])),
    ...rows,
    '',
    ...notes.flatMap((note) => [escapeMarkdown(note), '']),
  ].join('\n');
}

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
  // LaTeX would set two hyphens as a dash.
  '-': '-{}',
  '|': '$|$',
};

/** Escapes text, so that no character of a name acts as a command. */
export const escapeLatex = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\\~^±×−–—→τρη✓<>≤≥“”’"`|]|-(?=-)|[&%$#_{}]/gu, (character) => commands[character] ?? `\\${character}`);

const latexCells: ColumnTable<string> = {
  text: escapeLatex,
  tick: (value) => (value ? '$\\surd$' : '$\\times$'),
  number: (value, column) => escapeLatex(plainCells.number(value, column)),
  signed: (value, column) => escapeLatex(plainCells.signed(value, column)),
  spread: (value, column) => escapeLatex(plainCells.spread(value, column)),
  interval: (value, column) => escapeLatex(plainCells.interval(value, column)),
  probability: (value) => escapeLatex(formatProbability(value)),
};

const letters = { left: 'l', centre: 'c', right: 'r' } as const;

/** LaTeX would read a leading `[` or `*` as an argument of the `\\` before it. */
const guarded = (text: string): string => (text.startsWith('[') || text.startsWith('*') ? `{}${text}` : text);

const latexRow = (texts: readonly string[]): string => `${texts.map(guarded).join(' & ')} \\\\`;

/** The width at which column titles are wrapped, in characters, so that tables fit a page. */
const titleWidth = 13;

function latexHeading(title: string, letter: string): string {
  const lines = wrapWords(title, titleWidth).map((line) => guarded(escapeLatex(line)));
  return lines.length < 2 ? lines.join('') : `\\begin{tabular}[b]{@{}${letter}@{}}${lines.join('\\\\')}\\end{tabular}`;
}

/** A `tabular` in a `table`, for any document class, without packages. UTF-8. */
export function latexTable({ name, caption, scale, columns, groups, notes }: Table): string {
  const bodies = groups.flatMap(({ title, rows }) => [
    '\\hline',
    ...(title === null ? [] : [`\\multicolumn{${columns.length}}{l}{\\emph{${escapeLatex(title)}}} \\\\`]),
    ...rows.map((own) => latexRow(columns.map((column, index) => askCell(latexCells, column, own[index] ?? null) ?? '--'))),
  ]);
  return [
    '\\begin{table}',
    '\\centering',
    `\\caption{${escapeLatex(`${caption} ${scale}`.trim())}}`,
    `\\label{tab:${name}}`,
    '\\footnotesize\\setlength{\\tabcolsep}{3pt}',
    `\\begin{tabular}{${columns.map(({ kind }) => letters[alignments[kind]]).join('')}}`,
    '\\hline',
    latexRow(columns.map(({ title, kind }) => latexHeading(title, letters[alignments[kind]]))),
    ...bodies,
    '\\hline',
    '\\end{tabular}',
    ...(notes.length === 0 ? [] : ['', `\\smallskip ${notes.map(escapeLatex).join(' ')}`]),
    '\\end{table}',
    '',
  ].join('\n');
}

/** Twelve significant digits, more than any measurement has. */
const number = (value: number): string => String(Number(value.toPrecision(12)));

/** The CSV columns for each kind of column: the suffixes of their titles. */
const parts: { readonly [K in ColumnKind]: readonly string[] } = {
  text: [''],
  tick: [''],
  number: [''],
  signed: [''],
  spread: [' mean', ' std'],
  interval: [' low', ' high'],
  probability: [''],
};

const csvCells: ColumnTable<readonly string[]> = {
  text: (value) => [value],
  tick: (value) => [value ? 'yes' : 'no'],
  number: (value) => [number(value)],
  signed: (value) => [number(value)],
  spread: ({ mean, deviation }) => [number(mean), deviation === null ? '' : number(deviation)],
  interval: ([low, high]) => [number(low), number(high)],
  probability: (value) => [number(value)],
};

const fieldsOf = (column: Column, cell: Cell): readonly string[] =>
  askCell(csvCells, column, cell) ?? parts[column.kind].map(() => '');

/**
 * The table as CSV (RFC 4180), with unrounded values. A mean and its deviation have separate columns. The first field is the group,
 * empty for the first group. Missing values are empty.
 */
export function csvTable({ columns, groups }: Table): string {
  const header = ['group', ...columns.flatMap((column) => parts[column.kind].map((part) => column.title + part))];
  const rows = groups.flatMap(({ title, rows: own }) =>
    own.map((cells) => [title ?? '', ...columns.flatMap((column, index) => fieldsOf(column, cells[index] ?? null))]),
  );
  return csvText([header, ...rows]);
}

/** `table-2.md`, `table-2.tex`, `table-2.csv`. */
export const tableFiles = (table: Table): readonly { readonly name: string; readonly text: string }[] => [
  { name: `${table.name}.md`, text: markdownTable(table) },
  { name: `${table.name}.tex`, text: latexTable(table) },
  { name: `${table.name}.csv`, text: csvTable(table) },
];

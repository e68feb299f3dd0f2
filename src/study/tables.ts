/** All tables of a study, in the order of its page, and as files. */
import { csvTable } from './csv.ts';
import { latexTable } from './latex.ts';
import { markdownTable } from './markdown.ts';
import type { StudyResult } from './result.ts';
import type { Table } from './table.ts';
import { networksTable } from './tables/networks.ts';
import { accuracyDifferences, parameterDifferences, spreadDifferences } from './tables/pairs.ts';
import { tableOne } from './tables/table-1.ts';
import { tableThree } from './tables/table-3.ts';
import { tableTwo } from './tables/table-2.ts';

const makers: { readonly [K in StudyResult['kind']]: readonly ((result: StudyResult) => Table)[] } = {
  growth: [tableTwo, accuracyDifferences, tableThree, networksTable, parameterDifferences, spreadDifferences],
  vanilla: [tableOne, accuracyDifferences],
};

/** A table of tests in which nothing could be tested says less than the sentence that tells why. */
const hasValues = ({ groups }: Table): boolean =>
  groups.some(({ rows }) => rows.some((row) => row.some((cell) => typeof cell !== 'string' && cell !== null)));

export const tablesOf = (result: StudyResult): readonly Table[] =>
  makers[result.kind].map((make) => make(result)).filter(hasValues);

export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** `table-2.md`, `table-2.tex`, `table-2.csv`. */
export const tableFiles = (table: Table): readonly TextFile[] => [
  { name: `${table.name}.md`, text: markdownTable(table) },
  { name: `${table.name}.tex`, text: latexTable(table) },
  { name: `${table.name}.csv`, text: csvTable(table) },
];

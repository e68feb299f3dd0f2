/** All tables of a study, in the order of its page. */
import type { StudyResult } from './result.ts';
import type { Table } from './table.ts';
import { networksTable, tableThree } from './tables/networks.ts';
import { accuracyDifferences, parameterDifferences, spreadDifferences } from './tables/pairs.ts';
import { tableOne } from './tables/table-1.ts';
import { tableTwo } from './tables/table-2.ts';

const makers: { readonly [K in StudyResult['kind']]: readonly ((result: StudyResult) => Table)[] } = {
  growth: [tableTwo, accuracyDifferences, tableThree, networksTable, parameterDifferences, spreadDifferences],
  vanilla: [tableOne, accuracyDifferences],
};

/** Whether a table has values. A table of tests without any is left out; a sentence gives the reason. */
const hasValues = ({ groups }: Table): boolean =>
  groups.some(({ rows }) => rows.some((row) => row.some((cell) => typeof cell !== 'string' && cell !== null)));

export const tablesOf = (result: StudyResult): readonly Table[] =>
  makers[result.kind].map((make) => make(result)).filter(hasValues);

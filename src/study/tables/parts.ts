/** Shared parts of tables: groups of arms, cells, digits, notes. */
import { listed, armLabel } from '../labels.ts';
import { armSummary, type Measure } from '../measures.ts';
import { paperMethods, paperName, paperRepetitions, type PaperMethod } from '../published.ts';
import type { Arm, StudyResult } from '../result.ts';
import type { Cell, Group } from '../table.ts';

/** Rows that need no title. */
export const untitled = (rows: Group['rows']): readonly Group[] => [{ title: null, rows }];

/** The methods, then the baselines; without empty groups. */
export function groupsOf({ arms }: StudyResult, rowsOf: (arm: Arm) => readonly (readonly Cell[])[]): readonly Group[] {
  const group = (title: string | null, baseline: boolean): Group => ({
    title,
    rows: arms.filter((arm) => arm.baseline === baseline).flatMap(rowsOf),
  });
  return [group(null, false), group('baselines', true)].filter(({ rows }) => rows.length > 0);
}

/** The published rows, for methods that the study has. */
export function publishedGroup(result: StudyResult, rowOf: (method: PaperMethod) => readonly Cell[]): readonly Group[] {
  const methods = paperMethods.filter((method) => result.arms.some((arm) => arm.method === method));
  return methods.length === 0
    ? []
    : [{ title: `published by ${paperName}: CIFAR-10, ${paperRepetitions} repetitions`, rows: methods.map(rowOf) }];
}

/** Decimals that show three significant digits of the largest mean. */
export function digitsFor(arms: readonly Arm[], measure: Measure): number {
  const means = arms.map((arm) => armSummary(arm, measure)?.mean ?? 0).filter((mean) => mean > 0);
  return means.length === 0 ? 1 : Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(Math.max(...means)))));
}

/** Arms with fewer finished repetitions than planned. */
export function missingNotes({ arms, repetitions }: StudyResult): readonly string[] {
  const short = arms.filter(({ outcomes }) => outcomes.length < repetitions);
  if (short.length === 0) return [];
  const counts = short.map((arm) => `${armLabel(arm)} ${arm.outcomes.length}`);
  return [`Of ${repetitions} planned repetitions, not all have finished: ${listed(counts)}.`];
}

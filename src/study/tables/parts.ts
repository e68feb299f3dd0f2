/** What several tables share: groups of arms, cells of an arm, and as many digits as a number needs. */
import { listed, armLabel } from '../labels.ts';
import { armSummary, type Measure } from '../measures.ts';
import { paperMethods, paperName, type PaperMethod } from '../published.ts';
import type { Arm, StudyResult } from '../result.ts';
import type { Cell, Group, SpreadCell } from '../table.ts';

/** Methods, and the baselines set apart; groups without an arm are left out. */
export function groupsOf({ arms }: StudyResult, rowsOf: (arm: Arm) => readonly (readonly Cell[])[]): readonly Group[] {
  const group = (title: string | null, baseline: boolean): Group => ({
    title,
    rows: arms.filter((arm) => arm.baseline === baseline).flatMap(rowsOf),
  });
  return [group(null, false), group('baselines', true)].filter(({ rows }) => rows.length > 0);
}

/** The authors' rows, for methods that the study has. */
export function publishedGroup(result: StudyResult, rowOf: (method: PaperMethod) => readonly Cell[]): readonly Group[] {
  const methods = paperMethods.filter((method) => result.arms.some((arm) => arm.method === method));
  return methods.length === 0
    ? []
    : [{ title: `as published by ${paperName}: CIFAR-10, 8 repetitions`, rows: methods.map(rowOf) }];
}

export function spreadCell(arm: Arm, measure: Measure): SpreadCell | null {
  const summary = armSummary(arm, measure);
  return summary === null ? null : { mean: summary.mean, deviation: summary.deviation };
}

/** Digits behind the point that show three places of the largest mean. */
export function digitsFor(arms: readonly Arm[], measure: Measure): number {
  const means = arms.map((arm) => armSummary(arm, measure)?.mean ?? 0).filter((mean) => mean > 0);
  return means.length === 0 ? 1 : Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(Math.max(...means)))));
}

/** Which arms have not ended as often as planned; nothing where all have. */
export function missingNotes({ arms, repetitions }: StudyResult): readonly string[] {
  const short = arms.filter(({ outcomes }) => outcomes.length < repetitions);
  if (short.length === 0) return [];
  const words = short.map((arm) => `${armLabel(arm)} ${arm.outcomes.length}`);
  return [`Of ${repetitions} planned repetitions so many have ended: ${listed(words)}.`];
}

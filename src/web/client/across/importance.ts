/** How much of the results settings and operators explain, over many runs. Pure. What it says is a description: no test is made. */
import type { OperatorGain, RunRow, SettingValue } from '../../api.ts';
import { mean } from '../../../util/numbers.ts';
import { spearman } from '../../../study/statistics.ts';

/** Runs with a result, and runs of each of two values, from which on a setting is judged; and children of an operator. */
export const fewestRuns = 8;
const fewestOfValue = 2;
export const fewestChildren = 10;

export interface SettingImportance {
  readonly name: string;
  readonly runs: number;
  /** Share of the variance of the results that its values explain, corrected for their number. 0 to 1. */
  readonly share: number;
  /** Rank correlation with the result; null for texts and fewer than three values. */
  readonly correlation: number | null;
  /** The most frequent values first: results are over the mean of the same data. */
  readonly values: readonly { readonly value: SettingValue; readonly runs: number; readonly mean: number }[];
}

interface Judged {
  readonly row: RunRow;
  /** Over the mean of the runs on the same data. */
  readonly result: number;
}

function grouped<T, K>(all: readonly T[], keyOf: (one: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return groups;
}

function judged(rows: readonly RunRow[], of: (row: RunRow) => number | null): readonly Judged[] {
  const known = rows.flatMap((row) => {
    const result = of(row);
    return result === null ? [] : [{ row, result }];
  });
  return [...grouped(known, ({ row }) => row.data).values()].flatMap((same) => {
    const middle = mean(same.map(({ result }) => result));
    // One run alone on its data says nothing.
    return same.length < 2 ? [] : same.map(({ row, result }) => ({ row, result: result - middle }));
  });
}

const squares = (values: readonly number[], around: number): number =>
  values.reduce((sum, value) => sum + (value - around) ** 2, 0);

function importanceOf(name: string, all: readonly Judged[]): SettingImportance | null {
  const valueOf = ({ row }: Judged): SettingValue => row.settings?.[name] ?? null;
  const groups = [...grouped(all, valueOf)].map(([value, those]) => ({ value, results: those.map(({ result }) => result) }));
  const repeated = groups.filter(({ results }) => results.length >= fewestOfValue);
  const keys = all.map(valueOf);
  const areNumbers = keys.every((key) => typeof key === 'number');
  if (all.length < fewestRuns || groups.length < 2 || (repeated.length < 2 && !areNumbers)) return null;
  const total = squares(
    all.map(({ result }) => result),
    0,
  );
  if (total === 0) return null;
  const correlation = areNumbers
    ? spearman(
        keys as number[],
        all.map(({ result }) => result),
      )
    : null;
  const within = groups.reduce((sum, { results }) => sum + squares(results, mean(results)), 0);
  const left = all.length - groups.length;
  // Of values that are all different, the order alone can be judged.
  const share =
    left >= groups.length
      ? 1 - within / left / (total / (all.length - 1))
      : 1 - (1 - (correlation ?? 0) ** 2) * ((all.length - 1) / (all.length - 2));
  return {
    name,
    runs: all.length,
    share: Math.max(0, share),
    correlation,
    values: groups
      .map(({ value, results }) => ({ value, runs: results.length, mean: mean(results) }))
      .toSorted((a, b) => b.runs - a.runs || b.mean - a.mean),
  };
}

/** The most important first; empty with fewer than `fewestRuns` runs. `of`: the result of a run. */
export function settingsImportance(rows: readonly RunRow[], of: (row: RunRow) => number | null): readonly SettingImportance[] {
  const all = judged(rows, of);
  // Seeds tell how much results vary without a reason.
  const names = Object.keys(rows.find(({ settings }) => settings !== null)?.settings ?? {}).filter((name) => name !== 'seed');
  return names.flatMap((name) => importanceOf(name, all) ?? []).toSorted((a, b) => b.share - a.share);
}

export interface OperatorImportance {
  readonly operator: string;
  readonly runs: number;
  readonly children: number;
  readonly winners: number;
  /** Mean gain over the siblings, and its standard error. */
  readonly gain: number;
  readonly error: number;
}

/** Of all runs together, the largest gain first. Operators of fewer than `fewestChildren` children are left out. */
export function operatorsImportance(rows: readonly RunRow[]): readonly OperatorImportance[] {
  const sums = new Map<string, OperatorGain & { readonly runs: number }>();
  for (const { gains } of rows)
    for (const [operator, { children, sum, squares: more, winners }] of Object.entries(gains)) {
      const so = sums.get(operator) ?? { children: 0, sum: 0, squares: 0, winners: 0, runs: 0 };
      sums.set(operator, {
        children: so.children + children,
        sum: so.sum + sum,
        squares: so.squares + more,
        winners: so.winners + winners,
        runs: so.runs + 1,
      });
    }
  return [...sums]
    .filter(([, { children }]) => children >= fewestChildren)
    .map(([operator, { children, sum, squares: all, winners, runs }]) => {
      const gain = sum / children;
      const variance = Math.max(0, all / children - gain ** 2) / (children - 1);
      return { operator, runs, children, winners, gain, error: Math.sqrt(variance) };
    })
    .toSorted((a, b) => b.gain - a.gain);
}

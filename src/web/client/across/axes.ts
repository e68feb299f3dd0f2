/** The axes of parallel coordinates: where a run stands on each. Pure. */
import { scaleLinear, scaleLog } from 'd3-scale';
import type { RunRow } from '../../api.ts';
import { columnOf, settingColumn, type ColumnName } from '../list/columns.tsx';
import { formatDuration } from '../../../util/duration.ts';
import { formatCount, formatPercent } from '../../../util/words.ts';

export interface Axis {
  readonly name: ColumnName;
  readonly title: string;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  /** From 0 (below) to 1; null where the run has no value. */
  place(row: RunRow): number | null;
}

/** The results of a run, which stand behind its settings. */
const results: Readonly<Record<ColumnName, (value: number) => string>> = {
  time: formatDuration,
  parameters: formatCount,
  multiplyAdds: formatCount,
  validation: formatPercent,
  test: formatPercent,
};

/** From here on, the largest value over the smallest one, an axis is logarithmic. */
const wide = 50;
/** Values of an axis of texts, and characters of each, at most. */
const mostTexts = 12;
const longestText = 18;

const textOf = (key: number | string | null): string => (key === null ? 'none' : String(key));
const short = (text: string): string => (text.length > longestText ? `${text.slice(0, longestText - 1)}…` : text);

const plainNumber = (value: number): string => String(Number(value.toPrecision(3)));

function numericAxis(name: ColumnName, title: string, rows: readonly RunRow[], show: (value: number) => string): Axis | null {
  const { value } = columnOf(name);
  const keys = rows.flatMap((row) => {
    const key = value(row);
    return typeof key === 'number' ? [key] : [];
  });
  const [low, high] = [Math.min(...keys), Math.max(...keys)];
  if (keys.length === 0) return null;
  const ends: [number, number] = low === high ? [low - 1, high + 1] : [low, high];
  const scale = (low > 0 && high / low > wide ? scaleLog() : scaleLinear()).domain(ends).range([0, 1]);
  const marks =
    low === high
      ? [low]
      : [...new Set([low, ...scale.ticks(4).filter((tick) => scale(tick) > 0.12 && scale(tick) < 0.88), high])];
  return {
    name,
    title,
    ticks: marks.map((mark) => ({ at: scale(mark), label: show(mark) })),
    place(row) {
      const key = value(row);
      return typeof key === 'number' ? scale(key) : null;
    },
  };
}

function textAxis(name: ColumnName, title: string, rows: readonly RunRow[]): Axis | null {
  const { value } = columnOf(name);
  const texts = [...new Set(rows.map((row) => textOf(value(row))))].toSorted((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  if (texts.length > mostTexts) return null;
  const at = new Map(texts.map((text, index) => [text, texts.length === 1 ? 0.5 : index / (texts.length - 1)]));
  return {
    name,
    title,
    ticks: texts.map((text) => ({ at: at.get(text) ?? 0, label: short(text) })),
    place: (row) => at.get(textOf(value(row))) ?? null,
  };
}

/** The settings in which these runs differ, and their results. What has too many different texts has no axis. */
export function axesOf(rows: readonly RunRow[]): readonly Axis[] {
  const names = ['data', ...Object.keys(rows.find(({ settings }) => settings !== null)?.settings ?? {}).map(settingColumn)];
  const own = names.flatMap((name) => {
    const { value, title } = columnOf(name);
    const keys = new Set(rows.map(value));
    if (keys.size < 2) return [];
    const areNumbers = [...keys].every((key) => typeof key === 'number');
    return (areNumbers ? numericAxis(name, title, rows, plainNumber) : textAxis(name, title, rows)) ?? [];
  });
  const ends = Object.entries(results).flatMap(([name, show]) => numericAxis(name, columnOf(name).title, rows, show) ?? []);
  return [...own, ...ends];
}

/** What a run is judged by: its test accuracy, or its validation accuracy where none of them has the other. */
export function resultOf(rows: readonly RunRow[]): { readonly name: 'test' | 'validation'; of(row: RunRow): number | null } {
  const tested = rows.filter(({ test }) => test !== null).length;
  const validated = rows.filter(({ best }) => best?.accuracy != null).length;
  return 2 * tested >= validated && tested > 0
    ? { name: 'test', of: ({ test }) => test }
    : { name: 'validation', of: ({ best }) => best?.accuracy ?? null };
}

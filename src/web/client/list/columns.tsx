/** The columns of the list of runs, and times in words. */
import type { ComponentChildren } from 'preact';
import type { RunRow, SettingValue } from '../../api.ts';
import { formatDuration, parseDuration } from '../../../util/duration.ts';
import { formatCount, formatPercent, formatWhole } from '../../../util/words.ts';
import { Link, StateMark, stateWords } from '../parts.tsx';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `just now`, `4 min ago`, `3 h ago`, `12 d ago`. */
export function ago(then: number, now: number): string {
  const passed = Math.max(0, now - then);
  if (passed < minute) return 'just now';
  if (passed < hour) return `${Math.floor(passed / minute)} min ago`;
  if (passed < 2 * day) return `${Math.floor(passed / hour)} h ago`;
  return `${Math.floor(passed / day)} d ago`;
}

export const exactly = (then: number): string =>
  new Date(then).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export interface Column {
  readonly title: string;
  /** What a short title stands for. */
  readonly words?: string;
  readonly numeric: boolean;
  /** Whether a first click sorts in descending order. */
  readonly descending: boolean;
  /** The key to sort by; rows without one come last. */
  value(row: RunRow): number | string | null;
  cell(row: RunRow, now: number): ComponentChildren;
  /** The key that a typed text stands for; NaN where it stands for none. Without it keys are texts. */
  read?(text: string): number;
  /** How far keys may be apart that look alike. */
  readonly tolerance?: number;
}

/** `88.4` or `88.4 %`. */
const readPercent = (typed: string): number => Number(typed.replace(/\s*%$/, '')) / 100;

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };

/** `300k`, `1.2 M`. */
function readCount(typed: string): number {
  const [, digits, unit = ''] = /^([\d.]+)\s*([kMG]?)$/.exec(typed) ?? [];
  return digits === undefined ? NaN : Number(digits) * (units[unit] ?? NaN);
}

const readTime = (typed: string): number => parseDuration(typed) ?? NaN;

const text = (
  title: string,
  value: (row: RunRow) => string | null,
  cell: (row: RunRow) => ComponentChildren = value,
): Column => ({
  title,
  numeric: false,
  descending: false,
  value,
  cell,
});

const number = (
  title: string,
  words: string,
  value: (row: RunRow) => number | null,
  show: (value: number, row: RunRow) => ComponentChildren,
  {
    descending = true,
    read = Number,
    tolerance = 0,
  }: Partial<Pick<Column, 'descending' | 'tolerance'>> & { read?(text: string): number } = {},
): Column => ({
  title,
  words,
  numeric: true,
  descending,
  read,
  tolerance,
  value,
  cell(row) {
    const key = value(row);
    return key === null ? '' : show(key, row);
  },
});

const width = 84;
const height = 20;
const pad = 2;

/** A word-sized curve: validation accuracies along the winner's lineage. */
function Sparkline({ values }: { readonly values: readonly number[] }) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = values.at(-1);
  if (values.length < 2 || last === undefined) return null;
  const x = (at: number): number => pad + (at / (values.length - 1)) * (width - 2 * pad);
  const y = (value: number): number =>
    high === low ? height / 2 : height - pad - ((value - low) / (high - low)) * (height - 2 * pad);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const words = `validation from ${(100 * (values[0] as number)).toFixed(1)} % to ${(100 * last).toFixed(1)} %`;
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={words}>
      <polyline points={points} />
      <circle cx={x(values.length - 1).toFixed(1)} cy={y(last).toFixed(1)} r="2" />
    </svg>
  );
}

const counted = (count: number): ComponentChildren => <span title={formatWhole(count)}>{formatCount(count)}</span>;

const percent = { read: readPercent, tolerance: 0.0005 };
const counts = { descending: false, read: readCount };
const times = { read: readTime, tolerance: 0.5 };

const startOf = ({ begun, changed }: RunRow): number | null => begun ?? (changed === 0 ? null : changed);

export const columns = {
  name: text(
    'Run',
    ({ id }) => id,
    ({ id, name, study, notes: { tags, note, problem } }) => (
      <>
        <Link to={{ page: 'run', run: id }}>{name}</Link>
        {tags.map((tag) => (
          <span key={tag} class="tag">
            {tag}
          </span>
        ))}
        {note === '' ? null : (
          <small class="note-line" title={note}>
            {note}
          </small>
        )}
        {problem === null ? null : <small class="bad">{problem}</small>}
        {study === null ? null : (
          <small>
            of <Link to={{ page: 'study', study }}>{study}</Link>
          </small>
        )}
      </>
    ),
  ),
  state: text('State', ({ state }) => stateWords[state], StateMark),
  validation: number(
    'Validation',
    'validation accuracy of the best network so far',
    ({ best }) => best?.accuracy ?? null,
    formatPercent,
    percent,
  ),
  test: number('Test', 'test accuracy of the final network', ({ test }) => test, formatPercent, percent),
  curve: {
    title: 'Curve',
    words: 'validation accuracy along the winner’s lineage; sorted by its gain',
    numeric: false,
    descending: true,
    value: ({ sparkline }) => (sparkline.length < 2 ? null : (sparkline.at(-1) as number) - (sparkline[0] as number)),
    cell: ({ sparkline }) => <Sparkline values={sparkline} />,
  },
  method: text('Method', ({ method }) => method),
  data: text('Data', ({ data }) => data),
  parameters: number('Params', 'parameters of the best network', ({ best }) => best?.parameters ?? null, counted, counts),
  multiplyAdds: number(
    'M-adds',
    'multiply-adds per image of the best network',
    ({ best }) => best?.multiplyAdds ?? null,
    counted,
    counts,
  ),
  steps: number('Steps', 'finished steps of the search', ({ steps, events }) => (events === 0 ? null : steps), String),
  time: number(
    'Time',
    'active time, and the budget where there is one',
    ({ seconds, events }) => (events === 0 ? null : seconds),
    (seconds, { budget }) => (
      <>
        {formatDuration(seconds)}
        {budget === null ? null : <small> of {formatDuration(budget)}</small>}
      </>
    ),
    times,
  ),
  begun: {
    title: 'Started',
    numeric: true,
    descending: true,
    value: startOf,
    cell(row, now) {
      const then = startOf(row);
      return then === null ? (
        ''
      ) : (
        <time dateTime={new Date(then).toISOString()} title={exactly(then)}>
          {ago(then, now)}
        </time>
      );
    },
  },
} as const satisfies Record<string, Column>;

/** What is shown where it is asked for. */
const others = {
  preset: text('Preset', ({ preset }) => preset),
  budget: number('Budget', 'time for everything', ({ budget }) => budget, formatDuration, times),
  events: number('Events', 'events in the journal', ({ events }) => events, formatWhole),
  study: text('Study', ({ study }) => study),
  tags: text('Tags', ({ notes: { tags } }) => (tags.length === 0 ? null : tags.join(', '))),
  note: text('Note', ({ notes: { note } }) => (note === '' ? null : note)),
} as const satisfies Record<string, Column>;

/** Of a column, in addresses: one of those above, or a setting behind `set.`. */
export type ColumnName = string;

const ofSetting = 'set.';
export const settingColumn = (name: string): ColumnName => `${ofSetting}${name}`;

const known: Readonly<Record<string, Column>> = { ...columns, ...others };
export const columnNames: readonly ColumnName[] = Object.keys(columns);
export const otherNames: readonly ColumnName[] = Object.keys(others);

/** By what a setting is: a number, or a text. */
function columnOfSetting(name: string): Column {
  const valueIn = ({ settings }: RunRow): SettingValue => settings?.[name] ?? null;
  return {
    title: name,
    words: `the setting ${name}`,
    numeric: false,
    descending: false,
    value(row) {
      const value = valueIn(row);
      return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
    },
    cell(row) {
      const value = valueIn(row);
      return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
    },
    read: Number,
  };
}

const settingColumns = new Map<string, Column>();

/** Whether there may be a column of that name. */
export const isColumn = (name: string): boolean => Object.hasOwn(known, name) || name.startsWith(ofSetting);

export function columnOf(name: ColumnName): Column {
  if (Object.hasOwn(known, name)) return known[name] as Column;
  const made = settingColumns.get(name) ?? columnOfSetting(name.slice(ofSetting.length));
  settingColumns.set(name, made);
  return made;
}

/** The columns of the list of runs: what each is sorted by and what it shows. */
import type { ComponentChildren } from 'preact';
import type { RunRow } from '../../api.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatCount, formatPercent, formatWhole } from '../../../util/words.ts';
import { Link, StateMark, stateWords } from '../parts.tsx';
import { Sparkline } from './sparkline.tsx';
import { ago, exactly } from './when.ts';

export const columnNames = [
  'name',
  'state',
  'validation',
  'test',
  'curve',
  'method',
  'data',
  'parameters',
  'multiplyAdds',
  'steps',
  'time',
  'begun',
] as const;
export type ColumnName = (typeof columnNames)[number];

interface Column {
  readonly title: string;
  /** What the title stands for, where it is short. */
  readonly words?: string;
  readonly numeric: boolean;
  /** Whether more comes first when it is first sorted by. */
  readonly descending: boolean;
  /** Null where there is none: such rows come last. */
  value(row: RunRow): number | string | null;
  cell(row: RunRow, now: number): ComponentChildren;
}

const percent = (share: number | null | undefined): string => (share === null || share === undefined ? '' : formatPercent(share));

const counted = (count: number | undefined): ComponentChildren =>
  count === undefined ? '' : <span title={formatWhole(count)}>{formatCount(count)}</span>;

/** What the columns sort by that show the same. */
const accuracyOf = ({ best }: RunRow): number | null => best?.accuracy ?? null;

export const columns: { readonly [Name in ColumnName]: Column } = {
  name: {
    title: 'Run',
    numeric: false,
    descending: false,
    value: ({ id }) => id,
    cell: ({ id, name, study }) => (
      <>
        <Link to={{ page: 'run', run: id }}>{name}</Link>
        {study === null ? null : (
          <small>
            of <Link to={{ page: 'study', study }}>{study}</Link>
          </small>
        )}
      </>
    ),
  },
  state: {
    title: 'State',
    numeric: false,
    descending: false,
    value: ({ state }) => stateWords[state],
    cell: ({ state }) => <StateMark state={state} />,
  },
  validation: {
    title: 'Validation',
    words: 'accuracy on the validation images, of the best network so far',
    numeric: true,
    descending: true,
    value: accuracyOf,
    cell: ({ best }) => percent(best?.accuracy),
  },
  test: {
    title: 'Test',
    words: 'accuracy on the test images, of the finished network',
    numeric: true,
    descending: true,
    value: ({ test }) => test,
    cell: ({ test }) => percent(test),
  },
  curve: {
    title: 'Curve',
    words: 'validation accuracy along the winner’s line; sorted by what it has gained',
    numeric: false,
    descending: true,
    value: ({ sparkline }) => (sparkline.length < 2 ? null : (sparkline.at(-1) as number) - (sparkline[0] as number)),
    cell: ({ sparkline }) => <Sparkline values={sparkline} />,
  },
  method: {
    title: 'Method',
    numeric: false,
    descending: false,
    value: ({ method }) => method,
    cell: ({ method }) => method,
  },
  data: {
    title: 'Data',
    numeric: false,
    descending: false,
    value: ({ data }) => data,
    cell: ({ data }) => data,
  },
  parameters: {
    title: 'Params',
    words: 'trained parameters of the best network',
    numeric: true,
    descending: false,
    value: ({ best }) => best?.parameters ?? null,
    cell: ({ best }) => counted(best?.parameters),
  },
  multiplyAdds: {
    title: 'M-adds',
    words: 'multiply-adds an image, of the best network',
    numeric: true,
    descending: false,
    value: ({ best }) => best?.multiplyAdds ?? null,
    cell: ({ best }) => counted(best?.multiplyAdds),
  },
  steps: {
    title: 'Steps',
    words: 'steps of the search that have ended',
    numeric: true,
    descending: true,
    value: ({ steps, events }) => (events === 0 ? null : steps),
    cell: ({ steps, events }) => (events === 0 ? '' : steps),
  },
  time: {
    title: 'Time',
    words: 'active time, and the budget where there is one',
    numeric: true,
    descending: true,
    value: ({ seconds, events }) => (events === 0 ? null : seconds),
    cell: ({ seconds, budget, events }) =>
      events === 0 ? (
        ''
      ) : (
        <>
          {formatDuration(seconds)}
          {budget === null ? null : <small> of {formatDuration(budget)}</small>}
        </>
      ),
  },
  begun: {
    title: 'Begun',
    numeric: true,
    descending: true,
    value: ({ begun, changed }) => begun ?? (changed === 0 ? null : changed),
    cell: ({ begun, changed }, now) => {
      const then = begun ?? (changed === 0 ? null : changed);
      return then === null ? (
        ''
      ) : (
        <time dateTime={new Date(then).toISOString()} title={exactly(then)}>
          {ago(then, now)}
        </time>
      );
    },
  },
};

/** Reports the reading of data. */
import type { ClassCounts } from '../data/class-counts.ts';
import type { DataEvent } from '../data/source.ts';
import type { World } from '../inference/evaluated-images.ts';
import { formatDuration } from '../util/duration.ts';
import { formatBytes, formatWhole, plural, printable } from '../util/words.ts';
import { printLines, type Io } from './io.ts';
import { columnsOf, padLeft, padRight, truncate } from './text.ts';

/** Classes of a table, at most. */
const mostClasses = 20;
/** Columns of a class's name, at most. */
const widestName = 40;

/** The classes and their images in each part, as a table. */
export function classLines(classes: readonly ClassCounts[]): readonly string[] {
  const shown = classes.slice(0, mostClasses);
  const rows = [
    ['class', 'train', 'validation', 'test'],
    ...shown.map(({ name, train, validation, test }) => [
      truncate(printable(name), widestName),
      ...[train, validation, test].map(formatWhole),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => columnsOf(row[column] ?? ''))));
  const lines = rows.map(([name = '', ...counts]) =>
    [padRight(name, widths[0] ?? 0), ...counts.map((count, at) => padLeft(count, widths[at + 1] ?? 0))].join('  '),
  );
  const more = classes.length - shown.length;
  return more > 0 ? [...lines, `and ${plural(more, 'more class', 'more classes')}`] : lines;
}

const leftWords = ({ left }: { readonly left?: number | undefined }): string =>
  left === undefined || left < 1 ? '' : `, about ${formatDuration(left)} left`;

export function describeData(event: DataEvent): readonly string[] {
  switch (event.kind) {
    case 'note':
      return [printable(event.message)];
    case 'classes':
      return classLines(event.classes);
    case 'download':
      return [
        `downloading ${event.url}: ${formatBytes(event.received)}${event.total > 0 ? ` of ${formatBytes(event.total)}` : ''}`,
      ];
    case 'list':
      return [`reading folders: ${formatWhole(event.files)} files so far`];
    case 'decode':
      return [`decoding images: ${formatWhole(event.done)} of ${formatWhole(event.total)}${leftWords(event)}`];
  }
}

const shareOf = (event: DataEvent): number => {
  if (event.kind === 'download') return event.total > 0 ? event.received / event.total : 0;
  return event.kind === 'decode' && event.total > 0 ? event.done / event.total : 0;
};

/** Whether it is said once, and is no progress. */
export const isSaid = ({ kind }: DataEvent): boolean => kind === 'note' || kind === 'classes';

/** Milliseconds after which progress is said again. */
const longest = 60_000;

/** Says every note and table, and progress at each quarter and each minute. `now`: milliseconds. */
export function dataLines(say: (lines: readonly string[]) => void, now: () => number): (event: DataEvent) => void {
  let told = -1;
  let last = now();
  return (event) => {
    if (!isSaid(event)) {
      const quarter = Math.floor(4 * shareOf(event));
      if (quarter === told && now() - last < longest) return;
      told = quarter;
      last = now();
    }
    say(describeData(event));
  };
}

/** The world of a command that reads data: its environment, and on stderr notes, and progress where decoding takes some time. */
export function worldOf(io: Io): World {
  const tell = dataLines((lines) => printLines(io.err, lines), Date.now);
  return {
    environment: io.environment,
    progress(event) {
      if (event.kind !== 'classes' && (event.kind !== 'decode' || event.left !== undefined)) tell(event);
    },
  };
}

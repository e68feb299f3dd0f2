/** Numbers in the words that people read. */

const scaled = (value: number, units: readonly string[], base: number): string => {
  let unit = 0;
  let rest = value;
  while (Math.round(rest) >= base && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  const digits = unit > 0 && rest < 9.95 ? 1 : 0;
  const separator = units[unit] === '' ? '' : ' ';
  return `${rest.toFixed(digits)}${separator}${units[unit]}`;
};

/** `950`, `24 k`, `1.2 M`. */
export const formatCount = (value: number): string => scaled(value, ['', 'k', 'M', 'G'], 1000);

/** `1.5 GiB`. */
export const formatBytes = (bytes: number): string => scaled(bytes, ['B', 'KiB', 'MiB', 'GiB'], 1024);

// Made once: each takes as long as a thousand numbers do.
const whole = new Intl.NumberFormat('en-US');
/** `24,074`. */
export const formatWhole = (value: number): string => whole.format(value);

/** `0.31 ms`, `5 ms` of seconds. */
export const formatMilliseconds = (seconds: number): string => `${Number((1000 * seconds).toPrecision(3))} ms`;

/** `1 image`, `2 images`, `5 classes`, `3 children`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatWhole(count)} ${count === 1 ? noun : nouns}`;
}

/** `71.2 %` of 0.712. */
export const formatPercent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** `a`, `a or b`, `a, b or c`. */
export const listed = (names: readonly string[], word: 'or' | 'and'): string =>
  names.join(', ').replace(/, ([^,]*)$/, ` ${word} $1`);

/** Four significant places at most: `0.6123`, `12.35`, `1.2e+5`. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  if (Math.abs(loss) >= 1000) return loss.toExponential(1);
  return loss.toFixed(loss < 10 ? 3 : loss < 100 ? 2 : 1);
}

/** What a terminal takes for a command, what changes the direction of text, and what ends a line. */
// oxlint-disable-next-line no-control-regex
const commands = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** One line for a terminal, where commands are shown as `?`: names of files and classes, and messages, come from anywhere. */
export const printable = (text: string): string => text.replaceAll(commands, '?');

/** The lines of a text, each printable. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

/** JSON in which commands are escaped. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(commands, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Steps of single changes from one word to the other (Levenshtein). */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_none, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** `; did you mean laptop?` of `laptopp`; empty where no name is near: one letter in four may differ, so that `gpu` is not `cpu`. */
export function suggestion(word: string, names: readonly string[]): string {
  const name = nearest(word, names);
  return name !== undefined && distance(word, name) <= name.length / 4 ? `; did you mean ${name}?` : '';
}

/** The name nearest to a misspelt one. */
export const nearest = (word: string, names: readonly string[]): string | undefined =>
  names.toSorted((a, b) => distance(word, a) - distance(word, b))[0];

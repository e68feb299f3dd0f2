/** What the soaks share: options, progress, and messages that are counted for a report. */
import { writeSync } from 'node:fs';

/** Messages in a report, the most frequent first. */
const listed = 25;

export const say = (text: string): void => void writeSync(2, `${text}\n`);

export function numberOf(option: string, otherwise: number): number {
  const at = process.argv.indexOf(option);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
}

/** A message without paths, names and numbers. */
export const general = (message: string): string =>
  message
    .replaceAll(/\/\S*\/([\w.]+)/g, '$1')
    .replaceAll(/"[^"]*"/g, '…')
    .replaceAll(/\d+/g, '#')
    .slice(0, 160);

export const count = (of: Map<string, number>, key: string): void => void of.set(key, (of.get(key) ?? 0) + 1);

/** Rows of a table in Markdown, of a column for the count and one for the message. */
export const mostFrequent = (messages: ReadonlyMap<string, number>): string[] =>
  [...messages]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, listed)
    .map(([text, times]) => `| ${times} | ${text.replaceAll('|', '\\|')} |`);

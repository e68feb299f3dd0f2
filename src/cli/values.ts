/** What people write behind options, as numbers. Each parser throws one line that names the option. */
import { parseDuration } from '../util/duration.ts';
import { UserError } from '../util/user-error.ts';

export const invalid = (option: string, text: string, wanted: string): UserError => new UserError(`${option} ${text}: ${wanted}`);

export function parseNumber(option: string, text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw invalid(option, text, 'must be a number');
  return Number(text);
}

export function parseWhole(option: string, text: string, least: number): number {
  const value = parseNumber(option, text);
  if (!Number.isSafeInteger(value) || value < least) throw invalid(option, text, `must be a whole number of at least ${least}`);
  return value;
}

function parseScaled(option: string, text: string, base: number, example: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?$/i.exec(text);
  const value = Number(match?.[1]) * base ** ['', 'k', 'm', 'g', 't'].indexOf((match?.[2] ?? '').toLowerCase());
  if (match === null || Math.round(value) < 1 || !Number.isSafeInteger(Math.round(value)))
    throw invalid(option, text, `must be a number such as ${example}`);
  return Math.round(value);
}

/** `500k`, `1.5M`, `20000000`. */
export const parseCount = (option: string, text: string): number => {
  if (/b$/i.test(text)) throw invalid(option, text, 'must be a number such as 500k or 1.5M');
  return parseScaled(option, text, 1000, '500k or 1.5M');
};

/** Bytes of `512M`, `2G`, `2GiB`. */
export const parseBytes = (option: string, text: string): number => parseScaled(option, text, 1024, '512M or 2G');

/** Seconds of `30m`, `1h30m`. */
export function parseTime(option: string, text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined || seconds <= 0) throw invalid(option, text, 'must be a time such as 90s, 30m or 1h30m');
  return seconds;
}

export function parseChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw invalid(option, text, `must be one of ${choices.join(', ')}`);
  return found;
}

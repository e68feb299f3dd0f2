/** Kinds of options: how a text becomes a value, and which field of a page takes it. */
import { z } from 'zod';
import { parseDuration } from '../util/duration.ts';
import { isAddress, readAddress } from '../util/file-address.ts';
import { suggestion } from '../util/words.ts';

/** `wrong` completes a sentence, such as `must be a number`. */
export type Reading<Value> = { readonly value: Value } | { readonly wrong: string };

export interface Kind<Value> {
  /** The argument in help, such as `<n>`; empty for a switch. */
  readonly argument: string;
  /** The field of a page; `numeric` and `decimal` are keyboards of a text field. */
  readonly field: 'text' | 'numeric' | 'decimal' | 'select' | 'checkbox';
  readonly schema: z.ZodType<Value>;
  read(text: string): Reading<Value>;
  /** A value as its text, where `String` is not enough. */
  write?(value: Value): string;
  /** Names and what each is. */
  readonly choices?: Readonly<Record<string, string>>;
  /** The text has units, so that the library takes it too: `budget: '30m'`. */
  readonly units?: true;
  /** It can be given more than once; a value is a list. */
  readonly repeated?: true;
}

const valueOr = <Value>(value: Value | undefined, wrong: string): Reading<Value> => (value === undefined ? { wrong } : { value });

const numberIn = (text: string): number | undefined =>
  /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;

function scaledIn(text: string, base: number, unit: RegExp): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(.*)$/i.exec(text);
  if (match === null || !unit.test(match[3] ?? '')) return undefined;
  const value = Math.round(Number(match[1]) * base ** ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase()));
  return value >= 1 && Number.isSafeInteger(value) ? value : undefined;
}

export const number: Kind<number> = {
  argument: '<x>',
  field: 'decimal',
  schema: z.number(),
  read: (text) => valueOr(numberIn(text), 'must be a number'),
};

export const whole: Kind<number> = { ...number, argument: '<n>', field: 'numeric', schema: z.int() };

/** `500k`, `1.5M`, `20000000`. */
export const count: Kind<number> = {
  argument: '<n>',
  field: 'text',
  schema: z.int().min(1),
  units: true,
  read: (text) => valueOr(scaledIn(text, 1000, /^$/), 'must be a number such as 500k or 1.5M'),
  write(value) {
    const [size, unit] = value >= 1e6 ? [1e6, 'M'] : value >= 1000 ? [1000, 'k'] : [1, ''];
    return `${Number((value / size).toPrecision(3))}${unit}`;
  },
};

/** Bytes: `96k`, `512M`, `2G`, `2GiB`; a k is 1,024. */
export const bytes: Kind<number> = {
  argument: '<bytes>',
  field: 'text',
  schema: z.int().min(1),
  units: true,
  read: (text) => valueOr(scaledIn(text, 1024, /^(i?b)?$/i), 'must be a number such as 512M or 2G'),
};

/** Seconds: `90s`, `1h30m`. */
export const time: Kind<number> = {
  argument: '<time>',
  field: 'text',
  schema: z.number().positive(),
  units: true,
  read(text) {
    const seconds = parseDuration(text);
    return valueOr(seconds === 0 ? undefined : seconds, 'must be a time such as 90s, 30m or 1h30m');
  },
};

/** Seconds, of a time with its unit: `5ms`. */
export const latency: Kind<number> = {
  argument: '<time>',
  field: 'text',
  schema: z.number().positive(),
  units: true,
  read(text) {
    const seconds = /[a-z]$/.test(text) ? parseDuration(text) : undefined;
    return valueOr(seconds === 0 ? undefined : seconds, 'must be a time with its unit, such as 5ms or 0.1s');
  },
  write: (seconds) => `${Number((1000 * seconds).toPrecision(6))}ms`,
};

/** A number of layers, or `all-but-head`. */
export const freezing: Kind<number | 'all-but-head'> = {
  argument: '<layers>',
  field: 'text',
  schema: z.union([z.int().min(0), z.literal('all-but-head')]),
  read(text) {
    const layers = numberIn(text);
    return valueOr(
      text === 'all-but-head' ? text : Number.isInteger(layers) && (layers ?? -1) >= 0 ? layers : undefined,
      'must be a number of layers or all-but-head',
    );
  },
};

/** `#ffffff`. */
export const colour: Kind<string> = {
  argument: '<colour>',
  field: 'text',
  schema: z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #ffffff'),
  read: (text) => valueOr(/^#[0-9a-f]{6}$/i.test(text) ? text.toLowerCase() : undefined, 'must be a colour such as #ffffff'),
};

/** `32,64,128`. */
export const numbers: Kind<readonly number[]> = {
  argument: '<list>',
  field: 'text',
  schema: z.array(z.number()),
  read(text) {
    const all = text.split(',').map((part) => numberIn(part.trim()));
    return valueOr(all.includes(undefined) ? undefined : (all as number[]), 'must be numbers such as 32,64,128');
  },
};

/** No name of a file holds a zero. */
const nonEmpty = z
  .string()
  .min(1)
  .refine((value) => !value.includes('\0'), 'must not hold a zero character');

/** A path, an address, a name. */
export const text = (argument: string): Kind<string> => ({
  argument,
  field: 'text',
  schema: nonEmpty,
  read: (value) => (value === '' ? { wrong: 'must not be empty' } : { value }),
});

function wrongOf(reference: string): string | null {
  if (!isAddress(reference)) return null;
  const address = readAddress(reference);
  return 'wrong' in address ? address.wrong : null;
}

/** A path, or an address `https://…#sha256=…` of a file. */
export const reference: Kind<string> = {
  ...text('<path>'),
  schema: nonEmpty.superRefine((value, context) => {
    const message = wrongOf(value);
    if (message !== null) context.addIssue({ code: 'custom', message });
  }),
  read(value) {
    const wrong = value === '' ? 'must not be empty' : wrongOf(value);
    return wrong === null ? { value } : { wrong };
  },
};

export const choice = <Name extends string>(choices: { readonly [Key in Name]: string }): Kind<Name> => {
  const names = Object.keys(choices) as Name[];
  return {
    argument: '<name>',
    field: 'select',
    schema: z.enum(names) as unknown as z.ZodType<Name>,
    choices,
    read(value) {
      const found = names.find((name) => name === value);
      return valueOr(found, `must be one of ${names.join(', ')}${suggestion(value, names)}`);
    },
  };
};

export const flag: Kind<boolean> = { argument: '', field: 'checkbox', schema: z.boolean(), read: () => ({ value: true }) };

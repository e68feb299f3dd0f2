/** The names of arms for display. */
import { methods } from '../search/methods/table.ts';
import type { Arm } from './result.ts';

type Named = Pick<Arm, 'name' | 'method'>;

/** `SHR` for `shr`; names that are not those of a method stay the same. */
export const armLabel = ({ name, method }: Named): string => (method !== null && name === method ? methods[method].label : name);

/** The name in a sentence, such as `the vanilla network`. */
export const armPhrase = (arm: Named): string =>
  `${arm.method !== null && arm.name === arm.method && !methods[arm.method].grows ? 'the ' : ''}${armLabel(arm)}`;

/** `a`, `a and b`, `a, b and c`. */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The names of arms, as people read them. */
import { methods } from '../search/methods/table.ts';
import type { Arm } from './result.ts';

type Named = Pick<Arm, 'name' | 'method'>;

/** `SHR` of `shr`; a name of its own stays as it is. */
export const armLabel = ({ name, method }: Named): string => (method !== null && name === method ? methods[method].label : name);

/** Within a sentence: `the vanilla network`. */
export const armWords = (arm: Named): string =>
  `${arm.name === 'vanilla' && arm.method === 'vanilla' ? 'the ' : ''}${armLabel(arm)}`;

/** `a`, `a and b`, `a, b and c`. */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

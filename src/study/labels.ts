/** The names of arms, as people read them. */
import type { Arm } from './result.ts';

const labels: Readonly<Record<string, string>> = {
  nash: 'NASH',
  sh: 'SH',
  shr: 'SHR',
  shrsep: 'SHRsep',
  random: 'random growth',
  vanilla: 'vanilla network',
};

/** `SHR` of `shr`; a name from the file stays as it is. */
export const armLabel = ({ name }: Pick<Arm, 'name'>): string => (Object.hasOwn(labels, name) ? labels[name] : undefined) ?? name;

/** Within a sentence: `the vanilla network`. */
export const armWords = (arm: Pick<Arm, 'name'>): string => `${arm.name === 'vanilla' ? 'the ' : ''}${armLabel(arm)}`;

/** `a`, `a and b`, `a, b and c`. */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

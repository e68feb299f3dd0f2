/**
 * The chain of hashes through a journal. Each line ends with a hash over the hash before it and its own text without the hash; the
 * chain begins with the hash of the configuration. So a changed, lost, added or moved line is found, and a changed configuration. Old
 * journals have no hashes, and go on without.
 */
import { sha256 } from '../../util/hash.ts';
import { canonicalJson } from '../../util/json.ts';

/** Hexadecimal digits. */
const digits = 16;
const member = /,"hash":"([0-9a-f]{16})"\}$/;

/** The hash of the last line; null: the journal has no hashes. */
export type Chain = string | null;

/** What the chain of a journal begins with. `config`: the value of config.json as it stands there. */
export const beginChain = (config: unknown): string => sha256(canonicalJson(config)).slice(0, digits);

const hashOf = (before: string, content: string): string => sha256(before, content).slice(0, digits);

export interface Link {
  /** The line without its hash. */
  readonly content: string;
  /** Null: it has none. */
  readonly hash: string | null;
}

/** Takes the hash off a line. */
export function linkOf(line: string): Link {
  const found = member.exec(line);
  return found === null ? { content: line, hash: null } : { content: `${line.slice(0, found.index)}}`, hash: found[1] ?? null };
}

/** Whether the line follows from the one before. */
export const follows = (before: string, { content, hash }: Link): boolean => hash === hashOf(before, content);

/** The line of an entry's JSON text behind the chain, and the chain with it. */
export function chained(content: string, before: Chain): { readonly line: string; readonly chain: Chain } {
  if (before === null) return { line: content, chain: null };
  const hash = hashOf(before, content);
  return { line: `${content.slice(0, -1)},"hash":"${hash}"}`, chain: hash };
}

/** A journal's whole lines, chained behind another configuration. A journal without hashes stays as it is. */
export function chainAnew(text: string, config: unknown): string {
  let chain: Chain = beginChain(config);
  const lines = text.split('\n').slice(0, -1).map(linkOf);
  if (lines[0]?.hash === null) return text;
  return lines
    .map(({ content }) => {
      const next = chained(content, chain);
      chain = next.chain;
      return `${next.line}\n`;
    })
    .join('');
}

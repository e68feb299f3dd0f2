/** The versions on which the bits of a result depend, besides its inputs. */
import type { Fingerprint } from './engine.ts';

export type Bits = Omit<Fingerprint, 'threads'> & { readonly node: string };

export const bitsOf = ({ engine, version, instructionSet }: Fingerprint, node: string): Bits => ({
  engine,
  version,
  instructionSet,
  node,
});

/** For display and comparison: `onednn 2.6.3 (avx512_core), Node 20.20.2`. */
export const describeBits = ({ engine, version, instructionSet, node }: Bits): string =>
  `${engine} ${version} (${instructionSet}), Node ${node}`;

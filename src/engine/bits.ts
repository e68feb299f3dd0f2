/** What the bits of a result depend on besides its inputs. */
import type { EngineName, Fingerprint } from './engine.ts';

export interface Bits {
  readonly engine: EngineName;
  /** Of the library. */
  readonly version: string;
  /** That the library uses; with the device, where that is not the processor. */
  readonly instructionSet: string;
  readonly node: string;
}

export const bitsOf = ({ engine, version, instructionSet }: Fingerprint, node: string): Bits => ({
  engine,
  version,
  instructionSet,
  node,
});

/** For display and comparison: `onednn 2.6.3 (avx512_core), Node 20.20.2`. */
export const describeBits = ({ engine, version, instructionSet, node }: Bits): string =>
  `${engine} ${version} (${instructionSet}), Node ${node}`;

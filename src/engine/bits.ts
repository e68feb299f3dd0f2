/** What the bits of a result depend on beside its inputs. Whoever has the same computes the same. */
import type { EngineName, Fingerprint } from './engine.ts';

export interface Bits {
  readonly engine: EngineName;
  /** Of the library. */
  readonly version: string;
  /** The processor's that the library uses; it names the device where that is another. */
  readonly instructionSet: string;
  readonly node: string;
}

export const bitsOf = ({ engine, version, instructionSet }: Fingerprint, node: string): Bits => ({
  engine,
  version,
  instructionSet,
  node,
});

/** As people read it, and as it is compared: `onednn 2.6.3 (avx512_core), Node 20.20.2`. */
export const describeBits = ({ engine, version, instructionSet, node }: Bits): string =>
  `${engine} ${version} (${instructionSet}), Node ${node}`;

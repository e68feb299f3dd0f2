/** Checkpoints in memory, as the bytes that a file would have. */
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint, type CheckpointStore } from '../../src/training/checkpoint.ts';
import { must } from '../../src/util/assert.ts';
import { sha256 } from '../../src/util/hash.ts';

export function memoryCheckpoints(): CheckpointStore & { readonly written: ReadonlyMap<string, Uint8Array> } {
  const written = new Map<string, Uint8Array>();
  return {
    written,
    write(checkpoint: Checkpoint) {
      const bytes = encodeCheckpoint(checkpoint);
      const hash = sha256(bytes);
      written.set(hash, bytes);
      return Promise.resolve(hash);
    },
    read: (hash) => Promise.resolve(decodeCheckpoint(must(written.get(hash), `checkpoint ${hash}`), hash)),
  };
}

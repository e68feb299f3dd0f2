/** How much memory decoders take at once. */
import { UserError } from '../util/user-error.ts';
import { formatBytes } from '../util/words.ts';

export interface MemoryLimit {
  /** Does the work when so many bytes are free for it; in order. A UserError where they never are. */
  within<T>(bytes: number, path: string, work: () => Promise<T>): Promise<T>;
}

/** Of free memory, what decoders share, and what one of them may take alone. */
const [shared, alone] = [0.5, 0.9];

/** `free`: bytes of memory that are free before the first one. */
export function limitMemory(free: number): MemoryLimit {
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = [];
  const most = Math.floor(shared * free);
  let left = most;

  function next(): void {
    for (let first = waiting[0]; first !== undefined && first.bytes <= left; first = waiting[0]) {
      waiting.shift();
      left -= first.bytes;
      first.begin();
    }
  }
  return {
    async within(bytes, path, work) {
      if (bytes > alone * free)
        throw new UserError(
          `${path}: decoding it takes about ${formatBytes(bytes)} of memory, and ${formatBytes(free)} are free`,
        );
      // One that needs more than is shared takes all of it.
      const taken = Math.min(Math.ceil(bytes), most);
      await new Promise<void>((begin) => {
        waiting.push({ bytes: taken, begin });
        next();
      });
      try {
        return await work();
      } finally {
        left += taken;
        next();
      }
    },
  };
}

export const unlimitedMemory: MemoryLimit = { within: (_bytes, _path, work) => work() };

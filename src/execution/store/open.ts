/** Opens a store by its address. */
import { UserError } from '../../util/user-error.ts';
import type { Store } from './store.ts';

/** Opens `file:DIR` or `s3://bucket/prefix`. Loads only the module that it needs. */
export async function openStore(address: string): Promise<Store> {
  const [, kind, rest = ''] = /^(file|s3):(.+)$/.exec(address) ?? [];
  if (kind === 'file') return (await import('./file.ts')).fileStore(address, rest.replace(/^\/\/(?=\/)/, ''));
  if (kind === 's3') return (await import('./s3.ts')).s3Store(address);
  throw new UserError(`--store ${address}: give file:DIR or s3://bucket/prefix`);
}

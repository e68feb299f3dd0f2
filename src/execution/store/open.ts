/** From an address to its store. */
import { UserError } from '../../util/user-error.ts';
import type { Store } from './store.ts';

/** Opens what an address names: `file:DIR`, or `s3://bucket/prefix`. What it needs is loaded when it is called for. */
export async function openStore(address: string): Promise<Store> {
  const [, kind, rest = ''] = /^(file|s3):(.+)$/.exec(address) ?? [];
  if (kind === 'file') return (await import('./file.ts')).fileStore(address, rest.replace(/^\/\/(?=\/)/, ''));
  if (kind === 's3') return (await import('./s3.ts')).s3Store(address);
  throw new UserError(`--store ${address}: file:DIR or s3://bucket/prefix`);
}

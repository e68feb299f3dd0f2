/**
 * Addresses of files elsewhere, with the hash of what must be there, in pip's form: `https://HOST/PATH#sha256=HEX`. Pure: pages check
 * addresses as the command line does.
 */

export interface FileAddress {
  /** To ask for: without the hash. */
  readonly url: string;
  /** 64 hexadecimal digits; null: not given. */
  readonly sha256: string | null;
  /** Of the file, from the address. */
  readonly name: string;
}

/** Whether it is an address and not a path. */
export const isAddress = (reference: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(reference);

/** Names of this machine, which may be asked without encryption. */
const local: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Whether nobody between here and there can read or change what is sent. */
export const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && local.includes(hostname));

/** The last part of a path; slashes at its end do not count. */
export const lastPart = (path: string): string => /([^/]*)\/*$/.exec(path)?.[1] || path;

function fileNameIn({ pathname, hostname }: URL): string {
  const part = pathname === '/' ? hostname : lastPart(pathname);
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** `wrong` ends a sentence, such as `must begin with https://`. */
export function readAddress(text: string): { readonly value: FileAddress } | { readonly wrong: string } {
  let address: URL;
  try {
    address = new URL(text);
  } catch {
    return { wrong: 'must be a path or an address' };
  }
  if (!isSafe(address)) return { wrong: 'must be a path or begin with https:// (http:// is for this machine alone)' };
  if (address.username !== '' || address.password !== '') return { wrong: 'must not hold a user or a password' };
  const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(address.hash)?.[1]?.toLowerCase() ?? null;
  if (sha256 === null && address.hash !== '')
    return {
      wrong:
        'must end with #sha256= and the 64 digits of the SHA-256 of the file; who offers the file tells it, and sha256sum prints it',
    };
  const name = fileNameIn(address);
  address.hash = '';
  return { value: { url: address.href, sha256, name } };
}

/** The file's name of a path or an address. */
export function fileNameOf(reference: string): string {
  const address = isAddress(reference) ? readAddress(reference) : null;
  return address !== null && 'value' in address ? address.value.name : lastPart(reference);
}

/** A path as it is, an address without its hash. */
export function withoutHash(reference: string): string {
  const address = isAddress(reference) ? readAddress(reference) : null;
  return address !== null && 'value' in address ? address.value.url : reference;
}

/** Archives by their first bytes. */

/** Bytes that `archiveKind` looks at. */
export const archiveHead = 262;

const magics: readonly (readonly [kind: string, at: number, bytes: string])[] = [
  ['zip', 0, 'PK\x03\x04'],
  ['zip', 0, 'PK\x05\x06'],
  ['7z', 0, "7z\xbc\xaf'\x1c"],
  ['rar', 0, 'Rar!\x1a\x07'],
  ['gzip', 0, '\x1f\x8b'],
  ['bzip2', 0, 'BZh'],
  ['xz', 0, '\xfd7zXZ\0'],
  ['zstd', 0, '\x28\xb5\x2f\xfd'],
  ['tar', 257, 'ustar'],
];

/** What kind of archive a file is by its first bytes; undefined where it is none. */
export const archiveKind = (head: Uint8Array): string | undefined =>
  magics.find(([, at, bytes]) => String.fromCharCode(...head.subarray(at, at + bytes.length)) === bytes)?.[0];

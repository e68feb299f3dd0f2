/** Zip and tar archives as bytes, with whatever names and kinds a test asks for. */
import { buffer } from 'node:stream/consumers';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface ZipEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** File type and mode of Unix. Default: a regular file. */
  readonly mode?: number;
  readonly crc?: number;
  readonly flags?: number;
  /** How it says that it is packed. Default: deflated. */
  readonly method?: number;
}

function header(signature: number, fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer {
  const bytes = Buffer.alloc(4 + fields.reduce((sum, [size]) => sum + size, 0));
  bytes.writeUInt32LE(signature);
  let at = 4;
  for (const [size, value] of fields) {
    if (size === 2) bytes.writeUInt16LE(value, at);
    else bytes.writeUInt32LE(value >>> 0, at);
    at += size;
  }
  return bytes;
}

/** A zip with these entries, deflated. */
export function zip(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, mode = 0o100644, crc = crc32(bytes), flags = 0x800, method = 8 } of entries) {
    const packed = deflateRawSync(bytes);
    const raw = Buffer.from(name);
    const shared: [2 | 4, number][] = [
      [2, 20],
      [2, flags],
      [2, method],
      [2, 0],
      [2, 0x5a21],
      [4, crc],
      [4, packed.length],
      [4, bytes.length],
      [2, raw.length],
      [2, 0],
    ];
    const local = Buffer.concat([header(0x04034b50, shared), raw, packed]);
    const rest: [2 | 4, number][] = [
      [2, 0],
      [2, 0],
      [2, 0],
      [4, mode * 65536],
      [4, at],
    ];
    directory.push(Buffer.concat([header(0x02014b50, [[2, 0x314], ...shared, ...rest]), raw]));
    parts.push(local);
    at += local.length;
  }
  const index = Buffer.concat(directory);
  const end = header(0x06054b50, [
    [2, 0],
    [2, 0],
    [2, entries.length],
    [2, entries.length],
    [4, index.length],
    [4, at],
    [2, 0],
  ]);
  return Buffer.concat([...parts, index, end]);
}

/** A zip of files by their names. */
export const zipOf = (files: Readonly<Record<string, Uint8Array>>): Buffer =>
  zip(Object.entries(files).map(([name, bytes]) => ({ name, bytes })));

/** A tar of files by their names, and of other entries. */
export async function tarOf(
  files: Readonly<Record<string, Uint8Array>>,
  others: Parameters<ReturnType<typeof pack>['entry']>[0][] = [],
): Promise<Buffer> {
  const archive = pack();
  const bytes = buffer(archive);
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, Buffer.from(content));
  for (const each of others) archive.entry(each);
  archive.finalize();
  return bytes;
}

export const gzipped = (bytes: Uint8Array): Buffer => gzipSync(bytes);

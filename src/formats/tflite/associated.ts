/**
 * A file inside a TensorFlow Lite file, as its associated files are: the bytes behind the model are a ZIP archive, stored (APPNOTE.TXT of
 * PKWARE, 6.3). Runtimes do not look behind the model; `unzip` and Python's zipfile look from the end.
 */
import { crc32 } from 'node:zlib';

/** 1980-01-01, the first date there is: the same content gives the same bytes. */
const date = 0x21;
/** Version 2.0; names are UTF-8. */
const version = 20;
const utf8Names = 0x800;

type Field = readonly [bytes: 2 | 4, value: number];

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function record(signature: number, fields: readonly Field[], ...rest: readonly Uint8Array[]): Uint8Array {
  const all: readonly Field[] = [[4, signature], ...fields];
  const head = new Uint8Array(all.reduce((sum, [bytes]) => sum + bytes, 0));
  const view = new DataView(head.buffer);
  let at = 0;
  for (const [bytes, value] of all) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return joined([head, ...rest]);
}

export function withAssociated(model: Uint8Array, name: string, content: Uint8Array): Uint8Array {
  const called = new TextEncoder().encode(name);
  const common: readonly Field[] = [
    [2, version],
    [2, utf8Names],
    // Stored; time and date.
    [2, 0],
    [2, 0],
    [2, date],
    [4, crc32(content)],
    [4, content.length],
    [4, content.length],
    [2, called.length],
    [2, 0],
  ];
  const entry = record(0x04034b50, common, called, content);
  // Comment, disk, attributes; where the entry begins.
  const listed: readonly Field[] = [[2, version], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, model.length]];
  const directory = record(0x02014b50, listed, called);
  const end = record(0x06054b50, [
    [2, 0],
    [2, 0],
    [2, 1],
    [2, 1],
    [4, directory.length],
    [4, model.length + entry.length],
    [2, 0],
  ]);
  return joined([model, entry, directory, end]);
}
